import { providerError, ProviderError } from "../../../provider/errors";
import { createAttachment } from "../../../provider/operations/create";
import { deleteAttachment } from "../../../provider/operations/delete";
import type { Properties } from "../../../provider/operations/properties";
import { inputs, MemoryOperations } from "./support/memory-operations";

let bench: MemoryOperations;
let state: Properties;
beforeEach(async () => {
  bench = new MemoryOperations();
  state = (await createAttachment(bench.context(), inputs)).properties;
  bench.lines.length = 0;
  bench.calls.length = 0;
});

const noAnswer = () => providerError("SSH_DIAL_FAILED", { target: "hv1", attempts: 1, reason: "refused" });
const remove = (forgetsUnreachable = false, of = state) =>
  deleteAttachment(bench.context(), of, { forgetsUnreachable });

test("a delete leaves nothing plugged, held or recorded, and tells its steps", async () => {
  await remove();
  expect(bench.world).toMatchObject({ plugged: [], holdings: [], ledger: [] });
  expect(bench.lines.join("\n")).toMatch(/unplug/);
});

test("a host that does not answer proves nothing, and the functions are named", async () => {
  bench.unreachable = noAnswer();
  await expect(remove()).rejects.toMatchObject({
    code: "HOST_NOT_VERIFIED",
    message: expect.stringMatching(/0000:01:00\.0.*MULTIFUNCTION_PCI_FORGET_UNREACHABLE=1/s) as string,
    cause: bench.unreachable,
  });
});

test("a host that does not answer is forgotten if the user says so", async () => {
  bench.unreachable = noAnswer();
  await remove(true);
  expect(bench.lines).toEqual([expect.stringMatching(/^forgotten without a look at the host/)]);
});

test("a host that refuses the login is never forgotten", async () => {
  bench.unreachable = new ProviderError("SSH_HOST_KEY_MISMATCH", { what: "another key" });
  await expect(remove(true)).rejects.toBe(bench.unreachable);
});

test("another host in the place of the state's is not touched", async () => {
  const elsewhere = { ...state, hostUuid: "another", guestUuid: "another" };
  await expect(remove(false, elsewhere)).rejects.toMatchObject({ code: "ANOTHER_HOST" });
  expect(bench.world.plugged).toHaveLength(2);
});
