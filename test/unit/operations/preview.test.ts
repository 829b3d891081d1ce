import { describePreview, previewAttachment } from "../../../provider/operations/preview";
import { parseCheckedInputs } from "../../../provider/resource";
import { letTimePass } from "../../support/fake-time";
import type { PciAddress } from "../../../provider/pci";
import { hostDevice, OTHER_GUEST, World } from "../../support/world";
import { MemoryOperations } from "./support/memory-operations";

const inputs = parseCheckedInputs({
  connection: { host: "hv1" },
  guest: { domain: "guest1" },
  device: "0000:01:00",
  ownerToken: "acme/prod/nic",
});

/** The preview of a create on a host whose observation names these guests. */
async function linesWith(unreadGuests: readonly { guest: { name: string; uuid: string }; reason: string }[]) {
  const bench = new MemoryOperations();
  const { world } = bench;
  const observe = world.observe.bind(world);
  world.observe = () => ({ ...observe(), unreadGuests });
  return describePreview(await previewAttachment(bench.context(), inputs), "create");
}

test("a plan says of which guests it does not know what they have", async () => {
  const reason = "libvirt sent the description of a guest in a form that cannot be read: no element.";
  const unread = [
    { guest: { name: "guest2", uuid: "u2" }, reason },
    { guest: { name: "", uuid: "u3" }, reason },
  ];
  const lines = await linesWith(unread);
  expect(lines[0]).toBe("plan:");
  expect(lines.slice(-2)).toEqual(
    ["guest2", "u3"].map(
      (guest) =>
        `guest ${guest} cannot be read, so not all that it has is known; libvirt itself refuses what a guest has: ${reason}`,
    ),
  );
  expect(await linesWith([])).toEqual(lines.slice(0, -2));
});

test("a preview gives up after its time, and says why", async () => {
  jest.useFakeTimers();
  try {
    const bench = new MemoryOperations();
    bench.onCall = () => new Promise((resolve) => setTimeout(resolve, 20_000));
    const { value } = await letTimePass(previewAttachment(bench.context(), inputs));
    expect(value).toMatchObject({
      kind: "unreachable",
      reason: expect.stringMatching(/15 s.*DEADLINE_EXCEEDED/s) as string,
    });
  } finally {
    jest.useRealTimers();
  }
});

test("a cancelled preview is a host that cannot be read, not an error", async () => {
  const bench = new MemoryOperations();
  const cancel = new AbortController();
  bench.onCall = () => cancel.abort(new Error("cancelled by the engine"));
  const preview = previewAttachment(bench.context({ signal: cancel.signal }), inputs);
  expect(await preview).toEqual({ kind: "unreachable", reason: "cancelled by the engine" });
});

test("each thing that speaks against it is a line, with its code", async () => {
  const bench = new MemoryOperations(new World({ functions: hostDevice(), buses: [] }));
  const linesOf = async (what: "create" | "change") =>
    describePreview(await previewAttachment(bench.context(), inputs), what);
  const slot =
    "guest guest1 has no free hotplug slot on its 0 port(s) and buses: it has no hotplug bus. Add a port to its " +
    "configuration for the next boot: <controller type='pci' model='pcie-root-port'/>. [NO_FREE_SLOT]";
  expect(await linesOf("create")).toEqual([`as things are now, it would be refused: ${slot}`]);
  bench.world.hold("0000:01:00.1" as PciAddress, "hostdev0", OTHER_GUEST);
  const held =
    "0000:01:00.1 is in use by guest guest2 (hostdev hostdev0). Nothing was touched. Detach it there first. " +
    "[FUNCTION_HELD_BY_GUEST]";
  expect(await linesOf("create")).toEqual([
    `as things are now, it would be refused: ${held}`,
    `  also: ${slot}`,
  ]);
  expect(await linesOf("change")).toEqual([`the update would be refused: ${held}`, `  also: ${slot}`]);
});
