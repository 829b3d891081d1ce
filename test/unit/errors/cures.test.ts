import { providerError } from "../../../provider/errors";
import { HOST_HELPER } from "../../../provider/host/helper/helper-program";
import { HOST_PROGRAM_ERRORS } from "../../../provider/hypervisor/plain-qemu/program/host-program-errors";

/** The names that bash gives architectures (HOSTTYPE). */
describe("Where a function has no IOMMU group, the cure", () => {
  const cureFor = (architecture?: string): string => {
    const details = { hostAddress: "0000:01:00.0", ...(architecture !== undefined && { architecture }) };
    return providerError("FUNCTION_WITHOUT_IOMMU_GROUP", details).message;
  };

  it.each([
    ["x86_64", /intel_iommu=on/, /amd_iommu/],
    ["i686", /intel_iommu=on/, /amd_iommu/],
    ["aarch64", /SMMUv3/, /IORT/],
    ["powerpc64le", /without a parameter/, /dmesg/],
    ["riscv64", /RISC-V IOMMU/, /6\.13/],
    ["s390x", /firmware/, /s390x/],
  ])("of %s is of that architecture", (architecture, ...expected) => {
    for (const one of expected) expect(cureFor(architecture)).toMatch(one);
    if (!/^(x86_64|i686)$/.test(architecture)) expect(cureFor(architecture)).not.toMatch(/intel_iommu/);
    if (architecture !== "aarch64") expect(cureFor(architecture)).not.toMatch(/SMMU/);
  });

  it("has both where the host's architecture is not known", () => {
    expect(cureFor()).toMatch(/intel_iommu=on.*SMMUv3.*IORT/);
  });
});

describe.each([
  ["the helper", HOST_HELPER.errors],
  ["the host program", HOST_PROGRAM_ERRORS],
])("What %s answers", (_name, errors) => {
  const messageOf = (text: string): string => errors.refused("root@hv1:22", text).message;

  it("names iproute2 where the host's `ip` is another's", () => {
    expect(messageOf("unfit ip")).toMatch(/^iproute2 is missing on root@hv1:22: .*busybox.*Install iproute2/);
    expect(messageOf("missing ip")).toMatch(/has no "ip".*iproute2/);
  });

  it.each(["Read-only file system", "No space left on device", "Permission denied"])(
    "tells that a lock cannot be created, and why: %s",
    (why) => {
      const lock = "/run/lock/multifunction-pci.guest-1.lock";
      const message = messageOf(`cannot create ${lock}: mkdir: cannot create directory '${lock}': ${why}`);
      expect(message).toContain(`cannot create ${lock}`);
      expect(message).toContain(why);
      expect(message).toMatch(/writable .*"df -i"/);
      expect(message).toContain("SSH_LOCK_NOT_MADE");
      expect(message).not.toContain("exec channel");
    },
  );
});
