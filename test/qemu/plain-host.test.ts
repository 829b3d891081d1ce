import { eventually } from "../support/eventually";
import { PlainBench } from "../support/plain-host";
import { PlainQemu } from "../support/plain-qemu";

const four = [0, 1, 2, 3].map((n) => `0000:04:00.${n}`);
const ON_HOST = ["e1000e", "e1000e", "e1000e", "e1000e"];
const HELD = ON_HOST.map(() => "vfio-pci");
type Properties = Record<string, unknown>;

beforeEach(() => {
  jest.spyOn(console, "log").mockImplementation(() => undefined);
});

test.each(["acpi", "native"] as const)(
  "a guest of a QEMU without libvirt gets four functions, loses two, and gives all back (%s slots)",
  async (slots) => {
    await using bench = await PlainBench.start();
    await using qemu = await PlainQemu.start({ slots, uuid: "33333333-3333-4333-8333-333333333333" });
    await qemu.booted();
    const { sysfs } = bench;
    const provider = bench.provider();
    const inputs = bench.inputs(qemu.freeSocket);
    const checked = await provider.check({}, inputs);
    expect(checked.failures).toEqual([]);

    const created = await provider.create(inputs);
    await eventually(() => qemu.pciFunctions(), four);
    expect(sysfs.drivers).toEqual(HELD);
    expect(created.outs).toMatchObject({
      slot: { bus: "pci.4", slot: 0, kind: slots === "acpi" ? "pcie-acpi" : "pcie-native" },
      guestUuid: "33333333-3333-4333-8333-333333333333",
      hostUuid: "01234567-89ab-cdef-0123-456789abcdef",
      held: [],
    });
    // one command: what is to be unbound is unbound, then all is probed
    expect(sysfs.writes).toEqual([
      ...["unbind", "probe"].flatMap((verb) => [0, 1, 2, 3].map((n) => `${verb} 0000:01:00.${n}`)),
    ]);

    const state = { ...inputs, ...created.outs } as Properties;
    expect(await provider.diff("id", state, inputs)).toMatchObject({ changes: false });
    expect((await provider.read("id", state)).id).toBe("id");

    const two = bench.inputs(qemu.freeSocket, { functions: [0, 1], leftovers: "hold" });
    expect(await provider.diff("id", state, two)).toMatchObject({ changes: true, replaces: [] });
    const { outs } = await provider.update("id", state, two);
    await eventually(() => qemu.pciFunctions(), four.slice(0, 2));
    expect(sysfs.drivers).toEqual(HELD);

    await provider.delete("id", { ...two, ...outs });
    await eventually(() => qemu.pciFunctions(), []);
    expect(sysfs.drivers).toEqual(ON_HOST);
    expect(sysfs.overrides).toEqual(["", "", "", ""]);
    expect(sysfs.ledgerFiles).toEqual([]);
    expect(await provider.read("id", state)).toMatchObject({ id: "" });
  },
);
