import { createAttachment } from "../../../provider/operations/create";
import { diffAttachment } from "../../../provider/operations/diff";
import type { Properties } from "../../../provider/operations/properties";
import { UNKNOWN_VALUE } from "../../../provider/resource";
import { inputs, MemoryOperations } from "./support/memory-operations";

let bench: MemoryOperations;
let state: Properties;
beforeEach(async () => {
  bench = new MemoryOperations();
  state = (await createAttachment(bench.context(), inputs)).properties;
  bench.lines.length = 0;
  bench.opened.length = 0;
});

const diff = (news: object, olds = state) => diffAttachment(bench.context(), olds, { ...news });

test("the same arguments over what stands are no change, and nothing is told", async () => {
  expect(await diff(inputs)).toEqual({ changes: false, changedArguments: [], replaces: [] });
  expect(bench.lines).toEqual([]);
});

test("a changed argument is a change in place, with its plan", async () => {
  const changed = await diff({ ...inputs, functions: [0, 1, 2] });
  expect(changed).toEqual({ changes: true, changedArguments: ["functions"], replaces: [] });
  expect(bench.lines[0]).toBe("plan:");
});

test("drift is a change without a changed argument", async () => {
  bench.world.plugged = [];
  expect(await diff(inputs)).toEqual({ changes: true, changedArguments: [], replaces: [] });
  expect(bench.lines[0]).toMatch(/^drift: /);
});

test("another guest is a replacement by the changed arguments, or by the guest", async () => {
  const elsewhere = { ...state, guestUuid: "33333333-3333-4333-8333-333333333333" };
  expect(await diff(inputs, elsewhere)).toEqual({ changes: true, changedArguments: [], replaces: ["guest"] });
  const moved = await diff({ ...inputs, guest: { domain: "guest2" } }, elsewhere);
  expect(moved).toEqual({ changes: true, changedArguments: ["guest"], replaces: ["guest"] });
  expect(bench.lines[0]).toMatch(/^replacement: the arguments now name guest guest1/);
});

test("a host that cannot be reached makes no change, and leaves one in place", async () => {
  bench.unreachable = new Error("no route");
  expect(await diff(inputs)).toEqual({ changes: false, changedArguments: [], replaces: [] });
  const changed = await diff({ ...inputs, connection: { host: "hv2" } });
  expect(changed).toEqual({ changes: true, changedArguments: ["connection"], replaces: [] });
  const line = "the host cannot be looked at, so the plan will be made at apply: no route";
  expect(bench.lines).toEqual([line, line]);
});

test("an update that would be refused is a change, with the reason", async () => {
  const more = { ...inputs, functions: [0, 1, 2, 3, 7] };
  expect(await diff(more)).toMatchObject({ changes: true, changedArguments: ["functions"] });
  expect(bench.lines).toEqual([expect.stringMatching(/^the update would be refused: /)]);
});

test("an argument not known yet is a change, and no host is asked", async () => {
  const unknown = await diff({ ...inputs, functions: UNKNOWN_VALUE });
  expect(unknown).toEqual({ changes: true, changedArguments: [], replaces: [] });
  expect(bench.lines).toEqual(["some arguments are not known yet; the plan will be made at apply"]);
  expect(bench.opened).toEqual([]);
});
