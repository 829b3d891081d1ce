/** One command line for the host's shell; what it prints is of no interest, its exit code is. */
export type Step = string;

/** The same work as the provider's create and delete, as commands that an operator would run on the host. */
export interface Steps {
  /**
   * What create looks at before it plans: guest, other guests, configuration, functions, host's needs, slots,
   * ledger.
   */
  readonly lookBeforeAttach: readonly Step[];
  /** The steps of the plan: ledger, hold, plug in order, confirm by QOM. */
  readonly attach: readonly Step[];
  readonly lookBeforeDetach: readonly Step[];
  /** One unplug, wait until QEMU has none, release, see the drivers back, erase the ledger. */
  readonly detach: readonly Step[];
}

/** A script of these steps that prints the seconds it took. */
export function scriptOf(steps: readonly Step[]): string {
  const lines = steps.map((step) => (step.startsWith("! ") ? `if ${step.slice(2)}; then exit 1; fi` : step));
  const quiet = `{\n${lines.join("\n")}\n} > /dev/null`;
  return [
    "set -eu",
    "started=$EPOCHREALTIME",
    quiet,
    'awk "BEGIN { print $EPOCHREALTIME - $started }"',
    "",
  ].join("\n");
}

/** A step as a command of its own, whatever the login shell is. */
export function commandOf(step: Step): string {
  return `bash -c '${step.replaceAll("'", `'\\''`)}'`;
}
