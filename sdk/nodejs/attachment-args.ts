import type * as pulumi from "@pulumi/pulumi";
import type { ConnectionArgs } from "./connection-args";

/**
 * The running guest that gets the functions: libvirt's `domain`, or a QEMU without libvirt by its
 * `qmpSocket`.
 */
export interface GuestArgs {
  /** Name or UUID of the libvirt domain. Not with `qmpSocket`. */
  domain?: pulumi.Input<string | undefined>;
  /** libvirt's connection URI on the host. Default: "qemu:///system". */
  uri?: pulumi.Input<string | undefined>;
  /**
   * Path, on the host, of the QMP socket of a QEMU that was started by hand, by systemd or by Proxmox VE
   * ("/var/run/qemu-server/100.qmp"). Not with `domain`, and never a socket of libvirt's.
   */
  qmpSocket?: pulumi.Input<string | undefined>;
  /**
   * With `qmpSocket`: how functions are bound where `connection.user` is not root. "sudo" runs one installed
   * program (docs/security.md). Default: the login is root's.
   */
  privilege?: pulumi.Input<"sudo" | undefined>;
}

/** Which guest function number one host function gets. */
export interface FunctionMappingArgs {
  /** Address of the host function, `DDDD:BB:DD.F` (or `BB:DD.F`, which means domain 0000). */
  hostAddress: pulumi.Input<string>;
  /**
   * Function number in the guest's slot, 0 to 7. One entry must have 0: without it a guest sees nothing
   * (PCI).
   */
  guestFunction: pulumi.Input<number>;
  /**
   * Absolute path, on the host, of a file that the guest sees as the function's expansion ROM (option ROM,
   * VBIOS) in place of the device's own. The guest's QEMU must be allowed to read it. Default: the device's
   * own.
   */
  romFile?: pulumi.Input<string | undefined>;
  /**
   * Whether the guest sees an expansion ROM at all (its BAR). Not false together with `romFile`. Default:
   * QEMU's, true.
   */
  romBar?: pulumi.Input<boolean | undefined>;
}

/** Where in the guest the functions appear. */
export interface GuestSlotArgs {
  /** QEMU id of the bus, as libvirt names it: a root port ("pci.5") or a conventional bus ("pci.0"). */
  bus: pulumi.Input<string>;
  /**
   * Slot on that bus, 0 to 31. Default: 0 behind a root port, which has no other; else the highest free slot.
   */
  slot?: pulumi.Input<number | undefined>;
}

/** How long one operation may take, as a whole. An update has the sum of both. */
export interface TimeoutsArgs {
  /** Seconds for an attach. Default: 60. */
  attachSeconds?: pulumi.Input<number | undefined>;
  /** Seconds for a detach, the guest's cooperation included. Default: 60. */
  detachSeconds?: pulumi.Input<number | undefined>;
}

/**
 * Arguments of {@link MultifunctionPciAttachment}: either `device` (with `functions`) or `functionMap`.
 *
 * Everything wrong with them is reported at once by `pulumi preview`, each failure on its property, before
 * any connection is made.
 */
export interface MultifunctionPciAttachmentArgs {
  /** How to reach the hypervisor host. */
  connection: pulumi.Input<ConnectionArgs>;
  /** The running guest. */
  guest: pulumi.Input<GuestArgs>;
  /** Slot of the host device, `DDDD:BB:DD` (or `BB:DD`, which means domain 0000). Not with `functionMap`. */
  device?: pulumi.Input<string | undefined>;
  /**
   * Host function numbers of `device`, each 0 to 7, once. Default: every function that the device has when it
   * is attached. Guest function numbers are the host's own if 0 is among them, else they count up from 0 in
   * host order.
   */
  functions?: pulumi.Input<pulumi.Input<number>[] | undefined>;
  /**
   * Instead of `device` and `functions`: where other guest function numbers are wanted, or functions of
   * several host slots in one guest slot, such as virtual functions (SR-IOV). Their MAC address and VLAN are
   * set on the host, not here.
   */
  functionMap?: pulumi.Input<pulumi.Input<FunctionMappingArgs>[] | undefined>;
  /**
   * What happens to functions of the touched IOMMU groups that are not assigned and have a host driver (VFIO
   * gives out a group only as a whole). "refuse": an error names each of them with its driver and nothing is
   * touched. "hold": they are taken from the host and shown to nobody until the attachment is deleted.
   * Default: "refuse".
   */
  leftovers?: pulumi.Input<"refuse" | "hold" | undefined>;
  /** Where in the guest the functions appear. Default: the highest free hotplug slot. */
  guestSlot?: pulumi.Input<GuestSlotArgs | undefined>;
  /** Take over an attachment that bears another owner's token, instead of refusing it. Default: false. */
  adopt?: pulumi.Input<boolean | undefined>;
  /**
   * Take functions also where the host uses them: an interface that is up with an address, route or another
   * interface on it, a disk that is mounted or a part of something, virtual functions, a display or serial
   * port with a picture or console, what another running guest has of it, and more that hangs below them.
   * The host loses that use. An interface that carries this SSH connection is never taken. Default: false,
   * an error names each use.
   */
  allowInUse?: pulumi.Input<boolean | undefined>;
  /**
   * Let the guest lose functions also where this SSH connection goes through the guest: through an interface
   * of it, or a bridge that it alone serves, as with a router or a firewall. The connection may end in the
   * middle; the next run goes on from there. Default: false, an error names the interface.
   */
  allowDisconnect?: pulumi.Input<boolean | undefined>;
  /**
   * Also at each later cold boot of the guest: the guest's libvirt configuration gets the functions as well,
   * with their real place in the guest. A change of this argument alone does not touch the running guest. A
   * guest that is shut off gets the functions by its configuration alone, and has them from its next start
   * on. Default: false.
   */
  persistent?: pulumi.Input<boolean | undefined>;
  /**
   * How long an attach and a detach may take; that several in one command wait for each other is not counted.
   * Pulumi's `customTimeouts` does not reach a dynamic provider, so it has no effect on this resource.
   */
  timeouts?: pulumi.Input<TimeoutsArgs | undefined>;
}
