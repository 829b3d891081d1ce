import type { HostFunction } from "../../host/facts";

/** Devices of which users have reported that a reset does not do what its name says. */
export interface KnownReset {
  /** What they are called. */
  readonly name: string;
  /** As sysfs writes it. */
  readonly vendorId: string;
  /** Four hexadecimal digits each. */
  readonly productIds: readonly string[];
  /** What becomes of them, in words that follow the name. */
  readonly effect: string;
  /** A method of the kernel's that does work, where something adds it. */
  readonly curedBy?: string;
  /** The public report. */
  readonly source: string;
}

const AMD = "0x1002";
const NO_SECOND_START = "a second start of a guest with it fails, or stops the host, until the host reboots";
/** The module of that name for the kernel adds it. */
const VENDOR_RESET = "device_specific";

/** Each with the report that it is from; what is not reported is not here. */
export const KNOWN_RESETS: readonly KnownReset[] = [
  {
    name: "AMD Polaris",
    vendorId: AMD,
    productIds: [
      ...["67c0", "67c1", "67c2", "67c4", "67c7", "67c8", "67c9", "67ca", "67cc", "67cf", "67d0", "67df"],
      ...["67e0", "67e1", "67e3", "67e7", "67e8", "67e9", "67eb", "67ef", "67ff", "6fdf"],
      ...["6980", "6981", "6985", "6986", "6987", "6995", "6997", "699f"],
    ],
    effect: NO_SECOND_START,
    curedBy: VENDOR_RESET,
    source: "https://github.com/gnif/vendor-reset",
  },
  {
    name: "AMD Vega 10",
    vendorId: AMD,
    productIds: [
      ...["6860", "6861", "6862", "6863", "6864", "6867", "6868", "6869"],
      ...["686a", "686b", "686c", "686d", "686e", "686f", "687f"],
    ],
    effect: NO_SECOND_START,
    curedBy: VENDOR_RESET,
    source: "https://github.com/gnif/vendor-reset/issues/3",
  },
  {
    name: "AMD Vega 20",
    vendorId: AMD,
    productIds: ["66a0", "66a1", "66a2", "66a3", "66a4", "66a7", "66af"],
    effect: NO_SECOND_START,
    curedBy: VENDOR_RESET,
    source: "https://github.com/gnif/vendor-reset/issues/35",
  },
  {
    name: "AMD Navi 10, 12 or 14",
    vendorId: AMD,
    productIds: [
      ...["7310", "7312", "7318", "7319", "731a", "731b", "731e", "731f"],
      ...["7340", "7341", "7347", "734f", "7360", "7362"],
    ],
    effect: NO_SECOND_START,
    curedBy: VENDOR_RESET,
    source: "https://github.com/gnif/vendor-reset/issues/25",
  },
  {
    name: "AMD Navi 32",
    vendorId: AMD,
    productIds: ["747e"],
    effect: NO_SECOND_START,
    curedBy: VENDOR_RESET,
    source: "https://github.com/gnif/vendor-reset/issues/97",
  },
  {
    name: "AMD Navi 44",
    vendorId: AMD,
    productIds: ["7590"],
    effect: NO_SECOND_START,
    curedBy: VENDOR_RESET,
    source: "https://github.com/gnif/vendor-reset/issues/107",
  },
  {
    name: "AMD Instinct MI300X or MI355X",
    vendorId: AMD,
    // the report has 740f for the one that pci.ids calls 74a1
    productIds: ["740f", "74a1", "75a3"],
    effect: "after a reset by VFIO it answers nothing any more until the host reboots",
    source: "https://github.com/amd/MxGPU-Virtualization/issues/25",
  },
];

const byId: ReadonlyMap<string, KnownReset> = new Map(
  KNOWN_RESETS.flatMap((one) => one.productIds.map((id) => [`${one.vendorId} 0x${id}`, one] as const)),
);

/** What is known of a function's reset, unless the kernel has the method that cures it. */
export function findKnownReset(
  { vendorId, productId }: Pick<HostFunction, "vendorId" | "productId">,
  methods: readonly string[] = [],
): KnownReset | undefined {
  const known = byId.get(`${vendorId.toLowerCase()} ${productId.toLowerCase()}`);
  return known?.curedBy !== undefined && methods.includes(known.curedBy) ? undefined : known;
}
