import type { OpenHost } from "../../../provider/connections/hypervisor-pool";
import { providerError, ProviderError } from "../../../provider/errors";
import { inspectHolders } from "../../../provider/operations/inspect-holders";
import { at } from "../../support/desired";

const { signal } = new AbortController();
const noLibvirt = new ProviderError("LIBVIRT_UNREACHABLE", { what: "no libvirt here" });
const found = { hostUuid: "h", holdings: [], ledger: [] };
const guestDevices = { located: [], unlocated: [] };

async function inspect(answers: Partial<OpenHost>) {
  const notes: string[] = [];
  const host = answers as OpenHost;
  const listed = Promise.resolve([at("0000:01:00.0")]);
  return { ...(await inspectHolders({ host, listed, notes }, signal)), notes };
}

test("libvirt is asked first, and its guests are told", async () => {
  const guests = [{ name: "guest1", uuid: "u1" }];
  const answer = { ...found, guests } as unknown as Awaited<ReturnType<OpenHost["runningGuests"]>>;
  const { seen, notes, ...rest } = await inspect({
    runningGuests: () => Promise.resolve(answer),
    locateGuestDevices: () => Promise.resolve(guestDevices),
  });
  expect(rest.guestDevices).toBe(guestDevices);
  expect(seen).toEqual({ by: "host", holders: found, guests });
  expect(notes).toEqual([]);
});

test("without libvirt the host is asked for its functions, and that is noted", async () => {
  const asked: unknown[] = [];
  const answer = await inspect({
    runningGuests: () => Promise.reject(noLibvirt),
    holders: (addresses) => {
      asked.push(...addresses);
      return Promise.resolve({ ...found, guestDevices });
    },
  });
  const { seen, notes } = answer;
  expect(answer.guestDevices).toBe(guestDevices);
  expect(asked).toEqual(["0000:01:00.0"]);
  expect(seen).toEqual({ by: "host", holders: found });
  expect(notes).toEqual([expect.stringMatching(/^No libvirt is used here/)]);
});

test("if neither answers, nobody is known to hold anything, and both reasons are noted", async () => {
  const { seen, notes } = await inspect({
    runningGuests: () => Promise.reject(noLibvirt),
    holders: () => Promise.reject(new ProviderError("HOST_PROGRAM_FAILED", { what: "no bash" })),
  });
  expect(seen).toEqual({ by: "host", holders: { holdings: [], ledger: [] } });
  expect(notes.join("\n")).toMatch(/no libvirt here.*\n.*no bash/);
});

test("any other failure is an error", async () => {
  const lost = providerError("SSH_CONNECTION_LOST", { target: "hv1", reason: "gone" });
  await expect(inspect({ runningGuests: () => Promise.reject(lost) })).rejects.toBe(lost);
  const holders = () => Promise.reject(lost);
  const runningGuests = () => Promise.reject(noLibvirt);
  await expect(inspect({ runningGuests, holders })).rejects.toBe(lost);
});
