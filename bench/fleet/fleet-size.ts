/** The numbers of attachments and of hosts that a fleet is measured with. */
export const ATTACHMENTS = [1, 4, 16, 64];
export const HOSTS = [1, 4, 8];

/** Up to so many attachments a fleet is small: its times are short and uneven, and told more closely. */
const MOST_OF_SMALL = 4;
/** Each guest is a QEMU, and each device of a host has a bus number of its own. */
const MOST_ATTACHMENTS = 200;

/** So many attachments on so many hosts. */
export interface FleetSize {
  readonly attachments: number;
  readonly hosts: number;
}

/** The sizes that are measured: no host without an attachment. */
export function fleetSizes(quick: boolean): FleetSize[] {
  return HOSTS.flatMap((hosts) => ATTACHMENTS.map((attachments) => ({ attachments, hosts }))).filter(
    (size) => size.attachments >= size.hosts && (!quick || isSmall(size)),
  );
}

/** @see MOST_OF_SMALL */
export function isSmall({ attachments }: FleetSize): boolean {
  return attachments <= MOST_OF_SMALL;
}

/** Sizes from a list such as `1x1,64x8`: attachments, hosts. @throws an Error that names what is none */
export function parseSizes(text: string): FleetSize[] {
  return text.split(",").map((one) => {
    const [, attachments = 0, hosts = 0] = (/^(\d{1,3})x(\d{1,3})$/.exec(one) ?? []).map(Number);
    if (hosts < 1 || attachments < hosts || attachments > MOST_ATTACHMENTS)
      throw new Error(
        `--sizes takes a list of ATTACHMENTSxHOSTS such as 1x1,64x8, with an attachment for each host and ` +
          `${MOST_ATTACHMENTS} at most, not "${one}"`,
      );
    return { attachments, hosts };
  });
}

/** `1 host`, `8 hosts` */
export function countHosts(hosts: number): string {
  return hosts === 1 ? "1 host" : `${hosts} hosts`;
}

/** `64 on 8` */
export function nameSize({ attachments, hosts }: FleetSize): string {
  return `${attachments} on ${hosts}`;
}
