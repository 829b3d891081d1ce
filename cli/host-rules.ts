import { slotOrFunctionOf } from "./device";
import { splitPlace } from "./place";
import { UsageError } from "./usage-error";

/** What an account is to be allowed on a host. */
export interface HostRules {
  /** Where the host program is copied to, as `scp` takes it. */
  readonly place: string;
  readonly socket: string;
  /** Slots and functions, in their canonical form. */
  readonly devices: readonly string[];
  readonly account: string;
  readonly onlyLooks: boolean;
}

/** The options of `host-rules`. */
export interface HostRulesValues {
  readonly "qmp-socket"?: string | undefined;
  readonly device?: readonly string[] | undefined;
  readonly account?: string | undefined;
  readonly look?: boolean | undefined;
}

/** The account of docs/security.md. */
const USUAL_ACCOUNT = "pulumi-pci";
const ROOT = "root";

/** What the host program reads in its list (permissions.sh). */
const SOCKET_FORM = /^(?:\/[\w.@+=-]+)*\/[\w.@+=-]*\*?[\w.@+=-]*$/;
const ACCOUNT_FORM = /^[A-Za-z_][\w.@\\-]*\$?$/;
/** What a shell takes as it is. */
const HOST_FORM = /^\w[\w.:%-]*$/;

/** @throws UsageError for what the host program would not read in its list */
export function hostRulesOf(text: string, values: HostRulesValues): HostRules {
  const { host, user } = splitPlace(text, "host");
  const account = values.account ?? user ?? USUAL_ACCOUNT;
  for (const name of [account, ...(user === undefined ? [] : [user])])
    if (!ACCOUNT_FORM.test(name))
      throw new UsageError(
        `the account is ${JSON.stringify(name)}; use the name of a login, such as ${USUAL_ACCOUNT}`,
      );
  if (account === ROOT)
    throw new UsageError(
      `the account is root, which needs no list; name the one that logs in, with --account, or leave out guest.privilege`,
    );
  if (!HOST_FORM.test(host))
    throw new UsageError(`the host is ${JSON.stringify(host)}; use its name or address`);
  const devices = [...new Set((values.device ?? []).map(slotOrFunctionOf))];
  if (devices.length === 0)
    throw new UsageError(
      `host-rules takes --device for each device or function: all that is taken from the host, leftovers too`,
    );
  const address = host.includes(":") ? `[${host}]` : host;
  return {
    place: user === undefined ? address : `${user}@${address}`,
    socket: socketOf(values["qmp-socket"]),
    devices,
    account,
    onlyLooks: values.look === true,
  };
}

function socketOf(text: string | undefined): string {
  if (text === undefined)
    throw new UsageError(`host-rules takes --qmp-socket: the path that guest.qmpSocket has`);
  const name = text.slice(text.lastIndexOf("/") + 1);
  if (!SOCKET_FORM.test(text) || name === "" || `${text}/`.includes("/../"))
    throw new UsageError(
      `--qmp-socket is ${JSON.stringify(text)}; use a path from the root of letters, digits and ._@+=-, ` +
        `whose last part may have one *`,
    );
  return text;
}
