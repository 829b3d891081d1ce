import { block, knownLine, type Case, type Places } from "../case";

const localhost = (at: Places): readonly string[] => {
  const line = `[localhost]:${at.port("main")} ${at.publicKey("host-ed25519")}\n`;
  return ["HostName localhost", `UserKnownHostsFile ${at.write("kh-localhost", line)}`];
};
const route = (
  title: string,
  lines: (at: Places) => readonly string[],
  expected: Case["expected"],
  says?: RegExp,
): Case => ({
  title,
  config: (at) => block(at, {}, ...lines(at)),
  expected,
  ...(says !== undefined && { says }),
});
const in6 = { server: "main6", from: "::1" } as const;

export const routes: readonly Case[] = [
  route("AddressFamily inet", (at) => [...localhost(at), "AddressFamily inet"], {}),
  {
    ...route("AddressFamily inet6", () => [], in6),
    config: (at) => block(at, { server: "main6" }, "AddressFamily inet6"),
  },
  route(
    "AddressFamily inet6 for an address of the other",
    () => ["AddressFamily inet6"],
    "refused",
    /AddressFamily inet6/,
  ),
  route(
    "AddressFamily inet for an address of the other",
    (at) => ["AddressFamily inet", "HostName ::1", ...localhost(at).slice(1)],
    "refused",
    /AddressFamily inet/,
  ),
  route("BindAddress", () => ["BindAddress 127.0.0.2"], { from: "127.0.0.2" }),
  {
    ...route("BindAddress of IPv6", () => [], in6),
    config: (at) => block(at, { server: "main6" }, "BindAddress ::1"),
  },
  route("BindAddress of the other family", () => ["BindAddress ::1"], "refused", /BindAddress ::1/),
  route(
    "BindAddress that this machine does not have",
    () => ["BindAddress 192.0.2.77"],
    "refused",
    /192\.0\.2\.77/,
  ),
  route(
    "BindAddress as a name",
    (at) => [...localhost(at), "AddressFamily inet", "BindAddress localhost"],
    {},
  ),
  route("BindInterface", () => ["BindInterface lo"], {}),
  route(
    "BindInterface that there is not",
    () => ["BindInterface nowhere9"],
    "refused",
    /BindInterface nowhere9/,
  ),
  route("BindAddress before BindInterface", () => ["BindInterface nowhere9", "BindAddress 127.0.0.3"], {
    from: "127.0.0.3",
  }),
  route("ConnectTimeout that is enough", () => ["ConnectTimeout 20"], {}),
];

/** Connects, and passes the descriptor on by its standard output. */
const FDPASS = `exec python3 -c '
import array, socket, sys
there = socket.create_connection((sys.argv[1], int(sys.argv[2])))
ours = socket.socket(fileno=1)
ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [there.fileno()]))])
' "$@"`;

const relay = "socat - TCP:%h:%p";
const unresolvable = (at: Places): readonly string[] => {
  const line = `[no-such-host.invalid]:${at.port("main")} ${at.publicKey("host-ed25519")}\n`;
  return ["HostName no-such-host.invalid", `UserKnownHostsFile ${at.write("kh-unresolvable", line)}`];
};

/** As `ipa-client-install` writes it, for every host; the program stands for sss_ssh_knownhostsproxy. */
const freeIpa = (at: Places): readonly string[] => [
  "Host *",
  `GlobalKnownHostsFile ${at.write("pubconf-known_hosts", knownLine(at, "main", "host-ed25519"))}`,
  `ProxyCommand ${at.script("sss_ssh_knownhostsproxy", 'test "$1" = -p && exec socat - "TCP:$3:$2"')} -p %p %h`,
];

export const proxyCommands: readonly Case[] = [
  route("ProxyCommand", () => [`ProxyCommand ${relay}`], {}),
  route(
    "ProxyCommand of several words, quoted",
    () => [`ProxyCommand sh -c 'exec socat "$0" "TCP:$1:$2"' - %h %p`],
    {},
  ),
  route("ProxyCommand that is a pipe", () => [`ProxyCommand cat | ${relay} | cat`], {}),
  route(
    "ProxyCommand to a host that no name server knows",
    (at) => [...unresolvable(at), `ProxyCommand socat - TCP:127.0.0.1:%p`],
    {},
  ),
  route("ProxyCommand that is slow", () => [`ProxyCommand sh -c 'sleep 1; exec ${relay}'`], {}),
  route(
    "ProxyCommand that talks to standard error",
    () => [`ProxyCommand sh -c 'echo going there >&2; exec ${relay}'`],
    {},
  ),
  route(
    "ProxyCommand that fails",
    () => ["ProxyCommand sh -c 'echo no such tunnel >&2; exit 3'"],
    "refused",
    /ended with status 3 and said: no such tunnel.*SSH_DIAL_FAILED/s,
  ),
  route("ProxyCommand that ends without a word", () => ["ProxyCommand true"], "refused", /SSH_DIAL_FAILED/),
  route(
    "ProxyCommand that there is not",
    () => ["ProxyCommand /no/such/program %h"],
    "refused",
    /no\/such\/program.*SSH_DIAL_FAILED/s,
  ),
  route(
    "ProxyCommand that says something else",
    () => ["ProxyCommand sh -c 'echo hello; cat'", "ConnectTimeout 2"],
    "refused",
  ),
  route(
    "ProxyCommand that never answers, with ConnectTimeout",
    () => ["ProxyCommand sleep 60", "ConnectTimeout 1"],
    "refused",
    /no answer within 1 s/,
  ),
  route(
    "ProxyCommand to a host with another key",
    (at) => [`ProxyCommand socat - TCP:%h:${at.port("jump")}`],
    "refused",
    /SSH_HOST_KEY_MISMATCH/,
  ),
  route("ProxyCommand none", () => ["ProxyCommand none"], {}),
  route("ProxyCommand NONE", () => ["ProxyCommand NONE"], {}),
  route("ProxyCommand that is the standard input", () => ["ProxyCommand -"], "refused", /standard input/),
  {
    ...route(
      "ProxyUseFdpass",
      (at) => [`ProxyCommand ${at.script("pass-descriptor", FDPASS)} %h %p`, "ProxyUseFdpass yes"],
      {},
    ),
    differs: { row: "`ProxyUseFdpass`", expected: "refused", says: /ProxyUseFdpass/ },
  },
  route("ProxyUseFdpass without a ProxyCommand", () => ["ProxyUseFdpass yes"], {}),
  {
    title: "the system-wide file of a FreeIPA client",
    config: (at) => [
      ...block(at, {}, "UserKnownHostsFile none").filter((line) => !line.startsWith("GlobalKnownHostsFile")),
      ...freeIpa(at),
    ],
    expected: {},
  },
  {
    title: "the system-wide file of a FreeIPA client with KnownHostsCommand",
    config: (at) => [
      ...block(at, {}, "UserKnownHostsFile none"),
      ...[
        "Host *",
        `KnownHostsCommand ${at.script("sss_ssh_knownhosts", `test -n "$1" && echo '${knownLine(at, "main", "host-ed25519").trim()}'`)} %H`,
      ],
    ],
    expected: {},
  },
];
