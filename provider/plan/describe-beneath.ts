import type { BeneathDevice } from "../host/facts";

/** Most devices that are named in one list. */
const MOST_NAMED = 6;

/** `keyboard 'Dell KB216', RDMA device mlx5_0 and 12 more`; empty where there is none. */
export function listBeneath(devices: readonly BeneathDevice[]): string {
  const named = devices.slice(0, MOST_NAMED).map(describeBeneath).join(", ");
  const others = devices.length - MOST_NAMED;
  return others > 0 ? `${named} and ${others} more` : named;
}

const WORDS: Readonly<Record<BeneathDevice["kind"], string>> = {
  interface: "interface",
  disk: "disk",
  display: "display",
  tty: "serial port",
  mdev: "mediated device",
  vdpa: "vDPA device",
  tpm: "TPM",
  watchdog: "watchdog",
  ipmi: "IPMI",
  thunderbolt: "Thunderbolt device",
  rdma: "RDMA device",
  sound: "sound card",
  usb: "USB device",
  input: "input device",
};

/** `keyboard 'Dell KB216'`, `sound card card0 (PCH)`, `display HDMI-A-1 (lit)` */
function describeBeneath({ kind, name, detail, traits = [] }: BeneathDevice): string {
  const of = (...wanted: readonly (typeof traits)[number][]): readonly string[] =>
    traits.filter((one) => wanted.includes(one));
  switch (kind) {
    case "usb":
    case "input": {
      const [role] = of("keyboard", "mouse");
      const word = role ?? (of("storage").length > 0 ? "USB storage" : WORDS[kind]);
      return `${word} ${detail === undefined ? name : `'${detail}'`}`;
    }
    default: {
      const more = [...(detail === undefined ? [] : [detail]), ...of("lit", "console")];
      return `${WORDS[kind]} ${name}${more.length === 0 ? "" : ` (${more.join(", ")})`}`;
    }
  }
}
