import { isVfioDriver } from "../../../../provider/host/facts";

describe("a driver", () => {
  it.each([
    "vfio-pci",
    "mlx5_vfio_pci",
    "hisi_acc_vfio_pci",
    "hisi-acc-vfio-pci",
    "pds_vfio_pci",
    "qat_vfio_pci",
    "virtio_vfio_pci",
    "nvgrace_gpu_vfio_pci",
    "xe_vfio_pci",
    "ice_vfio_pci",
    "nvidia-vgpu-vfio",
  ])("of VFIO's is %s", (driver) => {
    expect(isVfioDriver(driver)).toBe(true);
  });

  it.each(["mlx5_core", "ice", "e1000e", "nvidia", "pci-stub", "pcieport", "myvfiodriver", ""])(
    "of the host's is %j",
    (driver) => {
      expect(isVfioDriver(driver)).toBe(false);
    },
  );

  it("that is none is none of VFIO's", () => {
    expect(isVfioDriver(undefined)).toBe(false);
  });
});
