import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { block, knownHosts, knownLine, type Case, type Places } from "../case";

/** A way into the folder through the home directory. */
const throughHome = (at: Places): string => `..${at.folder}`;

/** `%C` where there is no jump host, in every release: %l%h%p%r, and an empty %j. */
const hashOf = (at: Places, user: string): string =>
  createHash("sha1")
    .update(`${hostname()}127.0.0.1${at.port("main")}${user}`)
    .digest("hex");

/** An identity file by tokens, which stand for the name of a copy of the key `second`. */
const identity = (title: string, written: string, name: (at: Places) => string): Case => ({
  title: `IdentityFile with ${title}`,
  config: (at) => {
    at.copyKey("second", name(at));
    return block(at, {}, `IdentityFile ${at.folder}/${written}`);
  },
  expected: { userKey: "second" },
});

const user = { arguments: { user: "carol" } };

export const tokens: readonly Case[] = [
  identity("%n and %h", "id-%n-%h", () => "id-hv-127.0.0.1"),
  {
    ...identity("%p, %r of an argument", "id-%p-%r", (at) => `id-${at.port("main")}-carol`),
    ...user,
    expected: { userKey: "second", user: "carol" },
  },
  identity("%u and %i", "id-%u-%i", () => "id-root-0"),
  identity("%l and %L", "id-%l-%L", () => `id-${hostname()}-${hostname().split(".")[0]}`),
  {
    title: "IdentityFile with %k, which is HostKeyAlias",
    config: (at) => {
      at.copyKey("second", "id-rack");
      const known = at.write("kh-rack", `rack ${at.publicKey("host-ed25519")}\n`);
      const lines = ["HostKeyAlias rack", `UserKnownHostsFile ${known}`, `IdentityFile ${at.folder}/id-%k`];
      return block(at, {}, ...lines);
    },
    expected: { userKey: "second" },
  },
  identity("%%", "id-%%n", () => "id-%n"),
  identity("a variable", "id-${ORACLE_WORD}", () => "id-word"),
  {
    title: "IdentityFile with %C, the hash of the connection",
    config: (at) => {
      at.copyKey("second", `id-${hashOf(at, "carol")}`);
      return block(at, {}, `IdentityFile ${at.folder}/id-%C`);
    },
    ...user,
    expected: { userKey: "second", user: "carol" },
  },
  {
    title: "IdentityFile below ~ and %d",
    config: (at) => {
      at.copyKey("second", "id-home");
      return block(
        at,
        {},
        `IdentityFile ~/${throughHome(at)}/gone`,
        `IdentityFile %d/${throughHome(at)}/id-home`,
      );
    },
    expected: { userKey: "second" },
  },
  {
    title: "IdentityFile with a token that there is not",
    config: (at) => block(at, {}, `IdentityFile ${at.folder}/id-%Z`),
    expected: "refused",
    says: /IdentityFile.*%Z/,
  },
  {
    title: "IdentityFile with a variable that is not set",
    config: (at) => block(at, {}, "IdentityFile ${ORACLE_UNSET}/id"),
    expected: "refused",
    says: /IdentityFile.*ORACLE_UNSET/,
  },
  {
    title: "IdentityAgent with %n and a variable",
    prepare: (at) => at.agent("agent-hv-word", at.key("second")),
    config: (at) => [
      ...block(at, {}, `IdentityAgent ${at.folder}/agent-%n-\${ORACLE_WORD}`, "IdentityFile none"),
    ],
    expected: { userKey: "second" },
  },
  {
    title: "UserKnownHostsFile with %h and %p, below ~",
    config: (at) => {
      at.write(`kh-127.0.0.1-${at.port("main")}`, knownLine(at, "main", "host-rsa"));
      return block(at, {}, `UserKnownHostsFile ~/${throughHome(at)}/kh-%h-%p`);
    },
    expected: { hostKey: "host-rsa" },
  },
  {
    title: "GlobalKnownHostsFile, in which no token is replaced",
    config: (at) => {
      at.write("global-%h", knownLine(at, "main", "host-rsa"));
      at.write("global-127.0.0.1", knownLine(at, "main", "host-ecdsa"));
      return block(at, {}, "UserKnownHostsFile none", `GlobalKnownHostsFile ${at.folder}/global-%h`);
    },
    expected: { hostKey: "host-rsa" },
  },
  {
    title: "RevokedHostKeys with %n",
    config: (at) => {
      for (const name of ["revoked-%n", "revoked-hv"]) at.write(name, `${at.publicKey("host-ed25519")}\n`);
      return block(at, {}, `RevokedHostKeys ${at.folder}/revoked-%n`);
    },
    expected: "refused",
    says: /SSH_HOST_KEY_REVOKED/,
  },
  {
    title: "HostName with %h",
    host: "0.1",
    config: (at) => ["Host 0.1", "HostName 127.0.%h", ...block(at, { alias: "0.1" })],
    expected: {},
  },
  {
    title: "ProxyCommand with %h, %p, %n, %r and %%",
    config: (at) => {
      const proxy = at.script("proxy-tokens", `test "$3 $4" = "hv carol%" && exec socat - "TCP:$1:$2"`);
      return block(at, {}, `ProxyCommand ${proxy} %h %p %n %r%%`);
    },
    ...user,
    expected: { user: "carol" },
  },
  {
    title: "ProxyCommand with a token that it does not take",
    config: (at) => block(at, {}, "ProxyCommand socat - TCP:%h:%p,%l"),
    expected: "refused",
    says: /ProxyCommand.*%l/,
  },
  {
    title: "ProxyJump with %r and %n",
    config: (at) => [
      ...block(at, {}, "ProxyJump %r@jump-%n"),
      ...block(at, { alias: "jump-hv", server: "jump" }, `User nobody-here`),
    ],
    ...user,
    expected: { user: "carol" },
  },
  {
    title: "KnownHostsCommand with the tokens of the question",
    config: (at) => {
      const key = at.publicKey("host-ed25519");
      const line = knownLine(at, "main", "host-ed25519").trim();
      const command = at.script(
        "command-tokens",
        `case "$2" in
         ORDER) test "$3 $4 $5" = "NONE NONE NONE" || exit 1 ;;
         HOSTNAME) test "$3 $5" = "${key}" || exit 2 ;;
         *) exit 3 ;;
         esac
         # OpenSSH before 9.8 gives ORDER the name without its port
         test "$2" = ORDER || test "$1" = "[127.0.0.1]:${at.port("main")}" || exit 4
         test "$6" = "hv a b" || exit 5
         echo "${line}"`,
      );
      return block(at, {}, "UserKnownHostsFile none", `KnownHostsCommand ${command} %H %I %t %f %K "%n a b"`);
    },
    expected: {},
  },
  {
    title: "KnownHostsCommand with a token that there is not",
    config: (at) => block(at, {}, `KnownHostsCommand /bin/cat ${join(at.folder, "kh-%Z")}`),
    expected: "refused",
    says: /KnownHostsCommand.*%Z/,
  },
  {
    title: "UserKnownHostsFile with a token that there is not",
    config: (at) => block(at, {}, `UserKnownHostsFile ${knownHosts(at)}-%Z`),
    expected: "refused",
  },
];
