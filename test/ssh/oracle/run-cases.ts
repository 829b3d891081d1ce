import type { SshConfigFile } from "../../support/ssh-config";
import { USUAL, type Case, type Expected, type Outcome } from "./case";
import { OracleBench } from "./oracle-bench";

/** Logins at the same time: more would wait for the same two processors. */
const AT_ONCE = 3;

interface Result {
  readonly ssh: Outcome;
  readonly provider: Outcome;
}

/** Runs each case through the real `ssh` and through this provider, and compares what came of it. */
export function itDoesAsSshDoes(cases: readonly Case[]): void {
  const bench = new OracleBench();
  const results = new Map<Case, Promise<Result>>();

  beforeAll(async () => {
    await bench.start();
    const waiting = cases.map((one) => {
      let start: () => void = () => undefined;
      const started = new Promise<void>((resolve) => (start = resolve));
      const result = started.then(() => runCase(bench, one));
      result.catch(() => undefined);
      results.set(one, result);
      return { start, result };
    });
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        next.start();
        await next.result.catch(() => undefined);
      }
    };
    for (let index = 0; index < AT_ONCE; index += 1) void worker();
  });
  afterAll(() => bench.tearDown());

  it.each(cases.map((one) => [one.title, one] as const))("%s", async (_title, one) => {
    const { ssh, provider } = (await results.get(one)) ?? {};
    expect(whatOf(ssh)).toEqual(outcomeOf(one.expected, ssh));
    expect(whatOf(provider)).toEqual(outcomeOf(one.differs?.expected ?? one.expected, provider));
    const says = one.differs?.says ?? one.says;
    if (says !== undefined && provider?.is === "refused") expect(provider.why).toMatch(says);
  });
}

async function runCase(bench: OracleBench, one: Case): Promise<Result> {
  await one.prepare?.(bench.places);
  const file: SshConfigFile = bench.configOf(one);
  const [ssh, provider] = await Promise.all([bench.askSsh(one, file), bench.askProvider(one, file)]);
  return { ssh, provider };
}

/** With the reason, so that a failure shows why. */
function whatOf(outcome: Outcome | undefined): unknown {
  return outcome?.is === "in" ? outcome : { is: "refused", why: outcome?.why };
}

function outcomeOf(expected: Expected, outcome: Outcome | undefined): unknown {
  if (expected !== "refused") return { ...USUAL, ...expected };
  return { is: "refused", why: outcome?.is === "refused" ? outcome.why : "a reason" };
}
