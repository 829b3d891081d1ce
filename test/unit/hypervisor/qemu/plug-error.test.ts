import { causeText, hasCode, type ErrorCode } from "../../../../provider/errors";
import { parseNodeUse } from "../../../../provider/host/facts";
import { plugError } from "../../../../provider/hypervisor/qemu";
import { QmpError } from "../../../../provider/qmp";
import { at } from "../../../support/desired";

const hostAddress = at("0000:01:00.1");
const slot = { bus: "pci.8", slot: 0, kind: "pcie-acpi" } as const;
const use = parseNodeUse(["open 4711 5 - dpdk-testpmd", "lsm capability,apparmor", "selinux 1"]);

function errorOf(text: string): Promise<Error> {
  const cause = new QmpError("GenericError", text);
  return plugError({ hostAddress, slot, cause }, () => Promise.resolve(use));
}

/** Where a text is from: measured with this version, or read in its source (src). */
const texts: readonly [string, string, ErrorCode][] = [
  ["7.2", "vfio 0000:01:00.1: failed to open /dev/vfio/5: No such file or directory", "GROUP_NODE_LOST"],
  ["10.0", "vfio 0000:01:00.1: Could not open '/dev/vfio/5': No such file or directory", "GROUP_NODE_LOST"],
  ["7.2", "vfio 0000:01:00.1: failed to open /dev/vfio/5: Device or resource busy", "GROUP_NODE_BUSY"],
  ["9.1 src", "vfio 0000:01:00.1: Could not open '/dev/vfio/5': Device or resource busy", "GROUP_NODE_BUSY"],
  ["musl", "vfio 0000:01:00.1: failed to open /dev/vfio/5: Resource busy", "GROUP_NODE_BUSY"],
  [
    "no IOMMU",
    "vfio 0000:01:00.1: failed to open /dev/vfio/noiommu-5: Device or resource busy",
    "GROUP_NODE_BUSY",
  ],
  ["7.2", "vfio 0000:01:00.1: failed to open /dev/vfio/5: Permission denied", "GROUP_NODE_DENIED"],
  ["10.0", "vfio 0000:01:00.1: Could not open '/dev/vfio/5': Permission denied", "GROUP_NODE_DENIED"],
  ["5.2 src", "vfio 0000:01:00.1: failed to open /dev/vfio/5: Operation not permitted", "GROUP_NODE_DENIED"],
  [
    "5.2 src",
    "vfio 0000:01:00.1: failed to open /dev/vfio/vfio: Operation not permitted",
    "GROUP_NODE_DENIED",
  ],
  ["8.2 src", "vfio 0000:01:00.1: /dev/iommu opening failed: Permission denied", "GROUP_NODE_DENIED"],
  ["9.0 src", "vfio 0000:01:00.1: Could not open '/dev/iommu': Operation not permitted", "GROUP_NODE_DENIED"],
  [
    "by libvirt",
    "internal error: unable to execute QEMU command 'device_add': vfio 0000:01:00.1: Could not open '/dev/vfio/5': Device or resource busy",
    "GROUP_NODE_BUSY",
  ],
  [
    "7.2",
    "vfio 0000:01:00.1: failed to setup container for group 5: memory listener initialization failed: Region pc.ram: vfio_dma_map(0x55d6c2d0a2a0, 0x0, 0x80000000, 0x7f3c5be00000) = -12 (Cannot allocate memory)",
    "GUEST_MEMORY_NOT_LOCKED",
  ],
  [
    "10.0",
    "vfio 0000:01:00.1: failed to setup container: Region pc.ram: vfio_container_dma_map(0x55d6c2d0a2a0, 0x100000000, 0x80000000, 0x7f3c5be00000) = -22 (Invalid argument)",
    "GUEST_MEMORY_NOT_MAPPED",
  ],
  ["5.2", "vfio 0000:01:00.1: VFIO_MAP_DMA failed: Cannot allocate memory", "GUEST_MEMORY_NOT_LOCKED"],
  ["", "vfio 0000:01:00.1: vfio_dma_map(0x1, 0x2, 0x3, 0x4) = -16 (Device or resource busy)", "PLUG_FAILED"],
  // no errno that tells, or none at all
  ["8.2 src", "vfio 0000:01:00.1: Failed to open /dev/vfio/devices/vfio0", "PLUG_FAILED"],
  ["7.2", "vfio 0000:01:00.1: failed to open /dev/vfio/5: No such device or address", "PLUG_FAILED"],
  ["", "vfio 0000:01:00.1: failed to open /dev/vfio/5: Too many open files", "PLUG_FAILED"],
  ["", "vfio 0000:01:00.1: failed to open /dev/vfio/5", "PLUG_FAILED"],
  // neither the container nor iommufd is a group's: holding anew does not bring them back
  ["", "vfio 0000:01:00.1: Could not open '/dev/vfio/vfio': No such file or directory", "PLUG_FAILED"],
  ["", "vfio 0000:01:00.1: Could not open '/dev/iommu': No such file or directory", "PLUG_FAILED"],
  ["all", "vfio 0000:01:00.1: group 5 is not viable", "PLUG_FAILED"],
  ["", "failed to load romfile /tmp/No such file or directory", "PLUG_FAILED"],
  ["", "Could not open '/var/lib/rom.bin': Permission denied", "PLUG_FAILED"],
];

describe("the error of a plug", () => {
  it.each(texts)("(%s) %s: %s", async (_version, text, code) => {
    const error = await errorOf(text);
    expect([code, hasCode(error, code)]).toEqual([code, true]);
    expect(causeText(error)).toContain("0000:01:00.1");
  });

  it.each(["failed", "Failed"])("%s to set the IOMMU says where the kernel's reason stands", async (word) => {
    const text = `vfio 0000:01:00.1: ${word} to set iommu for container: Operation not permitted`;
    expect(causeText(await errorOf(text))).toMatch(/dmesg.*allow_unsafe_interrupts.*RMRR.*\[PLUG_FAILED\]/);
  });

  const busy = "vfio 0000:01:00.1: failed to open /dev/vfio/5: Device or resource busy";

  it("names who has the node open", async () => {
    expect(causeText(await errorOf(busy))).toContain("process 4711 (dpdk-testpmd) has it open");
  });

  it.each([
    ["nobody that the login sees", parseNodeUse([])],
    ["a look that fails", new Error("the helper has ended")],
    ["no look at all", undefined],
  ])("says how to find who has it, after %s", async (_what, found) => {
    const error = await plugError(
      { hostAddress, slot, cause: new QmpError("GenericError", busy) },
      found && (() => (found instanceof Error ? Promise.reject(found) : Promise.resolve(found))),
    );
    expect(hasCode(error, "GROUP_NODE_BUSY")).toBe(true);
    expect(causeText(error)).toContain("fuser -v /dev/vfio/5");
  });

  it("names the modules that may have denied it, and the cgroup by its errno", async () => {
    const denied = causeText(await errorOf("vfio 0: failed to open /dev/vfio/5: Permission denied"));
    expect(denied).toContain("AppArmor, SELinux (enforcing)");
    const byCgroup = causeText(await errorOf("vfio 0: failed to open /dev/vfio/5: Operation not permitted"));
    expect(byCgroup).toContain("cgroup_device_acl");
    expect(byCgroup).not.toContain("AppArmor");
  });
});
