import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { uuidOfSocket } from "../../provider/hypervisor/plain-qemu/guest-uuid";
import { eventually } from "../support/eventually";
import { outputsOf, PlainBench, type FakeFunction } from "../support/plain-host";
import { PlainQemu } from "../support/plain-qemu";

const four = [0, 1, 2, 3].map((n) => `0000:04:00.${n}`);
const ON_HOST = ["e1000e", "e1000e", "e1000e", "e1000e"];
const HELD = ON_HOST.map(() => "vfio-pci");

/** Shared by those that leave it as they found it. */
let qemu: PlainQemu;
let said: string[];

beforeAll(async () => {
  qemu = await PlainQemu.start({ slots: "acpi", uuid: "33333333-3333-4333-8333-333333333333" });
  await qemu.booted();
});
afterAll(() => qemu.stop());
beforeEach(() => {
  said = [];
  jest.spyOn(console, "log").mockImplementation((line: string) => void said.push(line));
});

test("a guest without libvirt gets four functions, loses two, and returns all", async () => {
  await using bench = await PlainBench.start();
  const { sysfs } = bench;
  const provider = bench.provider();
  const inputs = bench.inputs(qemu.freeSocket);
  const checked = await provider.check({}, inputs);
  expect(checked.failures).toEqual([]);

  const created = await outputsOf(provider.create(inputs));
  await eventually(() => qemu.pciFunctions(), four);
  expect(sysfs.drivers).toEqual(HELD);
  expect(created).toMatchObject({
    slot: { bus: "pci.4", slot: 0, kind: "pcie-acpi" },
    guestUuid: "33333333-3333-4333-8333-333333333333",
    hostUuid: "01234567-89ab-cdef-0123-456789abcdef",
    held: [],
  });
  // one command: what is to be unbound is unbound, then all is probed
  expect(sysfs.writes).toEqual([
    ...["unbind", "probe"].flatMap((verb) => [0, 1, 2, 3].map((n) => `${verb} 0000:01:00.${n}`)),
  ]);

  const state = { ...inputs, ...created };
  expect(await provider.diff("id", state, inputs)).toMatchObject({ changes: false });
  expect((await provider.read("id", state)).id).toBe("id");

  const two = bench.inputs(qemu.freeSocket, { functions: [0, 1], leftovers: "hold" });
  expect(await provider.diff("id", state, two)).toMatchObject({ changes: true, replaces: [] });
  expect(said).toContainEqual(expect.stringMatching(/1\. write the ledger in a file on the host for /));
  const outs = await outputsOf(provider.update("id", state, two));
  await eventually(() => qemu.pciFunctions(), four.slice(0, 2));
  expect(sysfs.drivers).toEqual(HELD);

  await provider.delete("id", { ...two, ...outs });
  await eventually(() => qemu.pciFunctions(), []);
  expect(sysfs.drivers).toEqual(ON_HOST);
  expect(sysfs.overrides).toEqual(["", "", "", ""]);
  expect(sysfs.ledgerFiles).toEqual([]);
  expect(await provider.read("id", state)).toMatchObject({ id: "" });
});

test("what a cut-off provider has begun is finished by the next, everywhere", async () => {
  await using bench = await PlainBench.start();
  const inputs = bench.inputs(qemu.freeSocket);
  for (const cutAt of ["0000:01:00.1", "0000:01:00.0"]) {
    const killed = bench.provider();
    // the call that is under way waits until nothing can be sent any more
    bench.onPlug = (address) => (address === cutAt ? killed.close() : undefined);
    await expect(killed.create(inputs)).rejects.toThrow("What was begun is recorded on the host");
    bench.onPlug = () => undefined;
    expect(bench.sysfs.drivers).toEqual(HELD);
    expect(bench.sysfs.ledgerFiles).toHaveLength(1);

    // as after a kill: nothing is known but the arguments
    const next = bench.provider();
    const outs = await outputsOf(next.create(inputs));
    await eventually(() => qemu.pciFunctions(), four);
    expect(outs).toMatchObject({ attached: four.map(() => ({ hostDriver: "e1000e", iommuGroup: 5 })) });
    const state = { ...inputs, ...outs };
    expect(await next.diff("id", state, inputs)).toMatchObject({ changes: false });
    await next.delete("id", state);
    expect(bench.sysfs.drivers).toEqual(ON_HOST);
  }
});

test("a function that vfio-pci does not take undoes the whole, and names the reason", async () => {
  await using bench = await PlainBench.start();
  bench.sysfs.refused.add("0000:01:00.2");
  const provider = bench.provider();
  const creating = provider.create(bench.inputs(qemu.freeSocket));
  await expect(creating).rejects.toThrow(
    /0000:01:00\.2 was not taken by vfio-pci.*\[BIND_FAILED\] Everything was undone: every function is back on the host/,
  );
  expect(bench.sysfs.drivers).toEqual(ON_HOST);
  expect(bench.sysfs.overrides).toEqual(["", "", "", ""]);
  expect(bench.sysfs.ledgerFiles).toEqual([]);
});

test("a paused guest keeps the request, and lets go when it is resumed", async () => {
  await using bench = await PlainBench.start();
  const provider = bench.provider();
  const inputs = bench.inputs(qemu.freeSocket, { timeouts: { detachSeconds: 3 } });
  const outs = await outputsOf(provider.create(inputs));
  await eventually(() => qemu.pciFunctions(), four);
  const state = { ...inputs, ...outs };
  await qemu.qmp("stop");
  await expect(provider.delete("id", state)).rejects.toThrow(/the guest is paused.*\[DETACH_FAILED\]/);
  expect(bench.sysfs.drivers).toEqual(HELD);
  await qemu.qmp("cont");
  await provider.delete("id", { ...state, timeouts: { detachSeconds: 120 } });
  expect(await qemu.pciFunctions()).toEqual([]);
  expect(bench.sysfs.drivers).toEqual(ON_HOST);
});

test("a killed QEMU's functions stay held, are told, and return by delete", async () => {
  await using bench = await PlainBench.start();
  const qemu = await PlainQemu.start({ slots: "native" });
  await qemu.booted();
  const provider = bench.provider();
  const inputs = bench.inputs(qemu.freeSocket);
  const outs = await outputsOf(provider.create(inputs));
  const state = { ...inputs, ...outs };
  await qemu.stop();
  expect(bench.sysfs.drivers).toEqual(HELD);
  expect(await provider.read("id", state)).toMatchObject({
    props: { attached: [], held: four.map(() => ({ hostDriver: "e1000e" })) },
  });
  await expect(provider.update("id", state, inputs)).rejects.toThrow(/is not running.*\[GUEST_NOT_RUNNING\]/);
  await provider.delete("id", state);
  expect(bench.sysfs.drivers).toEqual(ON_HOST);
  expect(bench.sysfs.ledgerFiles).toEqual([]);
});

test("another client's monitor is waited for ten seconds, and the error says so", async () => {
  await using bench = await PlainBench.start();
  await using qemu = await PlainQemu.start({ slots: "acpi", kernel: false, memoryMiB: 64 });
  const provider = bench.provider();
  const other = connect(qemu.freeSocket);
  await once(other, "data");
  const inputs = bench.inputs(qemu.freeSocket);
  await expect(provider.create(inputs)).rejects.toThrow(
    /did not greet within 10 s: it serves one client at a time, and another has it.*\[QMP_SOCKET_BUSY\]/,
  );
  expect(bench.sysfs.writes).toEqual([]);
  setTimeout(() => other.destroy(), 2000);
  const outs = await outputsOf(provider.create(inputs));
  expect(outs).toMatchObject({ slot: { bus: "pci.4" } });
  // and it is let go of when nobody needs it
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const third = connect(qemu.freeSocket);
  await once(third, "data");
  third.destroy();
});

test("where sshd forwards no sockets, a relay program on the host takes its place", async () => {
  await using bench = await PlainBench.start({ config: ["AllowStreamLocalForwarding no"] });
  await using qemu = await PlainQemu.start({ slots: "acpi", kernel: false, memoryMiB: 64 });
  const provider = bench.provider();
  const inputs = bench.inputs(qemu.freeSocket);
  const outs = await outputsOf(provider.create(inputs));
  expect(outs).toMatchObject({ slot: { bus: "pci.4" } });
  await expect(provider.create(bench.inputs("/run/nobody.qmp"))).rejects.toThrow(/\[GUEST_NOT_RUNNING\]/);
});

test("a QEMU of libvirt's is refused, by whichever socket it is reached", async () => {
  await using bench = await PlainBench.start();
  await using qemu = await PlainQemu.start({
    slots: "acpi",
    kernel: false,
    memoryMiB: 64,
    monitorId: "charmonitor",
  });
  const provider = bench.provider();
  await expect(provider.create(bench.inputs(qemu.freeSocket))).rejects.toThrow(/\[QEMU_IS_LIBVIRTS\]/);
  expect(bench.sysfs.writes).toEqual([]);
});

describe("a guest without UUID, by several paths of its socket", () => {
  const OWNER_TWO = "organization/net/dev/second";
  const cards = ["0000:01:00.0", "0000:02:00.0"].map((address, n) => ({
    ...{ address, group: 5 + n, driver: "e1000e" },
  }));
  let still: PlainQemu;
  let folder: string;
  let link: string;

  beforeAll(async () => {
    still = await PlainQemu.start({ slots: "native", kernel: false, memoryMiB: 64 });
    folder = mkdtempSync(join(tmpdir(), "multifunction-pci-links-"));
    link = join(folder, "by-link.qmp");
    symlinkSync(still.freeSocket, link);
  });
  afterAll(async () => {
    await still.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What 0.1.0 knew the guest by: host and path as it was written. */
  const uuidAt = (path: string): string => uuidOfSocket("01234567-89ab-cdef-0123-456789abcdef", path);

  test("is one guest: a respelled path is no difference, with one file", async () => {
    await using bench = await PlainBench.start({ functions: cards });
    const byLink = bench.inputs(link);
    const real = bench.inputs(still.freeSocket);
    const created = await outputsOf(bench.provider().create(byLink));
    expect(created).toMatchObject({ guestUuid: uuidAt(still.freeSocket), attached: [{}] });
    const state = { ...byLink, ...created };
    for (const inputs of [byLink, real])
      expect(await bench.provider().diff("id", state, inputs)).toMatchObject({
        changes: false,
        replaces: [],
      });

    const second = bench.inputs(still.freeSocket, { device: "0000:02:00", ownerToken: OWNER_TWO });
    const outs = await outputsOf(bench.provider().create(second));
    expect(outs).toMatchObject({ guestUuid: created["guestUuid"] });
    expect(bench.sysfs.ledgerFiles).toEqual([`guest-${uuidAt(still.freeSocket)}.json`]);
    expect(await bench.provider().read("id", state)).toMatchObject({
      props: { guestUuid: created["guestUuid"], attached: [{}] },
    });
    await bench.provider().delete("id", state);
    await bench.provider().delete("id", { ...second, ...outs });
    expect([bench.sysfs.drivers, bench.sysfs.ledgerFiles]).toEqual([["e1000e", "e1000e"], []]);
  });

  test("has what 0.1.0 attached by a link, by either path, in one file", async () => {
    await using bench = await PlainBench.start({ functions: cards });
    const byLink = bench.inputs(link);
    const real = bench.inputs(still.freeSocket);
    const created = await outputsOf(bench.provider().create(byLink));
    // as 0.1.0 has left it
    const fileAt = (path: string): string => join(bench.sysfs.folders.ledger, `guest-${uuidAt(path)}.json`);
    const file = JSON.parse(readFileSync(fileAt(still.freeSocket), "utf8")) as object;
    const guest = { name: link, uuid: uuidAt(link) };
    writeFileSync(fileAt(link), `${JSON.stringify({ ...file, guest, socket: link })}\n`);
    rmSync(fileAt(still.freeSocket));
    const state = { ...byLink, ...created, guestUuid: uuidAt(link) };

    for (const inputs of [byLink, real])
      expect(await bench.provider().diff("id", state, inputs)).toMatchObject({
        changes: false,
        replaces: [],
      });
    expect(await bench.provider().read("id", state)).toMatchObject({ props: { guestUuid: uuidAt(link) } });

    const changed = { ...real, guestSlot: { bus: "pci.2" } };
    const outs = await outputsOf(bench.provider().update("id", state, changed));
    expect(outs).toMatchObject({ guestUuid: uuidAt(still.freeSocket), slot: { bus: "pci.2" } });
    expect(bench.sysfs.ledgerFiles).toEqual([`guest-${uuidAt(link)}.json`]);
    const moved = { ...changed, ...outs };
    expect(await bench.provider().diff("id", moved, changed)).toMatchObject({ changes: false });

    await bench.provider().delete("id", moved);
    expect([bench.sysfs.drivers, bench.sysfs.ledgerFiles]).toEqual([["e1000e", "e1000e"], []]);
  });

  test("is told from another that takes its socket, and that gets nothing", async () => {
    await using bench = await PlainBench.start();
    const [first, second] = await Promise.all(
      ["33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"].map((uuid) =>
        PlainQemu.start({ slots: "native", kernel: false, memoryMiB: 64, uuid }),
      ),
    );
    const moving = join(folder, "moving.qmp");
    symlinkSync(first!.freeSocket, moving);
    try {
      let leaving: Promise<void> | undefined;
      bench.onPlug = () => {
        leaving ??= first!.stop();
        rmSync(moving, { force: true });
        symlinkSync(second!.freeSocket, moving);
      };
      await expect(bench.provider().create(bench.inputs(moving))).rejects.toThrow(
        /Everything was undone: every function is back on the host/,
      );
      await leaving;
      const peripherals = await second!.qmp("qom-list", { path: "/machine/peripheral" });
      expect(JSON.stringify(peripherals)).not.toContain("mfpci-");
      expect([bench.sysfs.drivers, bench.sysfs.ledgerFiles]).toEqual([ON_HOST, []]);
    } finally {
      await second!.stop();
    }
  });
});

describe("a guest whose slots let go at once", () => {
  const two = [
    ...[0, 1].map((n) => fake(`0000:01:00.${n}`, 5)),
    ...[0, 1].map((n) => fake(`0000:02:00.${n}`, 6)),
  ];
  let still: PlainQemu;

  function fake(address: string, group: number): FakeFunction {
    return { address, group, driver: "e1000e" };
  }

  beforeAll(async () => {
    still = await PlainQemu.start({ slots: "native", kernel: false, memoryMiB: 64 });
  });
  afterAll(() => still.stop());

  test("gets two devices at once, by one provider and by two", async () => {
    await using bench = await PlainBench.start({ functions: two });
    const one = bench.inputs(still.freeSocket);
    const other = bench.inputs(still.freeSocket, {
      device: "0000:02:00",
      ownerToken: "organization/net/dev/other",
    });
    const provider = bench.provider();
    for (const another of [provider, bench.provider()]) {
      const [first, second] = await Promise.all([
        outputsOf(provider.create(one)),
        outputsOf(another.create(other)),
      ]);
      expect(bench.sysfs.drivers).toEqual(HELD);
      expect([first["slot"], second["slot"]].map((slot) => (slot as { bus: string }).bus).sort()).toEqual([
        "pci.3",
        "pci.4",
      ]);
      expect(first["guestUuid"]).toBe(second["guestUuid"]);
      await Promise.all([
        provider.delete("id", { ...one, ...first }),
        another.delete("id", { ...other, ...second }),
      ]);
      expect(bench.sysfs.drivers).toEqual(ON_HOST);
    }
    expect(bench.sysfs.ledgerFiles).toEqual([]);
  });

  test("another owner is refused until it adopts; the first one's delete is harmless", async () => {
    await using bench = await PlainBench.start({ functions: two });
    const provider = bench.provider();
    const first = bench.inputs(still.freeSocket);
    const state = { ...first, ...(await outputsOf(provider.create(first))) };
    const second = bench.inputs(still.freeSocket, { ownerToken: "organization/net/prod/nic" });
    await expect(provider.create(second)).rejects.toThrow(
      /organization\/net\/dev\/nic.*\[ATTACHMENT_OWNED_BY_ANOTHER\]/,
    );
    const adopting = { ...second, adopt: true };
    const adopted = { ...adopting, ...(await outputsOf(provider.create(adopting))) };
    await provider.delete("id", state);
    expect(bench.sysfs.drivers.slice(0, 2)).toEqual(["vfio-pci", "vfio-pci"]);
    await provider.delete("id", adopted);
    expect(bench.sysfs.drivers).toEqual(ON_HOST);
  });

  test("a ledger that somebody has removed is made up for by the state", async () => {
    await using bench = await PlainBench.start({ functions: two });
    const provider = bench.provider();
    const inputs = bench.inputs(still.freeSocket);
    const state = { ...inputs, ...(await outputsOf(provider.create(inputs))) };
    rmSync(join(bench.sysfs.folders.ledger, bench.sysfs.ledgerFiles[0]!));
    await provider.delete("id", state);
    expect(bench.sysfs.drivers).toEqual(ON_HOST);
    expect(said).toContainEqual(expect.stringMatching(/binding it again/));
  });

  test("a function that somebody has taken from vfio-pci is held anew", async () => {
    await using bench = await PlainBench.start({ functions: two });
    const provider = bench.provider();
    const inputs = bench.inputs(still.freeSocket);
    const state = { ...inputs, ...(await outputsOf(provider.create(inputs))) };
    bench.sysfs.rebind("0000:01:00.1", undefined);
    expect(await provider.diff("id", state, inputs)).toMatchObject({ changes: true });
    const outs = await outputsOf(provider.update("id", state, inputs));
    expect(bench.sysfs.drivers.slice(0, 2)).toEqual(["vfio-pci", "vfio-pci"]);
    await provider.delete("id", { ...state, ...outs });
    expect(bench.sysfs.drivers).toEqual(ON_HOST);
  });
});
