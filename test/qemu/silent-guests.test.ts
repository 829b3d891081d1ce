import { setTimeout as sleep } from "node:timers/promises";
import { causeText } from "../../provider/errors";
import { attach, detach } from "../../provider/apply";
import { eventually } from "../support/eventually";
import { PlainHypervisor, PlainQemu } from "../support/plain-qemu";
import { attachRequest, detachRequest } from "../support/requests";
import { OWNER } from "../support/scenarios";

const slotKinds = ["acpi", "native"] as const;
const nothing = { plugged: [], held: [], ledger: [] };
/** For what a guest does in its own time on a busy machine. */
const PATIENCE_SECONDS = 300;

/** A booted guest that has the whole card. */
async function attached(
  slots: "acpi" | "native",
): Promise<{ qemu: PlainQemu; hypervisor: PlainHypervisor } & AsyncDisposable> {
  const qemu = await PlainQemu.start({ slots });
  const hypervisor = new PlainHypervisor(qemu);
  await qemu.booted();
  await attach(hypervisor, attachRequest());
  await eventually(
    () => qemu.pciFunctions(),
    [0, 1, 2, 3].map((n) => `0000:04:00.${n}`),
  );
  return { qemu, hypervisor, [Symbol.asyncDispose]: () => qemu.stop() };
}

async function reasonOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "it succeeded",
    (cause: unknown) => causeText(cause),
  );
}

const ids = async (hypervisor: PlainHypervisor): Promise<number> => {
  const all = await hypervisor.guest.deviceIds(AbortSignal.timeout(60_000));
  return [...all].filter((id) => id.startsWith("mfpci-")).length;
};

test.each(slotKinds)("an unplug asked for in the firmware ends with the boot (%s slots)", async (slots) => {
  await using guest = await attached(slots);
  const { qemu, hypervisor } = guest;
  await qemu.reset();
  // one reset shows itself twice within that time, and what is pending then is not asked for in the firmware
  await sleep(500);
  const said: string[] = [];
  const limit = { limitSeconds: PATIENCE_SECONDS, progress: (line: string) => said.push(line) };
  await detach(hypervisor, detachRequest(limit));
  expect(await ids(hypervisor)).toBe(0);
  expect(hypervisor.world.partOf(OWNER)).toEqual(nothing);
  // a native slot may have kept it (docs/internals/qemu.md)
  if (slots === "acpi") expect(said).toContain("the guest has not let go yet; asking again");
  await attach(hypervisor, attachRequest({ limitSeconds: PATIENCE_SECONDS }));
  await eventually(async () => (await qemu.pciFunctions()).length, 4);
});

test("a native slot still switching on is asked again, and lets go", async () => {
  await using qemu = await PlainQemu.start({ slots: "native" });
  const hypervisor = new PlainHypervisor(qemu);
  await qemu.booted();
  await attach(hypervisor, attachRequest());
  const said: string[] = [];
  const limit = { limitSeconds: PATIENCE_SECONDS, progress: (line: string) => said.push(line) };
  await detach(hypervisor, detachRequest(limit));
  expect(said).toContain("the guest is still busy with the slot; asking again in 2 s");
  expect(hypervisor.world.partOf(OWNER)).toEqual(nothing);
});

test("a native slot of a hung guest: the error says so; resets help", async () => {
  await using guest = await attached("native");
  const { qemu, hypervisor } = guest;
  await qemu.console("(sleep 0.2; echo c > /proc/sysrq-trigger) &");
  await sleep(2000);
  const reason = await reasonOf(detach(hypervisor, detachRequest({ limitSeconds: 8 })));
  expect(reason).toMatch(/(though it runs; the request stays with it|its power indicator blinks)/);
  await qemu.reset();
  await detach(hypervisor, detachRequest({ limitSeconds: PATIENCE_SECONDS }));
  expect(hypervisor.world.partOf(OWNER)).toEqual(nothing);
});
