/** Debian releases that the lab's hypervisor host can be, newest first. */
export const RELEASES = ["trixie", "bookworm", "bullseye"] as const;
export type Release = (typeof RELEASES)[number];

/** What stands where nobody chooses. */
export const DEFAULT_RELEASE: Release = "trixie";

/** Environment variable with the release of every lab that is started and not told another. */
export const RELEASE_VARIABLE = "MULTIFUNCTION_PCI_LAB_RELEASE";

/** What people know a release by. */
const NAMES: Readonly<Record<Release, string>> = {
  trixie: "Debian 13 (libvirt 11.3, QEMU 10.0)",
  bookworm: "Debian 12 (libvirt 9.0, QEMU 7.2)",
  bullseye: "Debian 11 (libvirt 7.0, QEMU 5.2)",
};

/** A release for people: Debian's number, and what of it matters here. */
export function describeRelease(release: Release): string {
  return NAMES[release];
}

/** A release by its name; throws with those that there are. */
export function parseRelease(name: string): Release {
  const release = RELEASES.find((known) => known === name);
  if (release === undefined)
    throw new Error(`The lab is of no release "${name}". Releases: ${RELEASES.join(", ")}`);
  return release;
}

/** The release that the environment names, else the default; throws where it names one that there is not. */
export function chosenRelease(): Release {
  const name = process.env[RELEASE_VARIABLE];
  return name ? parseRelease(name) : DEFAULT_RELEASE;
}
