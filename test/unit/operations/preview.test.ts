import { look, describePreview } from "../../../provider/operations/preview";
import type { Hypervisors } from "../../../provider/connections/hypervisor-pool";
import { parseCheckedInputs } from "../../../provider/resource";
import { hostDevice, World } from "../../support/world";
import { WorldHypervisor } from "../../support/world-hypervisor";

const inputs = parseCheckedInputs({
  connection: { host: "hv1" },
  guest: { domain: "guest1" },
  device: "0000:01:00",
  ownerToken: "acme/prod/nic",
});

/** A host whose look names these guests. */
function hypervisorsWith(unreadGuests: readonly { guest: { name: string; uuid: string }; reason: string }[]) {
  const hypervisor = new WorldHypervisor(new World({ functions: hostDevice() }));
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
