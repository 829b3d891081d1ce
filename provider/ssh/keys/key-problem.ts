/** Why a text is no private key that can be used; holds no word of the text. */
export type KeyProblem =
  | { readonly kind: "passphrase-missing" }
  | { readonly kind: "passphrase-wrong" }
  /** In words: the form, and what to do. */
  | { readonly kind: "unusable"; readonly reason: string };

/** The problem in words. @param passphraseSource where the passphrase came from, or would be looked for */
export function describeKeyProblem(problem: KeyProblem, passphraseSource: string): string {
  switch (problem.kind) {
    case "passphrase-missing":
      return `it is encrypted and ${passphraseSource} is not given`;
    case "passphrase-wrong":
      return `${passphraseSource} does not open it`;
    case "unusable":
      return problem.reason;
  }
}

/** The problem of a form that is not taken, with the command that makes one of it that is. */
export function convertIt(form: string, command: string): KeyProblem {
  return { kind: "unusable", reason: `it is ${form}; convert it by "${command}"` };
}

/** The problem of a key that no conversion helps. */
export function makeAnother(form: string, why: string): KeyProblem {
  return { kind: "unusable", reason: `it is ${form}, ${why}; make another by "ssh-keygen -t ed25519"` };
}
