import { attachmentLab } from "../support/attachment-lab/attachment-lab";
import { chipsetVerdicts, portVerdicts } from "../support/attachment-lab/group-verdicts";

/** Linux 6.12, which judges the members of a group by their drivers. */
const lab = attachmentLab();

const kept = { kernel: "kept", preview: "kept" };
const viable = { kernel: "viable", preview: "viable" };

test("a preview judges the chipset's group as the kernel does", async () => {
  expect(await chipsetVerdicts(lab)).toEqual({
    "an ISA bridge on lpc_ich": kept,
    "an ISA bridge on pci-stub": viable,
    "an ISA bridge without driver": viable,
  });
});

test("a preview judges a port and its endpoints as the kernel does", async () => {
  expect(await portVerdicts(lab)).toEqual({
    "an endpoint on its driver": kept,
    "an endpoint on pci-stub": viable,
    "endpoints without driver, a port on pcieport": viable,
    "a port on another driver": kept,
    "a port on pci-stub": viable,
    "a port without driver": viable,
  });
});
