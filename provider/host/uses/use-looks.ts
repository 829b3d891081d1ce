import type { FunctionFacts, HostFacts } from "../facts";

/** What a look at the host was able to find uses by, and what it could not see. */
export interface UseLooks {
  readonly by: readonly UseLook[];
  readonly notBy: readonly UnseenUse[];
}

/** Something that uses were looked for by. */
export type UseLook =
  | "network"
  | "disk"
  | "display"
  | "tty"
  | "mdev"
  | "vdpa"
  | "tpm"
  | "watchdog"
  | "ipmi"
  | "thunderbolt"
  | "compute"
  | "uio";

/** What was not seen: who has a device open, by a login without root; what hangs below functions. */
export type UnseenUse = "open" | "beneath";

const BENEATH: readonly UseLook[] = [
  ...(["display", "tty", "compute", "mdev", "vdpa", "thunderbolt"] as const),
  ...(["tpm", "watchdog", "ipmi", "uio"] as const),
];

/**
 * If no use was found, none of these was found, and nothing more is known.
 *
 * @param functionFacts they say by themselves whose open files were not seen
 */
export function findUseLooks(
  { beneathLook, lookedAs }: Pick<HostFacts, "beneathLook" | "lookedAs">,
  functionFacts?: FunctionFacts,
): UseLooks {
  const kinds = beneathLook?.kinds ?? new Set();
  return {
    by: ["network", "disk", ...BENEATH.filter((one) => kinds.has(one))],
    notBy: [
      ...(functionFacts === undefined && lookedAs !== undefined && lookedAs !== 0 ? (["open"] as const) : []),
      ...(beneathLook === undefined ? (["beneath"] as const) : []),
    ],
  };
}
