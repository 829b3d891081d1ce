import type { BeneathKind, HostFacts } from "../facts";
import type { HostUse } from "./host-use";

/** Kinds of which a device is a use, or may be one. */
const USES: readonly BeneathKind[] = [
  ...(["display", "tty", "mdev", "vdpa", "tpm", "watchdog", "ipmi", "thunderbolt"] as const),
];

/** Devices that were not looked at may hang below any function, and be in use. */
export function leftOutUses({ beneathLook }: HostFacts): HostUse[] {
  if (beneathLook === undefined) return [];
  const { leftOut, among } = beneathLook;
  return USES.filter((kind) => leftOut.some((one) => one.kind === kind)).flatMap((of) =>
    among.map((hostAddress) => ({ kind: "left-out", hostAddress, of, isThisConnection: false })),
  );
}
