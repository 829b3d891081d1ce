import { QmpError } from "../../qmp";

/**
 * Texts by which QEMU's errors must be told apart, because their class is GenericError. Seen in the
 * versions named; anything else is not recognised, and reported as it is.
 */
const texts = {
  /** Native hotplug, 7.2 and 10.0: nothing was requested; ask again later. */
  busy: /guest is busy \(power indicator blinking\)/,
  /** All slot kinds, 5.2 to 10.0: an earlier request is pending. */
  pending: /already in the process of unplug|unplug already in progress/,
} as const;

/** What QEMU's refusal of a device_del or device_add means; undefined for one that is not known. */
export function findMeaning(error: unknown): "gone" | keyof typeof texts | undefined {
  if (!(error instanceof QmpError)) return undefined;
  if (error.errorClass === "DeviceNotFound") return "gone";
  const known = Object.entries(texts).find(([, pattern]) => pattern.test(error.description));
  return known?.[0] as keyof typeof texts | undefined;
}

/** A node of VFIO's that QEMU could not open, and what the kernel said. */
export interface UnopenedNode {
  readonly path: string;
  /** `absent`: ENOENT; `busy`: EBUSY; `denied` by a mode or a module: EACCES; by the cgroup: EPERM. */
  readonly failure: "absent" | "busy" | "denied" | "denied-by-cgroup";
}

/**
 * How QEMU and libvirt say that a node cannot be opened; behind it stands strerror(errno). QEMU has two
 * wordings for a group's node and the container (hw/vfio/common.c, vfio_get_group, up to 9.0; qemu_open from
 * 9.1 on, hw/vfio/container-legacy.c), and the same for iommufd's (backends/iommufd.c: 8.2, and from 9.0 on).
 * libvirt hands them on behind words of its own, and opens devices' nodes itself from 12.0 on. Of a device's
 * node that QEMU opens itself (hw/vfio/iommufd.c) it says no errno, so that such a failure is not told apart.
 */
const NODE_PATH = String.raw`/dev/(?:iommu|vfio/(?:vfio|(?:noiommu-)?\d+|devices/vfio\d+))`;
const unopenedForms = [
  new RegExp(
    `(?:could not open|failed to open|cannot open|unable to open)[^/]{0,40}?(${NODE_PATH})'?: ([^\\n]+)`,
    "i",
  ),
  new RegExp(`(${NODE_PATH}) opening failed: ([^\\n]+)`),
];

/** strerror of the GNU C library and, where it differs, of musl's. */
const failures: Readonly<Record<string, UnopenedNode["failure"]>> = {
  "No such file or directory": "absent",
  "Device or resource busy": "busy",
  "Resource busy": "busy",
  "Permission denied": "denied",
  "Operation not permitted": "denied-by-cgroup",
};

/**
 * How QEMU says that the kernel did not map the guest's memory for a device: vfio_dma_map (hw/vfio/common.c)
 * up to 8.2, vfio_container_dma_map since, and the ioctl's own words of both.
 */
const unmappedForms = [
  /vfio[a-z_]{0,20}_dma_map\([^)]{0,200}\) = -(12|22)\b/,
  /(?:VFIO_MAP_DMA|IOMMU_IOAS_MAP)[^:]{0,40}: (Cannot allocate memory|Out of memory|Invalid argument)/,
];

/**
 * Why the guest's memory was not mapped: `limit` of what QEMU may lock (ENOMEM), `address` that the IOMMU
 * does not take (EINVAL); undefined for a text that speaks of neither.
 */
export function findUnmappedMemory(text: string): "limit" | "address" | undefined {
  for (const form of unmappedForms) {
    const [, errno] = form.exec(text) ?? [];
    if (errno !== undefined) return errno === "22" || errno === "Invalid argument" ? "address" : "limit";
  }
  return undefined;
}

/**
 * Whether the kernel has refused to put a group under VFIO's IOMMU, which it says with EPERM or EINVAL and
 * explains in its log alone (hw/vfio/common.c up to 8.2, container.c since, which begins with a capital).
 */
export function isRefusedByIommu(text: string): boolean {
  return /failed to set iommu for container: (?:Operation not permitted|Invalid argument)/i.test(text);
}

/** Which node could not be opened, and why; undefined where a text speaks of none, or of another errno. */
export function findUnopenedNode(text: string): UnopenedNode | undefined {
  for (const form of unopenedForms) {
    const [, path, errno = ""] = form.exec(text) ?? [];
    const failure = failures[errno.trim().replace(/\.$/, "")];
    if (path !== undefined && failure !== undefined) return { path, failure };
  }
  return undefined;
}
