import { checkAttachment } from "../../../provider/operations/check";
import { createAttachment } from "../../../provider/operations/create";
import { deleteAttachment } from "../../../provider/operations/delete";
import { diffAttachment } from "../../../provider/operations/diff";
import { readAttachment } from "../../../provider/operations/read";
import { updateAttachment } from "../../../provider/operations/update";
import type { Properties } from "../../../provider/operations/properties";
import { hostDevice, World } from "../../support/world";
import { inputs, MemoryOperations } from "./support/memory-operations";

let bench: MemoryOperations;
beforeEach(() => (bench = new MemoryOperations(new World({ functions: hostDevice(), runState: "off" }))));

const persistent = { ...inputs, persistent: true };
const NOTICE =
  "guest1 is shut off: written to its configuration; it has the functions from its next start on.";
const create = () => createAttachment(bench.context(), persistent);
const noDifference = { changes: false, changedArguments: [], replaces: [] };
const withKind = (properties: Properties, kind: string): Properties => ({
  ...properties,
  slot: { ...(properties["slot"] as object), kind },
});

test("preview and create say when the guest will have it", async () => {
  const request = { olds: {}, news: persistent, previewsCreate: true };
  expect((await checkAttachment(bench.context(), request)).failures).toEqual([]);
  expect(bench.lines).toContain(`  ${NOTICE}`);
  expect(bench.lines.join("\n")).toMatch(/add 0000:01:00\.2,3 \(shown to nobody\) and 0000:01:00\.0,1/);
  bench.lines.length = 0;
  const { properties } = await create();
  expect(bench.lines.at(-1)).toBe(NOTICE);
  expect(properties).toMatchObject({
    slot: { bus: "pci.4", slot: 0, kind: "pcie-acpi" },
    attached: [{ hostAddress: "0000:01:00.0" }, { hostAddress: "0000:01:00.1" }],
    held: [{ hostAddress: "0000:01:00.2" }, { hostAddress: "0000:01:00.3" }],
    guestAddress: null,
    guestState: ["unknown", "unknown"],
  });
});

test("without persistent the preview says how it can be had, and nothing is touched", async () => {
  await checkAttachment(bench.context(), { olds: {}, news: inputs, previewsCreate: true });
  expect(bench.lines.join("\n")).toMatch(/would be refused: .*not running.*set persistent to true/s);
  await expect(createAttachment(bench.context(), inputs)).rejects.toMatchObject({
    code: "GUEST_NOT_RUNNING",
  });
  expect(bench.calls.filter((call) => /^(record|configure)/.test(call))).toEqual([]);
});

test("off, started, and off again: no difference, and a refresh keeps it", async () => {
  const { properties } = await create();
  for (const happens of [() => undefined, () => bench.world.coldBoot(), () => bench.world.stopGuest()]) {
    happens();
    expect(await diffAttachment(bench.context(), properties, persistent)).toEqual(noDifference);
    const read = await readAttachment(bench.context(), properties);
    expect(read?.properties).toMatchObject({ attached: properties["attached"], held: properties["held"] });
  }
});

test("a slot's kind that proves otherwise is corrected by a refresh alone", async () => {
  const { properties } = await create();
  const expected = withKind(properties, "pcie-native");
  bench.world.coldBoot();
  expect(await diffAttachment(bench.context(), expected, persistent)).toEqual(noDifference);
  const read = await readAttachment(bench.context(), expected);
  expect(read?.properties["slot"]).toEqual({ bus: "pci.4", slot: 0, kind: "pcie-acpi" });
  // what the running guest has told counts while it is shut off, too
  bench.world.stopGuest();
  const off = await readAttachment(bench.context(), expected);
  expect(off?.properties["slot"]).toEqual(expected["slot"]);
});

test("it is changed while off, and destroyed while off; what is undefined is gone", async () => {
  const { id, properties } = await create();
  const news = { ...persistent, functions: [0, 1, 2, 3] };
  expect(await diffAttachment(bench.context(), properties, news)).toMatchObject({
    changes: true,
    replaces: [],
  });
  const olds = await updateAttachment(bench.context(), { id, olds: properties, news });
  expect(olds["attached"]).toHaveLength(4);
  expect(bench.lines.at(-1)).toBe(NOTICE);
  await deleteAttachment(bench.context(), olds, { forgetsUnreachable: false });
  expect({ functions: bench.world.configured, ledger: bench.world.configuredLedger }).toEqual({
    functions: [],
    ledger: [],
  });
  expect(await readAttachment(bench.context(), olds)).toBeUndefined();
  bench.world.runState = "missing";
  await deleteAttachment(bench.context(), olds, { forgetsUnreachable: false });
  expect(await readAttachment(bench.context(), olds)).toBeUndefined();
});
