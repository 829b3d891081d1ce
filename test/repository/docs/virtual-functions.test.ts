import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readText } from "../../support/documents/markdown";

const make = /^```sh\n(.*?)^```/ms.exec(readText("docs/virtual-functions.md"))?.[1] ?? "";

test("the lines on files of sysfs do what they say to such files", () => {
  const root = mkdtempSync(join(tmpdir(), "multifunction-pci-sysfs-"));
  try {
    const [physical, virtual] = ["00.0", "10.0"].map((one) =>
      join(root, "bus/pci/devices", `0000:01:${one}`),
    );
    for (const folder of [physical!, virtual!, join(root, "kernel/iommu_groups/9")])
      mkdirSync(folder, { recursive: true });
    writeFileSync(join(physical!, "sriov_totalvfs"), "8\n");
    symlinkSync("../0000:01:10.0", join(physical!, "virtfn0"));
    symlinkSync("../../../../kernel/iommu_groups/9", join(virtual!, "iommu_group"));
    const script = make.replaceAll("/sys/", `${root}/`);
    const { stdout, stderr } = spawnSync("bash", ["-ec", script], { encoding: "utf8" });
    expect({ stdout, stderr }).toEqual({
      stdout: "8\n../0000:01:10.0\n../../../../kernel/iommu_groups/9\n",
      stderr: "",
    });
    expect(readdirSync(physical!).sort()).toEqual([
      "sriov_drivers_autoprobe",
      "sriov_numvfs",
      "sriov_totalvfs",
      "virtfn0",
    ]);
    expect(readFileSync(join(physical!, "sriov_numvfs"), "utf8")).toBe("4\n");
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
