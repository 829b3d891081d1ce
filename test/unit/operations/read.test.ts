import { createAttachment } from "../../../provider/operations/create";
import type { Properties } from "../../../provider/operations/properties";
import { readAttachment } from "../../../provider/operations/read";
import { OWN_GUEST } from "../../support/world";
import { inputs, MemoryOperations } from "./support/memory-operations";

let bench: MemoryOperations;
let state: Properties;
beforeEach(async () => {
  bench = new MemoryOperations();
  state = (await createAttachment(bench.context(), inputs)).properties;
  bench.opened.length = 0;
  bench.calls.length = 0;
});

test("what stands is read as the state, from the guest it was made in", async () => {
  expect(await readAttachment(bench.context(), state)).toEqual({ properties: state, inputs });
  expect(bench.opened).toMatchObject([{ for: "operation", locator: { guest: OWN_GUEST.uuid } }]);
  expect(bench.calls.filter((call) => call !== "observe" && call !== "readEnumeration")).toEqual([]);
});

test("what is gone is read as nothing", async () => {
  bench.world.plugged = [];
  bench.world.holdings = [];
  bench.world.ledger = [];
  for (const [address, one] of bench.world.functions)
    bench.world.functions.set(address, { ...one, driver: "e1000e" });
  expect(await readAttachment(bench.context(), state)).toBeUndefined();
});

test("what has gone in part is read as it is", async () => {
  bench.world.plugged = [];
  const found = await readAttachment(bench.context(), state);
  expect(found).toMatchObject({ inputs, properties: { attached: [], held: [{}, {}, {}, {}] } });
});

test("another host in the place of the state's is refused", async () => {
  const elsewhere = { ...state, hostUuid: "another", guestUuid: "another" };
  await expect(readAttachment(bench.context(), elsewhere)).rejects.toMatchObject({ code: "ANOTHER_HOST" });
});

test("a host that cannot be reached is an error, not a missing attachment", async () => {
  bench.unreachable = new Error("no route");
  await expect(readAttachment(bench.context(), state)).rejects.toBe(bench.unreachable);
});
