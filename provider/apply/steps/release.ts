import { now } from "../../async/clock";
import { sleep } from "../../async/sleep";
import { causeText, hasCode, providerError } from "../../errors";
import { isVfioDriver } from "../../host/facts";
import { listFunctions } from "../../plan";
import type { StepOf, Work } from "./work";

/** Functions with the host drivers that they had. */
type Drivers = StepOf<"restore">["drivers"];

/**
 * Libvirt hands four cold-plugged functions back within 10 s of their unplug, 1 to 1.5 s apart (libvirt.md).
 */
const REATTACH_INTERVAL_MS = 500;
const DRIVER_INTERVAL_MS = 500;
/** How long a driver may take to come back by itself, by who gives the function back. */
const DRIVER_PATIENCE_MS = {
  release: 0,
  /** Host drivers come back by themselves within 2 to 4 s if the guest has ended (libvirt.md). */
  "guest-end": 6000,
  libvirt: 10_000,
};

/** Gives one held function back to the host. */
export async function release(
  { hostAddress, alias, hostDriver }: StepOf<"release">,
  { hypervisor, deadline }: Work,
): Promise<void> {
  const request = { hostAddress, alias, ...(isVfioDriver(hostDriver) && { vfioDriver: hostDriver }) };
  await hypervisor.host.release(request, deadline.signal);
}

/**
 * Waits until libvirt holds none of these functions for the guest any more; the deadline ends the waiting.
 */
export async function awaitReattach(
  step: StepOf<"await-reattach">,
  { hypervisor, deadline }: Work,
): Promise<void> {
  for (;;) {
    const there = await hypervisor.host.heldAliases(deadline.signal);
    const left = step.functions.filter((one) => there.has(one.alias)).map((one) => one.hostAddress);
    if (left.length === 0) return;
    const reason = `libvirt has not handed ${listFunctions(left)} back to the host yet`;
    await deadline.sleep(REATTACH_INTERVAL_MS, reason);
  }
}

/**
 * Sees every driver back: waits for those that come by themselves, then binds what is still missing.
 *
 * @throws DRIVER_NOT_BACK, which names the functions left without a driver
 */
export async function restore({ drivers, givenBackBy }: StepOf<"restore">, work: Work): Promise<void> {
  const patienceEndsAt = now() + DRIVER_PATIENCE_MS[givenBackBy];
  let left = await missingOf(drivers, work);
  while (left.length > 0 && now() < patienceEndsAt) {
    await sleep(DRIVER_INTERVAL_MS, work.deadline.signal);
    left = await missingOf(drivers, work);
  }
  if (left.length === 0) return;
  const reasons = await rebindAll(left, work);
  left = await missingOf(drivers, work);
  if (left.length === 0) return;
  throw providerError("DRIVER_NOT_BACK", {
    functions: left.map((one) => `${one.hostAddress} (was on ${one.hostDriver})`),
    reason: reasons.join("; ") || "the host did not bind it",
  });
}

/** The functions that the host has, and that are on no driver of its own. */
async function missingOf(drivers: Drivers, { hypervisor, deadline }: Work): Promise<Drivers> {
  const addresses = drivers.map((one) => one.hostAddress);
  const found = await hypervisor.host.readFunctions(addresses, deadline.signal);
  return drivers.filter(({ hostAddress }) => {
    const one = found.find((candidate) => candidate.hostAddress === hostAddress);
    return one !== undefined && (one.driver === undefined || isVfioDriver(one.driver));
  });
}

/** The reasons for which the host did not bind some of them. */
async function rebindAll(drivers: Drivers, { hypervisor, deadline, progress }: Work): Promise<string[]> {
  const reasons: string[] = [];
  for (const { hostAddress, hostDriver } of drivers) {
    progress(`${hostAddress} came back without its driver ${hostDriver}; binding it again`);
    await hypervisor.host.rebind(hostAddress, deadline.signal).catch((cause: unknown) => {
      if (hasCode(cause, "DEADLINE_EXCEEDED")) throw cause;
      reasons.push(causeText(cause));
    });
  }
  return reasons;
}
