import * as pulumi from "@pulumi/pulumi";
import type { MultifunctionPciAttachmentArgs } from "./attachment-args";
import type { AttachedFunction, GuestState, HeldFunction, Slot } from "./attachment-outputs";
import { ownerToken } from "./owner-token";
import { sealCredentials } from "./seal-credentials";
import { findResolutionProblem } from "./resolvable";
import { shim } from "./shim";

/**
 * Pulumi makes a property of the resource for each key that the constructor passes on, also without a value.
 */
const declaredProperties = {
  device: undefined,
  functions: undefined,
  functionMap: undefined,
  leftovers: undefined,
  guestSlot: undefined,
  adopt: undefined,
  allowInUse: undefined,
  allowDisconnect: undefined,
  persistent: undefined,
  timeouts: undefined,
  slot: undefined,
  guestAddress: undefined,
  guestConfigured: undefined,
  guestState: undefined,
  attached: undefined,
  held: undefined,
  guestUuid: undefined,
  hostUuid: undefined,
  hostKeyFingerprint: undefined,
  incarnation: undefined,
} as const;

/**
 * The functions of one PCI device, plugged as one unit into one slot of a running libvirt guest: the guest
 * sees all of them appear together, or none.
 *
 * Type in URNs: `pulumi-nodejs:dynamic/pci:MultifunctionPciAttachment`. `pulumi import` does not work for
 * dynamic resources; to take over an existing attachment, create it with `adopt: true`.
 *
 * @example
 * const nic = new MultifunctionPciAttachment("bcm5719", {
 *   connection: { host: "hv1", privateKey: config.requireSecret("sshKey"), hostKey: "SHA256:…" },
 *   guest: { domain: "guest1" },
 *   device: "0000:01:00",
 *   functions: [0, 1, 2, 3],
 * });
 * export const slot = nic.slot;
 */
export class MultifunctionPciAttachment extends pulumi.dynamic.Resource {
  /** The guest's slot that the functions are in. */
  declare readonly slot: pulumi.Output<Slot>;
  /**
   * The slot's address as the guest numbered it, `DDDD:BB:DD`; null while the guest has not. Informational: a
   * change of it is no difference.
   */
  declare readonly guestAddress: pulumi.Output<string | null>;
  /**
   * Whether the guest has mapped the functions' BARs (QMP query-pci). Informational, as `guestAddress` is.
   */
  declare readonly guestConfigured: pulumi.Output<boolean>;
  /**
   * What the guest has done with each function of `attached`, in its order, when that was last looked at.
   * Informational, as `guestAddress` is; empty until a release that knows it has looked.
   */
  declare readonly guestState: pulumi.Output<GuestState[]>;
  /**
   * The functions that the guest has, in the order of their guest function numbers. Of a persistent
   * attachment in a guest that is shut off: those that it will have when it boots.
   */
  declare readonly attached: pulumi.Output<AttachedFunction[]>;
  /** The functions taken from the host with `leftovers: "hold"` and shown to nobody. */
  declare readonly held: pulumi.Output<HeldFunction[]>;
  /** UUID of the guest: the one in libvirt, or without libvirt that of its QEMU or of its socket. */
  declare readonly guestUuid: pulumi.Output<string>;
  /** UUID of the host: as libvirt reports it, or without libvirt that of its firmware or its machine id. */
  declare readonly hostUuid: pulumi.Output<string>;
  /** Fingerprint of the key that the host's sshd showed, `SHA256:…`. Informational, as `guestAddress` is. */
  declare readonly hostKeyFingerprint: pulumi.Output<string | null>;
  /**
   * Which create made the attachment, as it is written on the host beside the owner: 32 digits of hex. It
   * tells two stacks of the same name apart. Null for what 0.1 made. Informational, as `guestAddress` is.
   */
  declare readonly incarnation: pulumi.Output<string | null>;
  /** Who owns the attachment, as it is written on the host. */
  declare readonly ownerToken: pulumi.Output<string>;
  /**
   * How to reach the hypervisor host. The argument as given: see {@link
   * MultifunctionPciAttachmentArgs.connection}.
   */
  declare readonly connection: pulumi.Output<pulumi.Unwrap<MultifunctionPciAttachmentArgs["connection"]>>;
  /** The running guest. The argument as given: see {@link MultifunctionPciAttachmentArgs.guest}. */
  declare readonly guest: pulumi.Output<pulumi.Unwrap<MultifunctionPciAttachmentArgs["guest"]>>;
  /**
   * Slot of the host device, `DDDD:BB:DD` (or `BB:DD`, which means domain 0000). The argument as given: see
   * {@link MultifunctionPciAttachmentArgs.device}.
   */
  declare readonly device: pulumi.Output<string | undefined>;
  /**
   * Host function numbers of `device`, each 0 to 7, once. The argument as given: see {@link
   * MultifunctionPciAttachmentArgs.functions}.
   */
  declare readonly functions: pulumi.Output<number[] | undefined>;
  /**
   * Instead of `device` and `functions`: where other guest function numbers are wanted, or functions of
   * several host slots in one guest slot, such as virtual functions (SR-IOV). The argument as given: see
   * {@link MultifunctionPciAttachmentArgs.functionMap}.
   */
  declare readonly functionMap: pulumi.Output<pulumi.Unwrap<MultifunctionPciAttachmentArgs["functionMap"]>>;
  /**
   * What happens to functions of the touched IOMMU groups that are not assigned and have a host driver (VFIO
   * gives out a group only as a whole). The argument as given: see {@link
   * MultifunctionPciAttachmentArgs.leftovers}.
   */
  declare readonly leftovers: pulumi.Output<"refuse" | "hold" | undefined>;
  /**
   * Where in the guest the functions appear. The argument as given: see {@link
   * MultifunctionPciAttachmentArgs.guestSlot}.
   */
  declare readonly guestSlot: pulumi.Output<pulumi.Unwrap<MultifunctionPciAttachmentArgs["guestSlot"]>>;
  /**
   * Take over an attachment that bears another owner's token, instead of refusing it. The argument as given:
   * see {@link MultifunctionPciAttachmentArgs.adopt}.
   */
  declare readonly adopt: pulumi.Output<boolean | undefined>;
  /**
   * Take functions also where the host uses them: an interface that is up with an address, route or another
   * interface on it, a disk that is mounted or a part of something, virtual functions, a display or serial
   * port with a picture or console, what another running guest has of it, and more that hangs below them.
   * The argument as given: see {@link
   * MultifunctionPciAttachmentArgs.allowInUse}.
   */
  declare readonly allowInUse: pulumi.Output<boolean | undefined>;
  /**
   * Let the guest lose functions also where this SSH connection goes through the guest: through an interface
   * of it, or a bridge that it alone serves, as with a router or a firewall. The argument as given: see
   * {@link MultifunctionPciAttachmentArgs.allowDisconnect}.
   */
  declare readonly allowDisconnect: pulumi.Output<boolean | undefined>;
  /**
   * Also at each later cold boot of the guest: the guest's libvirt configuration gets the functions as well,
   * with their real place in the guest. The argument as given: see {@link
   * MultifunctionPciAttachmentArgs.persistent}.
   */
  declare readonly persistent: pulumi.Output<boolean | undefined>;
  /**
   * How long an attach and a detach may take; that several in one command wait for each other is not counted.
   * The argument as given: see {@link MultifunctionPciAttachmentArgs.timeouts}.
   */
  declare readonly timeouts: pulumi.Output<pulumi.Unwrap<MultifunctionPciAttachmentArgs["timeouts"]>>;

  /**
   * Declares the attachment; Pulumi makes it when the program has run.
   *
   * @param name - Name of the resource in the program; with project and stack it makes the owner token.
   * @param args - What to plug, where, and how to reach the host. Not changed.
   * @param opts - Pulumi's options. `customTimeouts` has no effect (see {@link
   * MultifunctionPciAttachmentArgs.timeouts}),   and a replacement always deletes first.
   */
  constructor(name: string, args: MultifunctionPciAttachmentArgs, opts?: pulumi.CustomResourceOptions) {
    const props: pulumi.Inputs = {
      ...declaredProperties,
      ...args,
      connection: sealCredentials(args.connection),
      ownerToken: ownerToken(name, opts?.parent),
    };
    // The device can be in one place only. A provider's diff asks for this order too, but `pulumi up
    // --replace` and `--target-replace` call no diff and would create the replacement first.
    const orderedOpts: pulumi.CustomResourceOptions = { ...opts, deleteBeforeReplace: true };
    super(shim, name, props, orderedOpts, "pci", "MultifunctionPciAttachment");
    const problem = findResolutionProblem(process.cwd());
    if (problem !== undefined) warnOnce(problem, this);
  }
}

const warned = new Set<string>();

/** For however many attachments. */
function warnOnce(text: string, resource: pulumi.Resource): void {
  if (warned.has(text)) return;
  warned.add(text);
  pulumi.log.warn(text, resource).catch(() => undefined);
}
