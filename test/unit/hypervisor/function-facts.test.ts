import type { FunctionFacts } from "../../../provider/host/facts";
import { withSettledFacts } from "../../../provider/hypervisor/read-function-facts";
import { readHostUses } from "../../../provider/hypervisor/read-host-uses";
import { describeHostNote } from "../../../provider/plan";
import { letTimePass } from "../../support/fake-time";
import { functionFacts } from "../../support/function-facts";
import { nothingUsed } from "../../support/host-facts";
import { hostDevice, World } from "../../support/world";

const { signal } = new AbortController();
const query = { addresses: ["0000:01:00"], forPlug: { buses: [] } };
const readHostFacts = (): Promise<typeof nothingUsed> => Promise.resolve(nothingUsed);
const never = (): Promise<never> => new Promise(() => undefined);
const bound = new World({ functions: hostDevice("0000:01:00", [0], { driver: "vfio-pci" }) });
const factsOf = (isEnabled: boolean): FunctionFacts =>
  functionFacts(bound.functions.values(), { "0000:01:00.0": { isEnabled } });

const guestInterfaces = (): Promise<readonly string[]> => Promise.resolve([]);

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe("the look at functions of an observation", () => {
  it.each<[string, () => Promise<FunctionFacts>, RegExp]>([
    ["fails", () => Promise.reject(new Error("no such request")), /was not looked at: no such request/],
    ["is not answered", never, /was not looked at: .*timeout/],
  ])("that %s fails nothing, and is noted", async (_what, readFunctionFacts, words) => {
    const readers = { readHostFacts, readFunctionFacts, guestInterfaces };
    const { value, tookMs } = await letTimePass(readHostUses(query, readers, signal));
    expect(value?.functionFacts).toBeUndefined();
    expect(value?.hostNotes?.map(describeHostNote)).toEqual([expect.stringMatching(words)]);
    expect(tookMs).toBeLessThan(9_000);
  });

  it("is asked for what is named, if something is to be taken", async () => {
    const asked: (readonly string[])[] = [];
    const readFunctionFacts = (names: readonly string[]): Promise<FunctionFacts> => {
      asked.push(names);
      return Promise.resolve(factsOf(false));
    };
    const readers = { readHostFacts, readFunctionFacts, guestInterfaces };
    const { value } = await letTimePass(readHostUses(query, readers, signal));
    expect(value).toMatchObject({ functionFacts: factsOf(false), hostUses: [], hostNotes: [] });
    await letTimePass(readHostUses({ addresses: ["0000:01:00"] }, readers, signal));
    expect(asked).toEqual([["0000:01:00"]]);
  });

  it.each([
    ["closed by then", false],
    ["open still", true],
  ])("is repeated where a function is open to nobody that is known: %s", async (_what, isOpen) => {
    const observation = { ...bound.observe(), functionFacts: factsOf(true) };
    const read = (): Promise<FunctionFacts> => Promise.resolve(factsOf(isOpen));
    const { value, tookMs } = await letTimePass(withSettledFacts(observation, query, read, signal));
    expect([...(value?.functionFacts?.functions.values() ?? [])].map((one) => one.isEnabled)).toEqual([
      isOpen,
    ]);
    expect(tookMs).toBeGreaterThanOrEqual(400);
  });

  it("is not repeated where all that is open is somebody's", async () => {
    const observation = { ...bound.observe(), functionFacts: factsOf(false) };
    const { value, tookMs } = await letTimePass(withSettledFacts(observation, query, never, signal));
    expect([value, tookMs]).toEqual([observation, 0]);
  });
});
