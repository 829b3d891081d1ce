/** What stands at 0000:01:00: four e1000e, or one igb with up to seven virtual functions. */
const NICS = ["e1000e", "igb"] as const;

/** What of the machine may be otherwise than usual. */
export interface Hardware {
  readonly nic: (typeof NICS)[number];
}

/** With this the lab's cache has a saved state, and every test but those of other hardware runs on it. */
export const USUAL_HARDWARE: Hardware = { nic: "e1000e" };

/** Hardware by its names, the usual where there is none; throws with those that there are. */
export function parseHardware(names: { readonly nic?: string | undefined }): Hardware {
  const name = names.nic ?? USUAL_HARDWARE.nic;
  const nic = NICS.find((one) => one === name);
  if (nic === undefined) throw new Error(`The lab has no nic "${name}". There are: ${NICS.join(", ")}`);
  return { nic };
}
