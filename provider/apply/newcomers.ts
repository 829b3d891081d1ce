import type { HostUse } from "../host/uses";
import { describeHostUse, type Observation } from "../plan";
import type { Progress } from "./ports";

/**
 * A later look at the same guest, without devices of QEMU's that were there before and do not tell which host
 * function they are: they are none of what was taken since.
 */
export function withoutOldStrangers(before: Observation, now: Observation): Observation {
  const isOld = (id: string): boolean => before.unidentified?.includes(id) === true;
  return { ...now, unidentified: (now.unidentified ?? []).filter((id) => !isOld(id)) };
}

/**
 * A later look at the same host, without what its interfaces have got by themselves since the first one: an
 * address or a route, of a function that had none. The first look found it free, and it was the host's for a
 * moment only. Whatever else the host has begun to use meanwhile, such as a file system that was mounted, is
 * told as it is.
 */
export function withoutNewcomers(before: Observation, now: Observation, progress: Progress): Observation {
  const kindOf = ({ hostAddress: address, comesByItself }: HostUse): string => `${address} ${comesByItself}`;
  const known = new Set(before.hostUses.map(kindOf));
  const isNewcomer = (use: HostUse): boolean =>
    use.comesByItself !== undefined && !use.isThisConnection && !known.has(kindOf(use));
  // of functions that are none of the plan's nothing is to be said
  for (const one of now.hostUses)
    if (isNewcomer(one) && now.functions.has(one.hostAddress))
      progress(
        `${one.hostAddress} ${describeHostUse(one)}, since a moment ago; that is no reason to leave it`,
      );
  return { ...now, hostUses: now.hostUses.filter((one) => !isNewcomer(one)) };
}
