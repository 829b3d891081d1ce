import { stateAfterFailure } from "../../../provider/operations/state-after-failure";
import type { ActualState } from "../../../provider/apply";
import { parseState, type AttachmentInputs } from "../../../provider/resource";
import { at } from "../../support/desired";

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

it("with the new set in place has the new arguments, and what is held", () => {
  const after = stateAfterFailure(olds, news, state, { actual: actual(0), stands: true });
  expect(after).toMatchObject({ ...news, attached: [{ hostAddress: "0000:01:00.0" }], held: [part(2)] });
});

it("with the old set put back has old arguments, and today's way there", () => {
  const after = stateAfterFailure(olds, news, state, { actual: actual(0, 1), stands: false });
  expect(after).toMatchObject({ functions: [0, 1], connection: { host: "new" } });
});

it("where nothing is attached has the new arguments", () => {
  for (const found of [undefined, actual()]) {
    const after = stateAfterFailure(olds, news, state, { actual: found, stands: false });
    expect(after).toMatchObject({ ...news, attached: [], hostUuid: "h", guestUuid: "g" });
  }
});
