import { providerError, type ProviderError } from "../../../errors";
import { findHostError, type HelperErrors } from "../../../host/helper";
import { findPciAddress } from "../../../pci";
import { HOST_PROGRAM_VERSIONS } from "./host-program";

/**
 * The host's administrator has to do something before this can go on. Whoever knows what an operation is
 * about makes an error of the catalogue of it, which tells the lines that the host's list needs for that.
 */
export class HostSetupError extends Error {
  readonly #tell: (lines: readonly string[]) => ProviderError;

  constructor(tell: (lines: readonly string[]) => ProviderError) {
    super(tell([]).message);
    this.#tell = tell;
  }

  /** @param lines of the host's list, as this operation needs them */
  toProviderError(lines: readonly string[]): ProviderError {
    return this.#tell(lines);
  }
}

/** What the host's list does not allow. @param reason the host program's words */
export function hostRulesError(target: string, reason: string): HostSetupError {
  return new HostSetupError((lines) => providerError("HOST_RULES_MISSING", { target, reason, lines }));
}

/** The host program's failures, as errors of the catalogue. */
export const HOST_PROGRAM_ERRORS: HelperErrors = {
  failed: (target, reason) => providerError("HOST_PROGRAM_FAILED", { target, reason }),
  refused: (target, text) => {
    const [word = "", ...rest] = text.split(" ");
    if (word === "rules") return hostRulesError(target, rest.join(" "));
    if (word === "stuck" && findPciAddress(rest[0] ?? "") !== undefined)
      return providerError("HOST_CHANGE_STUCK", { target, functions: rest.slice(0, 1) });
    return findHostError(target, text) ?? providerError("HOST_PROGRAM_FAILED", { target, reason: text });
  },
  outdated: (target, found) =>
    new HostSetupError((lines) =>
      providerError("HOST_PROGRAM_OUTDATED", {
        target,
        found: found.newest,
        needed: HOST_PROGRAM_VERSIONS.newest,
        lines,
      }),
    ),
};
