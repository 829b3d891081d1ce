/** What stands at 0000:01:00: four e1000e, or one igb with up to seven virtual functions. */
const NICS = ["e1000e", "igb"] as const;

/**
 * What the machine has beside its network cards: nothing that a host needs, or what an ordinary machine has:
 * a display with a console on it, disks, sound, USB with a keyboard, a serial card.
 */
const EXTRAS = ["none", "everyday"] as const;

/** What of the machine may be otherwise than usual. */
export interface Hardware {
  readonly nic: (typeof NICS)[number];
  readonly extras: (typeof EXTRAS)[number];
}

/** With this the lab's cache has a saved state, and every test but those of other hardware runs on it. */
export const USUAL_HARDWARE: Hardware = { nic: "e1000e", extras: "none" };

/** Hardware by its names, the usual where there is none; throws with those that there are. */
export function parseHardware(names: {
  readonly nic?: string | undefined;
  readonly extras?: string | undefined;
}): Hardware {
  return {
    nic: nameAmong(NICS, "nic", names.nic ?? USUAL_HARDWARE.nic),
    extras: nameAmong(EXTRAS, "extras", names.extras ?? USUAL_HARDWARE.extras),
  };
}

function nameAmong<T extends string>(all: readonly T[], what: string, name: string): T {
  const found = all.find((one) => one === name);
  if (found === undefined) throw new Error(`The lab has no ${what} "${name}". There are: ${all.join(", ")}`);
  return found;
}
