import { checkAttachment } from "../../../provider/operations/check";
import { createAttachment } from "../../../provider/operations/create";
import { UNKNOWN_VALUE } from "../../../provider/resource";
import { inputs, MemoryOperations } from "./support/memory-operations";

let bench: MemoryOperations;
beforeEach(() => (bench = new MemoryOperations()));

const check = (news: object, { olds = {}, previewsCreate = true } = {}) =>
  checkAttachment(bench.context(), { olds, news: { ...news }, previewsCreate });

test("a check of a create tells the plan, and changes nothing", async () => {
  expect(await check(inputs)).toEqual({ inputs, failures: [] });
  expect(bench.lines[0]).toBe("plan:");
  expect(bench.lines.join("\n")).toMatch(/plug/);
  expect(bench.opened).toMatchObject([{ for: "preview" }]);
  expect(bench.world).toMatchObject({ plugged: [], holdings: [], ledger: [] });
});

test("the plan of a takeover says what a replacement would do", async () => {
  const { properties } = await createAttachment(bench.context(), inputs);
  expect(properties).toMatchObject({ attached: [{}, {}] });
  bench.lines.length = 0;
  await check({ ...inputs, adopt: true });
  expect(bench.lines.at(-1)).toMatch(/^ {2}If this replaces what the stack has, that is deleted first/);
});

test("a create that would be refused passes, with the reason", async () => {
  bench.world.runState = "off";
  expect((await check(inputs)).failures).toEqual([]);
  expect(bench.lines).toEqual([expect.stringMatching(/^as things are now, it would be refused: .*GUEST_/)]);
});

test("no host is asked without a preview, or with wrong or unknown arguments", async () => {
  expect((await check({ ...inputs, functions: [8] })).failures).toMatchObject([{ property: "functions[0]" }]);
  await check(inputs, { previewsCreate: false });
  expect(bench.lines).toEqual([]);
  await check({ ...inputs, functions: UNKNOWN_VALUE });
  expect(bench.lines).toEqual(["some arguments are not known yet; the plan will be made at apply"]);
  expect(bench.opened).toEqual([]);
});

test("what exists keeps its owner token, and no host is asked for it", async () => {
  const { inputs: checked } = await check(
    { ...inputs, ownerToken: "acme/shop/prod/renamed" },
    { olds: inputs },
  );
  expect(checked).toEqual(inputs);
  expect(bench.opened).toEqual([]);
});
