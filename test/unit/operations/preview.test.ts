import { look, describePreview } from "../../../provider/operations/preview";
import type { Hypervisors } from "../../../provider/connections/hypervisor-pool";
import { parseCheckedInputs } from "../../../provider/resource";
import type { PciAddress } from "../../../provider/pci";
import { hostDevice, OTHER_GUEST, World } from "../../support/world";
import { WorldHypervisor } from "../../support/world-hypervisor";

const inputs = parseCheckedInputs({
  connection: { host: "hv1" },
  guest: { domain: "guest1" },
  device: "0000:01:00",
  ownerToken: "acme/prod/nic",
});

/** A host whose look names these guests. */
function hypervisorsWith(
  unreadGuests: readonly { guest: { name: string; uuid: string }; reason: string }[],
  world = new World({ functions: hostDevice() }),
) {
  const hypervisor = new WorldHypervisor(world);
  const { host } = hypervisor;
  const observe: typeof host.observe = async (query, signal) => ({
    ...(await host.observe(query, signal)),
    unreadGuests,
  });
  const { label, guestName, guest, ledger, lock } = hypervisor;
  const opened = { label, guestName, guest, ledger, lock, host: { observe } };
  return { openForPreview: () => Promise.resolve(opened) } as unknown as Hypervisors;
}

test("a plan says of which guests it does not know what they have", async () => {
  const signal = new AbortController().signal;
  const reason = "libvirt sent the description of a guest in a form that cannot be read: no element.";
  const unread = [
    { guest: { name: "guest2", uuid: "u2" }, reason },
    { guest: { name: "", uuid: "u3" }, reason },
  ];
  const lines = describePreview(await look(hypervisorsWith(unread), undefined, inputs, signal), "create");
  expect(lines[0]).toBe("plan:");
  expect(lines.slice(-2)).toEqual(
    ["guest2", "u3"].map(
      (guest) =>
        `guest ${guest} cannot be read, so not all that it has is known; libvirt itself refuses what a guest has: ${reason}`,
    ),
  );
  const without = describePreview(await look(hypervisorsWith([]), undefined, inputs, signal), "create");
  expect(without).toEqual(lines.slice(0, -2));
});

test("each thing that speaks against it is a line, with its code", async () => {
  const signal = new AbortController().signal;
  const linesOf = async (world: World, what: "create" | "change") =>
    describePreview(await look(hypervisorsWith([], world), undefined, inputs, signal), what);
  const world = new World({ functions: hostDevice(), buses: [] });
  const slot =
    "guest guest1 has no free hotplug slot on its 0 port(s) and buses: it has no hotplug bus. Add a port to its " +
    "configuration for the next boot: <controller type='pci' model='pcie-root-port'/>. [NO_FREE_SLOT]";
  expect(await linesOf(world, "create")).toEqual([`as things are now, it would be refused: ${slot}`]);
  world.hold("0000:01:00.1" as PciAddress, "hostdev0", OTHER_GUEST);
  const held =
    "0000:01:00.1 is in use by guest guest2 (hostdev hostdev0). Nothing was touched. Detach it there first. " +
    "[FUNCTION_HELD_BY_GUEST]";
  expect(await linesOf(world, "create")).toEqual([
    `as things are now, it would be refused: ${held}`,
    `  also: ${slot}`,
  ]);
  expect(await linesOf(world, "change")).toEqual([`the update would be refused: ${held}`, `  also: ${slot}`]);
});
