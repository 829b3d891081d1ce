import fc from "fast-check";
import { findBeneath } from "../../../../provider/host/facts";
import { parseHostFacts, type HostFacts } from "../../../../provider/host/facts/host-facts";
import { findHostNotes, findHostUses } from "../../../../provider/host/uses";
import { describeHostUse } from "../../../../provider/plan";

const factsOf = (...records: readonly string[]): HostFacts =>
  parseHostFacts(["ssh 10.0.0.1 1 10.0.0.2 22", "ip []", "ip []", ...records]);
const usesOf = (...records: readonly string[]): string[] =>
  findHostUses(factsOf(...records)).map((one) => `${one.hostAddress} ${describeHostUse(one)}`);

const GPU = "/sys/devices/pci0000:00/0000:01:00.0";
const OTHER = "/sys/devices/pci0000:00/0000:02:00.0";
const ON_FRAMEBUFFER = "vt (M) frame buffer device";

describe("a device below a function", () => {
  it("has kind, name, what it calls itself, and what it is for", () => {
    const path = "/sys/devices/pci0000:00/0000:00:14.0/usb3/3-1/3-1.4";
    expect(
      factsOf(
        `sub usb 3-1.4 ,keyboard,strange ${path} Dell KB216 /Wired`,
        `sub input input3 keyboard ${path}/3-1.4:1.0/0003:413C:2113.0001/input/input3`,
        `sub rdma mlx5_0 - ${GPU}/infiniband/mlx5_0 `,
      ).beneath,
    ).toEqual([
      {
        ...{ kind: "usb", name: "3-1.4", detail: "Dell KB216 /Wired", traits: ["keyboard"] },
        hostAddresses: ["0000:00:14.0"],
      },
      {
        kind: "input",
        name: "input3",
        traits: ["keyboard"],
        within: "3-1.4",
        hostAddresses: ["0000:00:14.0"],
      },
      { kind: "rdma", name: "mlx5_0", hostAddresses: ["0000:01:00.0"] },
    ]);
  });

  it("is told by each function that it is gone with", () => {
    const facts = factsOf(
      `sub sound card0 - /sys/devices/pci0000:00/0000:00:1c.0/0000:02:00.0/sound/card0 PCH`,
    );
    expect([...findBeneath(facts.beneath).keys()]).toEqual(["0000:02:00.0", "0000:00:1c.0"]);
  });

  it("is called what udev has written of it, in plain words", () => {
    const called = (text: string) => factsOf(`sub usb 1-1 - ${GPU}/usb1/1-1 ${text}`).beneath[0]?.detail;
    expect(called("udev Dell\\x20KB216\\x20")).toBe("Dell KB216");
    expect(called("udev a\\x1b[31m\\x0ab\\xff")).toBe("a\\u001b[31m b\\xff");
    expect(called("0781:5583")).toBe("0781:5583");
  });

  it("has no words that a terminal obeys, and few of them", () => {
    const [one] = factsOf(`sub usb 1-1 - ${GPU}/usb1/1-1 a\u001b[31m\u202e${"x".repeat(5_000)}`).beneath;
    expect(one?.detail).toMatch(/^a\\u001b\[31m\\u202ex+…$/);
    expect(one?.detail?.length).toBeLessThan(70);
  });

  it("that cannot be read makes its functions used, and is named", () => {
    const facts = factsOf(`sub starship x - ${GPU}/x`, "sub", "sub usb", "gpu x", "uio / x");
    expect(facts.unreadFunctions).toEqual(["0000:01:00.0"]);
    expect(facts.beneath).toEqual([]);
    expect(findHostNotes(facts).length).toBeGreaterThanOrEqual(5);
  });
});

describe("the kernel's console", () => {
  const fb0 = `sub display fb0 - ${GPU}/graphics/fb0 i915drmfb`;
  const fb1 = `sub display fb1 - ${OTHER}/graphics/fb1 amdgpudrmfb`;
  const bootOther = `sub display VGA boot ${OTHER}`;
  const efifb = "sub display fb0 - /sys/devices/platform/efi-framebuffer.0/graphics/fb0 EFI VGA";

  it.each<[string, string[], string[]]>([
    ["is on the first framebuffer", [fb1, fb0, ON_FRAMEBUFFER], ["0000:01:00.0 fb0"]],
    [
      "is on the firmware's too",
      [fb0, fb1, bootOther, ON_FRAMEBUFFER],
      ["0000:01:00.0 fb0", "0000:02:00.0 fb1"],
    ],
    [
      "is the firmware's where its framebuffer is none's",
      [efifb, bootOther, ON_FRAMEBUFFER],
      ["0000:02:00.0 VGA"],
    ],
    ["is the firmware's where no framebuffer is shown", [bootOther, ON_FRAMEBUFFER], ["0000:02:00.0 VGA"]],
    ["is the firmware's in text", [bootOther, "vt (S) VGA+"], ["0000:02:00.0 VGA"]],
    ["is nowhere without one", [fb0, fb1, bootOther, "vt (S) dummy device"], []],
    ["is nowhere that is told", [efifb, ON_FRAMEBUFFER], []],
  ])("%s", (_name, records, expected) => {
    const found = factsOf(...records).beneath.filter((one) => one.traits?.includes("console"));
    expect(found.map((one) => `${one.hostAddresses[0]} ${one.name}`)).toEqual(expected);
  });
});

describe("a use by what hangs below a function", () => {
  it.each<[string, string | undefined]>([
    [
      `sub display card0-DP-1 connected,lit ${GPU}/drm/card0/card0-DP-1`,
      "has display card0-DP-1, which shows a picture",
    ],
    [`sub display card0-DP-1 connected ${GPU}/drm/card0/card0-DP-1`, undefined],
    [`sub display VGA boot ${GPU}`, undefined],
    [`sub tty ttyS4 console ${GPU}/tty/ttyS4`, "has serial port ttyS4, which the host's console is on"],
    [`sub tty ttyS5 - ${GPU}/tty/ttyS5`, undefined],
    [`sub mdev 83b8f4f2 - ${GPU}/83b8f4f2`, "has mediated device 83b8f4f2, which is made for guests"],
    [`sub vdpa vdpa0 - ${GPU}/vdpa0 vhost_vdpa`, "has vDPA device vdpa0, which driver vhost_vdpa has"],
    [`sub vdpa vdpa0 - ${GPU}/vdpa0 `, undefined],
    [`sub tpm tpm0 - ${GPU}/tpm/tpm0`, "has the host's TPM tpm0"],
    [`sub watchdog watchdog0 - ${GPU}/watchdog/watchdog0 iTCO_wdt`, "has the host's watchdog watchdog0"],
    [`sub ipmi ipmi0 - ${GPU}/ipmi/ipmi0`, "has the host's IPMI ipmi0"],
    [`sub thunderbolt 0-1 - ${GPU}/domain0/0-0/0-1 TS4`, "has Thunderbolt device 0-1 (TS4)"],
    [`sub rdma mlx5_0 - ${GPU}/infiniband/mlx5_0`, undefined],
    [`sub sound card0 - ${GPU}/sound/card0 PCH`, undefined],
    [`sub usb 1-1 keyboard ${GPU}/usb1/1-1 KB216`, undefined],
    [`sub input input3 keyboard ${GPU}/input/input3 KB`, undefined],
    [`uio igb_uio ${GPU}`, "is on driver igb_uio, which is for a program of the host's"],
  ])("of %s is %s", (record, use) => {
    expect(usesOf(record)).toEqual(use === undefined ? [] : [`0000:01:00.0 ${use}`]);
  });

  it("is a process that computes there; on every GPU if none is told", () => {
    const gpus = ["gpu 36114 0 256", "gpu 51412 0 512"];
    const text = "is computed on by process 77 (python3)";
    expect(usesOf(...gpus, "kfd 77 python3", "kfdgpu 77 51412")).toEqual([`0000:02:00.0 ${text}`]);
    expect(usesOf(...gpus, "kfd 77 python3")).toEqual([`0000:01:00.0 ${text}`, `0000:02:00.0 ${text}`]);
    expect(usesOf(`sub display card0 - ${GPU}/drm/card0`, "kfd 77 ")).toEqual([
      "0000:01:00.0 is computed on by process 77",
    ]);
  });

  it("may be of any function if there was no room for a kind", () => {
    const among = "among 0000:01:00.0 0000:02:00.0";
    expect(usesOf("looked tty usb", "more tty 3", "more usb 9", among)).toEqual([
      "0000:01:00.0 may have a serial console: not all of the host's were looked at",
      "0000:02:00.0 may have a serial console: not all of the host's were looked at",
    ]);
    expect(findHostNotes(factsOf("looked tty usb", "more usb 9", among))).toHaveLength(2);
    expect(usesOf("looked tty", "stuck consoles", "among 0000:01:00.0")).toEqual([
      "0000:01:00.0 may have a display in use: not all of the host's were looked at",
      "0000:01:00.0 may have a serial console: not all of the host's were looked at",
    ]);
  });
});

test("records of anything below functions are read, or named, and never obeyed", () => {
  const word = fc.oneof(
    fc.constantFrom("usb", "display", "fb0", "VGA", "-", "boot", GPU, `${GPU}/usb1/1-1`, "0", "1", "kfd"),
    fc.string(),
  );
  const record = fc
    .tuple(
      fc.constantFrom("sub", "more", "looked", "among", "vt", "kfd", "kfdgpu", "gpu", "uio", "uid"),
      fc.array(word),
    )
    .map(([kind, words]) => `${kind} ${words.join(" ")}`);
  fc.assert(
    fc.property(fc.array(record), (records) => {
      const facts = factsOf(...records);
      for (const use of findHostUses(facts)) expect(describeHostUse(use)).not.toMatch(/undefined|\[object/);
      for (const { detail = "", name } of facts.beneath) expect(`${name}${detail}`).not.toMatch(/\p{Cc}/u);
    }),
  );
});
