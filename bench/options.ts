import { parseArgs } from "node:util";
import { parseSizes, type FleetSize } from "./fleet/fleet-size";

/** The pieces of the bench. */
export const PIECES = ["lab", "fleet", "change"] as const;
export type Piece = (typeof PIECES)[number];

export const USAGE = `npm run bench -- [OPTION]...
  --only PIECE       lab: one attachment in the lab, beside five other ways;
                     fleet: 1 to 64 attachments on 1 to 8 hosts with plain QEMU, beside four other ways;
                     change: the same fleets by an earlier commit, by this tree and by a script over one ssh, in
                     turns (with --against)
  --against COMMIT   the earlier commit of the piece "change"
  --sizes LIST       sizes of the fleets, ATTACHMENTSxHOSTS with commas between: 1x1,16x4,64x8; of the page "change"
                     alone is written then
  --parallel N       attachments at a time, as pulumi --parallel; default 8, Pulumi's own on two processors
  --minutes N        repeats nothing any more after N minutes, and leaves out one ssh for each step of a fleet; all
                     else is run once all the same
  --quick            one run of each, and the small fleets alone, of which nothing but the processes is judged by a
                     bar; writes nothing
  --dry              writes nothing: docs/internals/benchmark.md and its charts stay as they are
It exits non-zero where a part of it fails, and where a bar is not met (docs/internals/benchmark.md).
After SIGTERM or SIGINT nothing more is begun, and what was measured until then is written; the lab ends at once.`;

/** What is to run. */
export interface BenchOptions {
  readonly pieces: readonly Piece[];
  readonly against?: string;
  readonly parallel: number;
  readonly quick: boolean;
  /** Of the fleets; default: those of the page. */
  readonly sizes?: readonly FleetSize[];
  /** Nothing is run a second time once this has passed. */
  readonly repeatMs: number;
  /** The pieces whose parts of docs/internals/benchmark.md are written. */
  readonly recorded: readonly Piece[];
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
      sizes: { type: "string" },
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
  const sizes = values.sizes === undefined ? undefined : parseSizes(values.sizes);
  const all = PIECES.filter((one) => one !== "change" || against !== undefined);
  const pieces = piece === undefined ? all : [piece];
  return {
    pieces,
    ...(against !== undefined && { against }),
    parallel,
    quick,
    ...(sizes && { sizes }),
    repeatMs: minutes * 60_000,
    // a fleet's table and chart are of all sizes
    recorded: quick || values.dry ? [] : pieces.filter((one) => one !== "fleet" || sizes === undefined),
  };
}
