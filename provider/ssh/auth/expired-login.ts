import { providerError, type ProviderError } from "../../errors";

/**
 * What sshd says on stderr in place of a command where the login has succeeded but its password has to be
 * changed first (OpenSSH 9.2 and 10.0, session.c: do_pwchange). It gives no number for it.
 */
const NO_TTY = /^Password change required but no TTY available\.\r?$/m;

/**
 * The error of a command that sshd has not started because the login's password has expired, a key's login
 * too.
 */
export function findExpiredLogin(
  target: string,
  code: number | null,
  stderr: string,
): ProviderError | undefined {
  const [asked] = code === 1 ? (NO_TTY.exec(stderr) ?? []) : [];
  return asked === undefined
    ? undefined
    : providerError("SSH_PASSWORD_EXPIRED", { target, asked: `"${asked.trim()}"` });
}
