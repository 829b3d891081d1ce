import { isFields, isGiven } from "./fields";
import type { InputFailure } from "./input-failure";
import { UNKNOWN_VALUE } from "./unknown";

/** Judgements on credentials that need a cryptographic library; each says what is wrong, or undefined. */
export interface CredentialChecks {
  /** @param privateKey - undefined: the one that is used where the program gives none, if there is one. */
  findPrivateKeyProblem(privateKey: string | undefined, password: string | undefined): string | undefined;
  /** @param connection - the one that it is an argument of, as it was given */
  findHostKeyProblem(hostKey: string, connection: Readonly<Record<string, unknown>>): string | undefined;
}

export function findCredentialFailures(
  connection: unknown,
  checks: CredentialChecks,
  path = "connection",
): InputFailure[] {
  if (!isFields(connection)) return [];
  const { privateKey, privateKeyPassword, hostKey, proxy } = connection;
  const failures: InputFailure[] = [];
  const isKnown = (value: unknown): value is string =>
    typeof value === "string" && value !== "" && value !== UNKNOWN_VALUE;
  // that of the configuration or the environment is told of once, not of each jump host
  const isElsewhere = !isGiven(privateKey) && path === "connection";
  if ((isKnown(privateKey) || isElsewhere) && privateKeyPassword !== UNKNOWN_VALUE) {
    const password = typeof privateKeyPassword === "string" ? privateKeyPassword : undefined;
    const problem = checks.findPrivateKeyProblem(isKnown(privateKey) ? privateKey : undefined, password);
    if (problem !== undefined)
      failures.push({ property: `${path}.privateKey`, reason: `${path}.privateKey ${problem}` });
  }
  if (isKnown(hostKey)) {
    const problem = checks.findHostKeyProblem(hostKey, connection);
    if (problem !== undefined)
      failures.push({ property: `${path}.hostKey`, reason: `${path}.hostKey ${problem}` });
  }
  return [...failures, ...findCredentialFailures(proxy, checks, `${path}.proxy`)];
}
