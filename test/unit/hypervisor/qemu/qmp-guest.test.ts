import { causeText, hasCode } from "../../../../provider/errors";
import { QmpGuest } from "../../../../provider/hypervisor/qemu";
import { findMeaning } from "../../../../provider/hypervisor/qemu/known-errors";
import type { GuestSlot } from "../../../../provider/pci";
import { QmpError, type QmpArguments, type QmpListener, type QmpMonitor } from "../../../../provider/qmp";
import { at } from "../../../support/desired";
import { hearing, type Heard } from "../../../support/heard";

const { signal } = new AbortController();
const slot: GuestSlot = { bus: "pci.8", slot: 0, kind: "pcie-acpi" };
const target = { hostAddress: at("0000:01:00.3"), guestFunction: 3, qemuId: "mfpci-0123456789ab-f3" };

/** Answers each command with the next answer, and keeps what it was asked. */
class AnsweringMonitor implements QmpMonitor {
  readonly asked: [string, QmpArguments | undefined, AbortSignal | undefined][] = [];
  stopped = 0;
  #listener: QmpListener | undefined;
  constructor(private readonly answer: unknown = {}) {}

  execute(command: string, args?: QmpArguments, given?: AbortSignal): Promise<unknown> {
    this.asked.push([command, args, given]);
    return this.answer instanceof Error ? Promise.reject(this.answer) : Promise.resolve(this.answer);
  }
  listen(listener: QmpListener): Promise<() => Promise<void>> {
    this.#listener = listener;
    return Promise.resolve(() => {
      this.stopped++;
      return Promise.resolve();
    });
  }
  end(end: "guest-stopped" | "connection-lost"): void {
    this.#listener?.onEnd(end);
  }
  say(event: string, data: Record<string, unknown> = {}): void {
    this.#listener?.onEvent({ event, data });
  }
}

/** Texts of QEMU as they were measured, each with what it means. */
const texts: readonly [string, string, ReturnType<typeof findMeaning>][] = [
  ["7.2, 10.0 native", "Hot-unplug failed: guest is busy (power indicator blinking)", "busy"],
  ["5.2 to 10.0 native", "Device f0 is already in the process of unplug", "pending"],
  ["7.2, 10.0 pseries", "PCI device unplug already in progress for device f2", "pending"],
  ["all", "vfio 0000:01:00.1: group 5 is not viable", undefined],
  [
    "all",
    "PCI: slot 0 function 0 already occupied by virtio-rng-pci, new func virtio-rng-pci cannot be exposed to guest.",
    undefined,
  ],
  [
    "7.2, 10.0",
    "PCI: slot 0 function 2 not available for virtio-rng-pci, in use by virtio-rng-pci,id=f2",
    undefined,
  ],
  ["7.2, 10.0", "Duplicate device ID 'f1'", undefined],
  ["5.2", "Duplicate ID 'f1' for device", undefined],
  ["10.0", "Bus 'rp2' does not support hotplugging", undefined],
  ["all", "Bus 'nobus' not found", undefined],
  ["all", "No provided host device", undefined],
  ["", "Could not open '/dev/vfio/vfio': No such file or directory", undefined],
];

describe("what QEMU's refusal means", () => {
  it.each(texts)("(%s) %s: %s", (_versions, text, meaning) => {
    expect(findMeaning(new QmpError("GenericError", text))).toBe(meaning);
  });

  it("is `gone` by its class alone, whatever the words", () => {
    expect(findMeaning(new QmpError("DeviceNotFound", "Device 'f0' not found"))).toBe("gone");
    expect(findMeaning(new QmpError("DeviceNotFound", "in another language"))).toBe("gone");
    expect(findMeaning(new QmpError("GenericError", "Device 'f0' not found"))).toBeUndefined();
  });

  it("is told of QEMU's own refusals only", () => {
    expect(findMeaning(new Error("guest is busy (power indicator blinking)"))).toBeUndefined();
    expect(findMeaning(undefined)).toBeUndefined();
  });
});

describe("a plug", () => {
  it("sends the address as hexadecimal text, and multifunction only if needed", async () => {
    const monitor = new AnsweringMonitor();
    const guest = new QmpGuest(monitor);
    await guest.plug(target, { ...slot, slot: 18 }, { multifunction: false });
    await guest.plug({ ...target, guestFunction: 0 }, slot, { multifunction: true });
    const common = { driver: "vfio-pci", id: target.qemuId, host: "0000:01:00.3", bus: "pci.8" };
    expect(monitor.asked.map(([command, args]) => [command, args])).toEqual([
      ["device_add", { ...common, addr: "0x12.3" }],
      ["device_add", { ...common, addr: "0x0.0", multifunction: true }],
    ]);
  });

  it("sends a ROM's file as it is, and its BAR as a number", async () => {
    const monitor = new AnsweringMonitor();
    const guest = new QmpGuest(monitor);
    const romFile = "/usr/share/vgabios/my card.rom";
    for (const rom of [{ romFile }, { romBar: false }, { romBar: true, romFile }])
      await guest.plug({ ...target, ...rom }, slot, { multifunction: false });
    expect(monitor.asked.map(([, args]) => [args?.["romfile"], args?.["rombar"]])).toEqual([
      [romFile, undefined],
      [undefined, 0],
      [romFile, 1],
    ]);
  });

  it("goes without any signal, because nothing may cut it", async () => {
    const monitor = new AnsweringMonitor();
    await new QmpGuest(monitor).plug(target, slot, { multifunction: false });
    expect(monitor.asked[0]?.[2]).toBeUndefined();
  });

  it("that finds no group node says so by a code of its own", async () => {
    const refusal = new QmpError(
      "GenericError",
      "vfio 0000:01:00.3: Could not open '/dev/vfio/7': No such file or directory",
    );
    const error: unknown = await new QmpGuest(new AnsweringMonitor(refusal))
      .plug(target, slot, { multifunction: false })
      .catch((cause: unknown) => cause);
    expect(hasCode(error, "GROUP_NODE_LOST")).toBe(true);
    expect(causeText(error)).toContain("0000:01:00.3");
    expect((error as Error).cause).toBe(refusal);
  });

  it("that is refused otherwise names function, slot and QEMU's words", async () => {
    const refusal = new QmpError("GenericError", "vfio 0000:01:00.3: group 7 is not viable");
    const error: unknown = await new QmpGuest(new AnsweringMonitor(refusal))
      .plug(target, slot, { multifunction: false })
      .catch((cause: unknown) => cause);
    expect(hasCode(error, "PLUG_FAILED")).toBe(true);
    expect(causeText(error)).toMatch(/0000:01:00\.3.*pci\.8.*group 7 is not viable/);
  });
});

describe("a request to unplug", () => {
  it.each<[unknown, string]>([
    [{}, "requested"],
    [new QmpError("DeviceNotFound", "Device 'f0' not found"), "gone"],
    [new QmpError("GenericError", "Hot-unplug failed: guest is busy (power indicator blinking)"), "busy"],
    [new QmpError("GenericError", "Device f0 is already in the process of unplug"), "pending"],
  ])("answered with %s is %s", async (answer, expected) => {
    const monitor = new AnsweringMonitor(answer);
    expect(await new QmpGuest(monitor).requestUnplug("f0", signal)).toBe(expected);
    expect(monitor.asked).toEqual([["device_del", { id: "f0" }, signal]]);
  });

  it("that is refused otherwise, or cannot be sent, is an error", async () => {
    for (const refusal of [
      new QmpError("GenericError", "Bus 'rp2' does not support hotplugging"),
      new Error("lost"),
    ])
      await expect(new QmpGuest(new AnsweringMonitor(refusal)).requestUnplug("f0", signal)).rejects.toBe(
        refusal,
      );
  });
});

describe("what a guest tells", () => {
  it("is heard as apply knows it, and nothing else", async () => {
    const monitor = new AnsweringMonitor();
    const heard: Heard[] = [];
    const stop = await new QmpGuest(monitor).listen(
      hearing((one) => heard.push(one)),
      signal,
    );
    monitor.say("DEVICE_DELETED", { device: "f0", path: "/machine/peripheral/f0" });
    monitor.say("DEVICE_DELETED", { path: "/machine/peripheral/f0/virtio-backend" });
    monitor.say("DEVICE_DELETED", { device: 7 });
    monitor.say("NIC_RX_FILTER_CHANGED", { name: "net0" });
    monitor.say("RESET", { guest: true });
    monitor.say("RESUME");
    monitor.say("STOP");
    monitor.say("DEVICE_UNPLUG_GUEST_ERROR", { device: "f1", path: "/machine/peripheral/f1" });
    monitor.say("DEVICE_UNPLUG_GUEST_ERROR", { path: "/machine/unattached/device[3]" });
    monitor.say("MEM_UNPLUG_ERROR", { device: "dimm0", msg: "no" });
    monitor.end("guest-stopped");
    monitor.end("connection-lost");
    expect(heard).toEqual([
      { kind: "deleted", qemuId: "f0" },
      { kind: "reset" },
      { kind: "resumed" },
      { kind: "paused" },
      { kind: "unplug-refused", qemuId: "f1" },
      "guest-stopped",
      "connection-lost",
    ]);
    await stop();
    expect(monitor.stopped).toBe(1);
  });

  it("of its devices are those with an id, not QEMU's other properties", async () => {
    const monitor = new AnsweringMonitor([
      { name: "type", type: "string" },
      { name: "net0", type: "child<virtio-net-pci>" },
      { name: "f0", type: "child<vfio-pci>" },
    ]);
    expect(await new QmpGuest(monitor).deviceIds(signal)).toEqual(new Set(["net0", "f0"]));
  });
});
