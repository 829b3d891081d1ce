import { attachmentSchema } from "./attachment-schema";
import { findCredentialFailures, type CredentialChecks } from "./credential-rules";
import { explain } from "./explain";
import type { Fields } from "./fields";
import { findGuestFailures } from "./guest-rules";
import type { InputFailure } from "./input-failure";
import { isUnknownAt } from "./paths";
import { findSelectionFailures } from "./selection-rules";

/**
 * Everything that is wrong with the inputs, at once, before any connection. Values that a preview does not
 * know yet pass at every depth.
 */
export function findInputFailures(inputs: Fields, checks: CredentialChecks): InputFailure[] {
  const result = attachmentSchema.safeParse(inputs);
  const issues = result.success ? [] : result.error.issues;
  const failures = issues
    .filter((issue) => !isUnknownAt(inputs, issue.path))
    .flatMap((issue) => explain(inputs, issue));
  return [
    ...failures,
    ...findGuestFailures(inputs),
    ...findSelectionFailures(inputs),
    ...findCredentialFailures(inputs["connection"], checks),
  ];
}
