import type { Host } from "../../../apply";
import type { LibvirtDomain } from "../../../libvirt-rpc";
import type { PciAddress } from "../../../pci";
import type { DriverCalls } from "../driver-calls";
import type { LibvirtSession } from "../libvirt-session";

/** How libvirt takes functions for a guest that does not see them, and gives them back. */
export type FunctionHolder = Pick<Host, "hold" | "release" | "rebind">;

/** What a {@link FunctionHolder} works with. */
export interface FunctionHolderDependencies {
  readonly session: LibvirtSession;
  readonly domain: () => LibvirtDomain;
  readonly driverCalls: DriverCalls;
  /**
   * @throws STILL_PLUGGED, FUNCTION_UNIDENTIFIED if QEMU has the function, or may have it, whoever has
   * plugged it
   */
  readonly requireUnplugged: (hostAddress: PciAddress, signal: AbortSignal) => Promise<void>;
}
