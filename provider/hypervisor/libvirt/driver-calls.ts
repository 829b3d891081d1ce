import { onAbort } from "../../async/abort";
import { now, setTimer, type Timer } from "../../async/clock";
import { isVfioDriver, type FunctionFacts } from "../../host/facts";
import type { LibvirtDomain } from "../../libvirt-rpc";
import type { PciAddress } from "../../pci";
import type { ReadFunctionFacts } from "../read-function-facts";
import { lookAtStuck, STUCK_GRACE_MS, stuckChangeError, type StuckChange } from "../stuck-change";
import type { LibvirtSession } from "./libvirt-session";

/** A call that its operation has given up, and that libvirt has not answered. */
interface LateCall {
  readonly domain: LibvirtDomain;
  readonly hostAddress: PciAddress;
}

/** By the connection to libvirt: what is late is in the way of each later operation of the same guest. */
const lateCalls = new WeakMap<LibvirtSession, Set<LateCall>>();

/** What {@link DriverCalls} are made of. */
export interface DriverCallsParts {
  readonly session: LibvirtSession;
  readonly domain: () => LibvirtDomain;
  /** Default: drivers and users of what does not return are not named. */
  readonly readFunctionFacts?: ReadFunctionFacts | undefined;
}

/** How a call is awaited. */
export interface DriverCall {
  readonly hostAddress: PciAddress;
  readonly signal: AbortSignal;
  /** Whether the call goes on with something that may take long once VFIO has the function. */
  readonly pinsMemory?: boolean;
}

/**
 * Calls by which libvirt has a driver of the host let go of a function, or take it. libvirt does that in the
 * call, which returns when the driver does: so it may never return, and is awaited no longer than some
 * seconds after its operation's end. Until then it is awaited whatever the signal says, because libvirt
 * carries it out all the same, and undoing must not overtake it.
 */
export class DriverCalls {
  readonly #parts: DriverCallsParts;

  constructor(parts: DriverCallsParts) {
    this.#parts = parts;
  }

  /** @throws HOST_CHANGE_STUCK; what the call throws */
  async run<T>({ hostAddress, signal, pinsMemory = false }: DriverCall, call: () => Promise<T>): Promise<T> {
    this.requireNoneLate();
    const startedAt = now();
    const calling = call();
    for (;;) {
      const ended = await endOf(calling, signal);
      if (ended !== "late") return calling;
      const facts = await lookAtStuck([hostAddress], this.#parts.readFunctionFacts);
      if (pinsMemory && isVfioDriver(facts?.functions.get(hostAddress)?.driver)) continue;
      this.#giveUp(hostAddress, calling);
      throw this.#stuckError(hostAddress, { seconds: Math.round((now() - startedAt) / 1000) }, facts);
    }
  }

  /**
   * libvirt takes no other change of a guest while one is under way.
   *
   * @param guest name or UUID; default: the guest that was found
   * @throws HOST_CHANGE_STUCK
   */
  requireNoneLate(guest?: string): void {
    const isMeant = ({ name, uuid }: LibvirtDomain): boolean =>
      guest === undefined ? uuid === this.#parts.domain().uuid : guest === name || guest === uuid;
    const late = [...(lateCalls.get(this.#parts.session) ?? [])].find((one) => isMeant(one.domain));
    if (late !== undefined) throw this.#stuckError(late.hostAddress, { libvirtGuest: late.domain.name });
  }

  #giveUp(hostAddress: PciAddress, calling: Promise<unknown>): void {
    const { session, domain } = this.#parts;
    const late = lateCalls.get(session) ?? new Set<LateCall>();
    lateCalls.set(session, late);
    const one = { domain: domain(), hostAddress };
    late.add(one);
    const forget = (): void => void late.delete(one);
    calling.then(forget, forget);
  }

  #stuckError(
    hostAddress: PciAddress,
    known: Pick<StuckChange, "seconds" | "libvirtGuest">,
    facts?: FunctionFacts,
  ): Error {
    const { session, domain } = this.#parts;
    const libvirtGuest = known.libvirtGuest ?? domain().name;
    return stuckChangeError(
      { ...known, target: session.label, functions: [hostAddress], libvirtGuest },
      facts,
    );
  }
}

/** `late` if the call has not ended some seconds after the signal. */
async function endOf(calling: Promise<unknown>, signal: AbortSignal): Promise<"ended" | "late"> {
  let late: Timer | undefined;
  let stop = (): void => undefined;
  const ended = new Promise<"ended" | "late">((resolve) => {
    const end = (): void => resolve("ended");
    calling.then(end, end);
    stop = onAbort(signal, () => {
      late = setTimer(() => resolve("late"), STUCK_GRACE_MS);
    });
  });
  return ended.finally(() => {
    stop();
    late?.cancel();
  });
}
