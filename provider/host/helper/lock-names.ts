/**
 * A malformed name is a mistake in the program, and would be a path or a command on the host.
 *
 * @throws RangeError
 */
export function assertLockNames(names: readonly string[]): void {
  const isValid =
    names.every((name) => /^[a-z0-9-]{1,100}$/.test(name)) && new Set(names).size === names.length;
  if (!isValid || names.length === 0) throw new RangeError(`not a list of lock names: ${names.join(" ")}`);
}
