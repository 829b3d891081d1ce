/** Where a host has the program for an account with sudo. */
const PROGRAM = "/usr/local/sbin/multifunction-pci-host";
/** The host's list of what such an account may do. */
const LIST = "/etc/multifunction-pci-host.conf";
/** The rule of sudo, by a name without dots: sudo passes over a file with one. */
const SUDOERS = "/etc/sudoers.d/multifunction-pci-host";

/** What an attachment asks of a host's list. */
export interface HostListNeeds {
  /** Path of the monitor's socket. */
  readonly socket: string;
  /** Functions, or slots. */
  readonly devices: readonly string[];
  /** The login; empty if it is not known. */
  readonly account: string;
  /** Whether previews, refreshes and inspections are all that it does. Default: false. */
  readonly onlyLooks?: boolean;
}

/** The lines for it. */
export function hostListLines({ socket, devices, account, onlyLooks = false }: HostListNeeds): string[] {
  return [
    `socket ${socket}`,
    ...devices.map((one) => `device ${one}`),
    ...(account === "" ? [] : [`${onlyLooks ? "look" : "change"} ${account}`]),
  ];
}

/** Installs the host program: the file of this package's dist/ is in the current folder. */
const INSTALL_PROGRAM = `install -o root -g root -m 755 multifunction-pci-host ${PROGRAM}`;

/** Appends lines to the host's list, which others must not be able to write. */
function appendToList(lines: readonly string[]): string {
  return `printf '%s\\n' ${quoted(lines)} >> ${LIST} && chmod 644 ${LIST}`;
}

/**
 * What root does on a host so that an account may use the host program by sudo.
 *
 * @param lines of the host's list, as the attachment at hand needs them; none if nobody knows
 */
export function installAndList(lines: readonly string[]): string {
  return (
    `As root on the host, with the file from this package's dist/: ` +
    `${INSTALL_PROGRAM} && ${appendToList(lines.length === 0 ? ["..."] : lines)} (docs/security.md).`
  );
}

/** The rule of sudo for an account: this program alone, without arguments, in an environment of sudo's. */
export function sudoersLines(account: string): string[] {
  // of a Windows domain's account
  const name = account.replaceAll("\\", "\\\\");
  return [
    `Defaults:${name} env_reset, secure_path="/usr/sbin:/usr/bin:/sbin:/bin"`,
    `${name} ALL=(root) NOPASSWD: ${PROGRAM} ""`,
  ];
}

/**
 * All steps by which an account gets the host program by sudo, for people to read.
 *
 * @param place where the program is copied to, as `scp` takes it
 */
export function describeHostSetup(place: string, needs: HostListNeeds): string[] {
  return [
    `From the project's folder:`,
    `  scp node_modules/pulumi-multifunction-pci/dist/multifunction-pci-host ${place}:`,
    `As root on the host, where that file is:`,
    `  ${INSTALL_PROGRAM}`,
    `  ${appendToList(hostListLines(needs))}`,
    `  printf '%s\\n' ${quoted(sudoersLines(needs.account))} >> ${SUDOERS} && chmod 440 ${SUDOERS}`,
    `  visudo -c`,
    `What each line allows: docs/security.md.`,
  ];
}

function quoted(lines: readonly string[]): string {
  return lines.map((line) => `'${line}'`).join(" ");
}
