import { createAttachment, type Created } from "../../../provider/operations/create";
import { stateAfterFailure, updateAttachment } from "../../../provider/operations/update";
import type { ActualState } from "../../../provider/apply";
import { parseState, type AttachmentInputs } from "../../../provider/resource";
import { at } from "../../support/desired";
import { inputs as firstInputs, MemoryOperations } from "./support/memory-operations";

const inputs = (functions: number[], host: string): Partial<AttachmentInputs> => ({
  connection: { host },
  functions,
});
const olds = inputs([0, 1], "old");
const news = inputs([0], "new");
const part = (n: number) => ({ hostAddress: at(`0000:01:00.${n}`), hostDriver: "e1000e", iommuGroup: n });
const actual = (...numbers: number[]): ActualState => ({
  hostUuid: "h",
  guestUuid: "g",
  guest: { guestConfigured: true },
  attached: numbers.map((n) => ({
    ...part(n),
    guestFunction: n,
    qemuId: `f${n}`,
    vendorId: "",
    productId: "",
  })),
  held: [part(2)],
});
const state = parseState({ ...actual(0, 1), guestConfigured: true });

it("has the new arguments if the new set stands, with what is still held", () => {
  const after = stateAfterFailure(olds, news, state, { actual: actual(0), stands: true });
  expect(after).toMatchObject({ ...news, attached: [{ hostAddress: "0000:01:00.0" }], held: [part(2)] });
});

it("has the old arguments if the old set is back, with today's connection", () => {
  const after = stateAfterFailure(olds, news, state, { actual: actual(0, 1), stands: false });
  expect(after).toMatchObject({ functions: [0, 1], connection: { host: "new" } });
});

it("where nothing is attached has the new arguments", () => {
  for (const found of [undefined, actual()]) {
    const after = stateAfterFailure(olds, news, state, { actual: found, stands: false });
    expect(after).toMatchObject({ ...news, attached: [], hostUuid: "h", guestUuid: "g" });
  }
});

describe("an update", () => {
  let bench: MemoryOperations;
  let created: Created;
  beforeEach(async () => {
    bench = new MemoryOperations();
    created = await createAttachment(bench.context(), firstInputs);
    bench.calls.length = 0;
  });

  const update = (more: object) =>
    updateAttachment(bench.context(), {
      id: created.id,
      olds: created.properties,
      news: { ...firstInputs, ...more },
    });
  const attachedTo = () => bench.world.plugged.map((one) => one.guestFunction).sort();

  it("changes what is there, and has the new arguments", async () => {
    const properties = await update({ functions: [0, 1, 2] });
    expect(properties).toMatchObject({ functions: [0, 1, 2], attached: [{}, {}, {}] });
    expect(attachedTo()).toEqual([0, 1, 2]);
  });

  it("that fails and puts the old set back keeps the old arguments", async () => {
    bench.faultAt = (call) => (call === "plug f2" ? "refused" : undefined);
    await expect(update({ functions: [0, 1, 2] })).rejects.toMatchObject({
      name: "PartialAttachment",
      id: created.id,
      properties: { functions: [0, 1], attached: [{}, {}] },
    });
    expect(attachedTo()).toEqual([0, 1]);
  });

  it("that fails for good aims at the new arguments next time", async () => {
    bench.faultAt = (call) => (call.startsWith("plug") ? "refused" : undefined);
    await expect(update({ functions: [0, 1, 2] })).rejects.toMatchObject({
      name: "PartialAttachment",
      properties: { functions: [0, 1, 2], attached: [] },
    });
  });

  it("of another guest's state is refused, with nothing touched", async () => {
    const olds = { ...created.properties, guestUuid: "33333333-3333-4333-8333-333333333333" };
    const request = { id: created.id, olds, news: { ...firstInputs, functions: [0] } };
    await expect(updateAttachment(bench.context(), request)).rejects.toMatchObject({
      code: "ANOTHER_GUEST",
    });
    expect(attachedTo()).toEqual([0, 1]);
  });
});
