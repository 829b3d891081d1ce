import type { Lock } from "../../../apply";
import { hostListLines } from "../../../errors";
import { findPciAddress, findPciSlotAddress } from "../../../pci";
import { QmpError, type QmpMonitor } from "../../../qmp";
import { HostSetupError, hostRulesError } from "./host-program-errors";
import type { HostRecord } from "./host-record";
import type { ChangeVerb, HostRequests } from "./host-requests";

/** The class under which the host program answers a command that the host's list does not allow. */
const RULES_CLASS = "HostRules";
/** Of the owner, in the host's log. */
const MAX_OWNER_CHARACTERS = 200;

/** What one operation is about. */
export interface OperationRequestsParts {
  readonly requests: Pick<HostRequests, "look" | "change" | "label">;
  /** Path of the monitor's socket. */
  readonly socket: string;
  /** The owner token of the attachment; undefined where nothing is changed. */
  readonly owner?: string | undefined;
}

/**
 * What one operation asks of a host: under the locks that it holds in that moment, and with errors that tell
 * what the host's list needs for it.
 */
export class OperationRequests {
  readonly #parts: OperationRequestsParts;
  readonly #held = new Set<readonly string[]>();
  /** Functions and slots that were asked for, in their order. */
  readonly #devices = new Set<string>();

  constructor(parts: OperationRequestsParts) {
    this.#parts = parts;
  }

  /** The host, for messages. */
  get label(): string {
    return this.#parts.requests.label;
  }

  /** See {@link HostRequests.look}. */
  look(request: string, signal: AbortSignal): Promise<HostRecord[]> {
    this.#noteDevices(request);
    return this.explained(() => this.#parts.requests.look(request, signal));
  }

  /**
   * See {@link HostRequests.change}.
   *
   * @param request its verb, and what follows locks and owner
   */
  change(request: string, signal: AbortSignal): Promise<HostRecord[]> {
    const { requests, owner } = this.#parts;
    const [verb = "", ...args] = request.split(" ");
    const isNoted = verb !== "write";
    if (isNoted) this.#noteDevices(request);
    const parts = {
      locks: [...this.#held].flat(),
      ...(isNoted && { owner: ownerWord(owner) }),
      args: args.join(" "),
    };
    return this.explained(() => requests.change(verb as ChangeVerb, parts, signal));
  }

  /** The same locks, of which it is known here which are held. */
  lockOf(lock: Lock): Lock {
    return {
      acquire: async (names, signal, clock) => {
        const locks = await this.explained(() => lock.acquire(names, signal, clock));
        const held = [...names];
        this.#held.add(held);
        const release = (): Promise<void> => {
          this.#held.delete(held);
          return locks.release();
        };
        return { lost: locks.lost, release };
      },
    };
  }

  /** The same monitor, of which refusals by the host's list are told as such. */
  monitorOf(monitor: QmpMonitor): QmpMonitor {
    return {
      execute: (command, args, signal) => this.explained(() => monitor.execute(command, args, signal)),
      listen: (listener, signal) => this.explained(() => monitor.listen(listener, signal)),
    };
  }

  /** What the host's administrator has to do is told with the lines that this operation needs. */
  async explained<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (cause) {
      const isRefusedByRules = cause instanceof QmpError && cause.errorClass === RULES_CLASS;
      const known = isRefusedByRules ? hostRulesError(this.#parts.requests.label, cause.description) : cause;
      if (!(known instanceof HostSetupError)) throw cause;
      const { requests, socket } = this.#parts;
      const needs = { socket, devices: [...this.#devices], account: accountOf(requests.label) };
      throw known.toProviderError(hostListLines(needs));
    }
  }

  #noteDevices(request: string): void {
    for (const word of request.split(/[ =]/))
      if (findPciAddress(word) !== undefined || findPciSlotAddress(word) !== undefined)
        this.#devices.add(word);
  }
}

/** The login in a host's label: `pulumi-pci` of `pulumi-pci@hv1:22`. */
export function accountOf(label: string): string {
  return label.slice(0, Math.max(0, label.lastIndexOf("@")));
}

/** The owner as one word of printable ASCII. */
function ownerWord(owner: string | undefined): string {
  return owner === undefined || owner === "" ? "-" : encodeURIComponent(owner).slice(0, MAX_OWNER_CHARACTERS);
}
