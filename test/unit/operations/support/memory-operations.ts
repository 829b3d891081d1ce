import type { Hypervisor } from "../../../../provider/apply";
import type { GuestLocator } from "../../../../provider/connections/guest-locator";
import type { OperationContext } from "../../../../provider/operations/operation-context";
import { RunningOperations } from "../../../../provider/operations/running-operations";
import { hostDevice, World } from "../../../support/world";
import { WorldHypervisor, type Fault } from "../../../support/world-hypervisor";

/**
 * Arguments of an attachment of two of the four functions of a device to the guest of
 * {@link MemoryOperations}.
 */
export const inputs = {
  connection: { host: "hv1" },
  guest: { domain: "guest1" },
  device: "0000:01:00",
  functions: [0, 1],
  leftovers: "hold",
  ownerToken: "acme/shop/prod/nic",
};

/** The operations over a host in memory: what they open, what befalls their calls, and what they say. */
export class MemoryOperations {
  readonly running = new RunningOperations();
  readonly lines: string[] = [];
  /** How each hypervisor was opened, in order. */
  readonly opened: { readonly for: "preview" | "operation"; readonly locator: GuestLocator }[] = [];
  /** Calls of all hypervisors. */
  readonly calls: string[] = [];
  /** Set, nothing can be opened. */
  unreachable: Error | undefined;
  faultAt: (call: string) => Fault | undefined = () => undefined;
  /** Before each call. */
  onCall: (call: string) => void | Promise<void> = () => undefined;

  /** What the pool does for them. */
  readonly connections = {
    targets: { ambient: {}, knownHostsByHopOf: () => Promise.resolve(new Map()) },
    open: (locator: GuestLocator) => this.#open("operation", locator),
    openForPreview: (locator: GuestLocator) => this.#open("preview", locator),
    close: () => Promise.resolve(),
  };

  constructor(readonly world = new World({ functions: hostDevice() })) {}

  context(more: Partial<OperationContext> = {}): OperationContext {
    const { connections, running } = this;
    return { connections, running, progress: (line) => void this.lines.push(line), ...more };
  }

  async #open(what: "preview" | "operation", locator: GuestLocator): Promise<Hypervisor> {
    this.opened.push({ for: what, locator });
    if (this.unreachable !== undefined) throw this.unreachable;
    const hypervisor = new WorldHypervisor(this.world, (call) => this.faultAt(call));
    hypervisor.onCall = async (call) => {
      this.calls.push(call);
      await this.onCall(call);
    };
    return hypervisor;
  }
}
