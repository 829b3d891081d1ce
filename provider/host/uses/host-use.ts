import type { PciAddress } from "../../pci/address";
import type {
  BeneathKind,
  DeviceUser,
  DiskClaim,
  DiskHolder,
  GuestDeviceKind,
  HostProcess,
  OpenNode,
} from "../facts";

/** What the host needs a function for, as data. Its words are `describeHostUse` in provider/plan. */
export type HostUse = HostUseTraits & HostUseReason;

/** What the planner decides by, whatever the kind of the use. */
export interface HostUseTraits {
  readonly hostAddress: PciAddress;
  /** Whether this SSH connection would be cut: nobody may override that. */
  readonly isThisConnection: boolean;
  /**
   * Set if the use is no more than what an interface is given by itself as soon as the host has it back, as
   * by DHCP: addresses, routes. The only default route of the host is more than that.
   */
  readonly comesByItself?: "address" | "route";
  /**
   * Set if the function's driver, asked to let go, waits for the end of the use, however long: nobody may
   * override that while it lasts.
   */
  readonly blocksUnbind?: true;
  /** Virtual functions (SR-IOV) that are gone once the driver of this physical function has lost it. */
  readonly virtualFunctions?: readonly PciAddress[];
}

/** What the host uses a function for: one member for each kind of use. Names are kernel names. */
export type HostUseReason =
  | InterfaceUseReason
  | DiskUseReason
  | VirtualFunctionsReason
  | VirtualFunctionInUseReason
  | BeneathUseReason
  | FunctionUserReason
  | OpenUseReason
  | GuestDeviceReason
  | {
      /** What the host tells of it cannot be read. */
      readonly kind: "unread-function";
    };

/** The uses of a function by way of a network interface on it. */
export type InterfaceUseReason =
  | {
      /** The interface carries it, itself or as a part of the interface `via`. */
      readonly kind: "this-connection" | "default-route";
      readonly device: string;
      readonly via?: string;
    }
  | { readonly kind: "addresses"; readonly device: string; readonly addresses: readonly string[] }
  | { readonly kind: "routes"; readonly device: string; readonly routes: readonly string[] }
  | { readonly kind: "interface-layer"; readonly device: string; readonly layer: InterfaceLayer }
  | { readonly kind: "hidden-interface" }
  | {
      /**
       * The interface may be beneath `via`, below which no function is found; without `via` it is not known
       * over which interface this connection comes.
       */
      readonly kind: "possible-carrier";
      readonly carries: CarriedThing;
      readonly device: string;
      readonly via?: string;
    }
  | {
      /** What `ip` says of the interface, or of the host's routes, cannot be read. */
      readonly kind: "unread-interface" | "unread-routes";
      readonly device: string;
    };

/** What an interface carries that nobody wants to lose. */
export type CarriedThing = "this-connection" | "default-route";

/** What runs on top of an interface. */
export interface InterfaceLayer {
  /** iproute2's word for its type (`bridge`, `vlan`); absent for hardware and what has none. */
  readonly type?: string;
  /** Absent for Open vSwitch, whose ports are the ports of all its switches. */
  readonly name?: string;
}

/** The uses of a function by way of a disk on it. */
export type DiskUseReason =
  | { readonly kind: "mount"; readonly disk: DiskLabel; readonly mountPoints: readonly string[] }
  | { readonly kind: "swap"; readonly disk: DiskLabel }
  | { readonly kind: "disk-claim"; readonly disk: DiskLabel; readonly claim: DiskClaim }
  | {
      /** The disk is a part of these devices of one kind. */
      readonly kind: "disk-holder";
      readonly disk: DiskLabel;
      readonly holder: DiskHolder;
      readonly holders: readonly DiskLabel[];
    };

/** The uses of a function by way of other devices that hang below it. */
export type BeneathUseReason =
  | { readonly kind: "display"; readonly device: string; readonly shows: "picture" | "console" }
  | { readonly kind: "serial-console" | "mediated-device"; readonly device: string }
  | { readonly kind: "vdpa"; readonly device: string; readonly driver: string }
  | { readonly kind: "thunderbolt"; readonly device: string; readonly product?: string }
  | {
      readonly kind: "machine-device";
      readonly device: string;
      readonly type: "tpm" | "watchdog" | "ipmi";
    }
  | {
      /** Devices of this kind were not looked at. */
      readonly kind: "left-out";
      readonly of: BeneathKind;
    };

/** A program has the function in hand, itself or by a driver that is made for that. */
export interface FunctionUserReason {
  readonly kind: "compute" | "user-driver";
  readonly name: string;
}

/** How a disk is named. */
export interface DiskLabel {
  readonly name: string;
  /** Name of a mapped device: `vg-root`. */
  readonly alias?: string;
}

/** A physical function has virtual functions enabled. */
export interface VirtualFunctionsReason {
  readonly kind: "virtual-functions";
  readonly virtualFunctions: readonly PciAddress[];
}

/** A virtual function that goes with this function is in use itself. */
export interface VirtualFunctionInUseReason {
  readonly kind: "virtual-function-in-use";
  readonly use: HostUse;
}

/** Programs of the host have it open, or may have. */
export type OpenUseReason =
  | { readonly kind: "open"; readonly nodes: readonly OpenNode[] }
  | {
      /** Its driver's module counts users of which it is not known what they use. */
      readonly kind: "module-in-use";
      readonly module: string;
      readonly count: number;
      readonly processes: readonly HostProcess[];
    };

/** A running guest, a container or a process has something of the function by way of the host's driver. */
export interface GuestDeviceReason {
  readonly kind: "guest-device";
  readonly guest: string;
  /** Default: a guest. */
  readonly by?: DeviceUser;
  readonly what: GuestDeviceKind;
  readonly device: DiskLabel;
  /** The guest's interface is on this one, of which `device` is a part. */
  readonly via?: string;
}
