import { attachmentLab } from "../support/attachment-lab/attachment-lab";
import { chipsetVerdicts, portVerdicts } from "../support/attachment-lab/group-verdicts";

/** Linux 5.10, which judges the members of a group by header type and driver. */
const lab = attachmentLab();

const kept = { kernel: "kept", preview: "kept" };
const viable = { kernel: "viable", preview: "viable" };

test("a preview judges the chipset's group as Linux 5.10 does", async () => {
  expect(await chipsetVerdicts(lab)).toEqual({
    "an ISA bridge on lpc_ich": kept,
    "an ISA bridge on pci-stub": viable,
    "an ISA bridge without driver": viable,
  });
});

test("a preview judges a port by its header type, as Linux 5.10 does", async () => {
  expect(await portVerdicts(lab)).toEqual({
    "an endpoint on its driver": kept,
    "an endpoint on pci-stub": viable,
    "endpoints without driver, a port on pcieport": viable,
    "a port on another driver": viable,
    "a port on pci-stub": viable,
    "a port without driver": viable,
  });
});
