import { parseArgs } from "node:util";

/** The pieces of the bench. */
export const PIECES = ["lab", "fleet", "change"] as const;
export type Piece = (typeof PIECES)[number];

export const USAGE = `npm run bench -- [OPTION]...
  --only PIECE       lab: one attachment in the lab, beside five other ways;
                     fleet: 1 to 64 attachments on 1 to 8 hosts with plain QEMU, beside four other ways;
                     change: 64 attachments on 8 hosts and on one, by an earlier commit and by this tree (with --against)
  --against COMMIT   the earlier commit of the piece "change"
  --parallel N       attachments at a time, as pulumi --parallel; default 8, Pulumi's own on two processors
  --minutes N        repeats nothing any more after N minutes, and leaves out one ssh for each step of a fleet; all
                     else is run once all the same
  --quick            one run of each, and the small fleets alone; writes nothing
  --dry              writes nothing: docs/internals/benchmark.md and its charts stay as they are
After SIGTERM or SIGINT nothing more is begun, and what was measured until then is written; the lab ends at once.`;

/** What is to run. */
export interface BenchOptions {
  readonly pieces: readonly Piece[];
  readonly against?: string;
  readonly parallel: number;
  readonly quick: boolean;
  /** Nothing is run a second time once this has passed. */
  readonly repeatMs: number;
  /** Whether docs/internals/benchmark.md is written. */
  readonly records: boolean;
}

/**
 * @throws an Error that names the option, its value and what it takes; undefined where help was asked for.
 */
export function parseOptions(args: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      against: { type: "string" },
      parallel: { type: "string", default: "8" },
      minutes: { type: "string", default: "Infinity" },
      quick: { type: "boolean", default: false },
      dry: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const { only, against, quick } = values;
  const parallel = Number(values.parallel);
  if (!Number.isInteger(parallel) || parallel < 1)
    throw new Error(`--parallel takes a whole number from 1 on, not "${values.parallel}"`);
  const minutes = Number(values.minutes);
  if (!(minutes >= 0)) throw new Error(`--minutes takes a number from 0 on, not "${values.minutes}"`);
  const piece = PIECES.find((one) => one === only);
  if (only !== undefined && piece === undefined)
    throw new Error(`--only takes ${PIECES.join(", ")}, not "${only}"`);
  if (piece === "change" && against === undefined)
    throw new Error(`--only change needs --against, the commit to compare with, such as main`);
  const all = PIECES.filter((one) => one !== "change" || against !== undefined);
  return {
    pieces: piece === undefined ? all : [piece],
    ...(against !== undefined && { against }),
    parallel,
    quick,
    repeatMs: minutes * 60_000,
    records: !quick && !values.dry,
  };
}
