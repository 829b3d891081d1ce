import { userInfo } from "node:os";
import { block, knownHosts, knownLine, type Case, type Places } from "../case";

/** A Match block that gives the key `second`; without it, a stranger's is offered. */
const match = (
  title: string,
  criteria: string | ((at: Places) => string),
  besides: Partial<Case> = {},
): Case => ({
  title: `Match ${title}`,
  config: (at) => [
    `Match ${typeof criteria === "string" ? criteria : criteria(at)}`,
    `IdentityFile ${at.key("second")}`,
    ...block(at, {}).filter((line) => !line.startsWith("IdentityFile")),
    `IdentityFile ${at.key("stranger")}`,
  ],
  expected: { userKey: "second" },
  ...besides,
});
const carol = { arguments: { user: "carol" } };

export const matches: readonly Case[] = [
  match("host", "host hv"),
  match("originalhost", "originalhost h?"),
  match("originalhost of another", "originalhost other", { expected: "refused" }),
  match("host, after HostName", "final host 127.0.0.1"),
  match("user, of an argument", "user carol", { ...carol, expected: { userKey: "second", user: "carol" } }),
  match("user, of another argument", "user carol", { arguments: { user: "dave" }, expected: "refused" }),
  match("user, which an argument keeps ssh_config from naming", "user carol", {
    ...carol,
    config: (at) => [
      ...["Match user carol", `IdentityFile ${at.key("second")}`],
      ...block(at, {}, "User dave").filter((line) => !line.startsWith("IdentityFile")),
    ],
    expected: { userKey: "second", user: "carol" },
  }),
  match("user, of ssh_config", "user dave", {
    config: (at) => [
      ...["Host hv", "User dave", "Match user dave", `IdentityFile ${at.key("second")}`],
      ...block(at, {}).filter((line) => !line.startsWith("IdentityFile")),
    ],
    expected: { userKey: "second", user: "dave" },
  }),
  match("not user", "!user dave"),
  match("localuser", `localuser ${userInfo().username}`),
  match("localuser of another", "localuser nobody-here", { expected: "refused" }),
  match("exec that succeeds", 'exec "test %n = hv -a %r = carol"', {
    ...carol,
    expected: { userKey: "second", user: "carol" },
  }),
  match("exec that fails", 'exec "test %n = other"', { expected: "refused" }),
  match("exec with the port of an argument", (at) => `exec "test %p = ${at.port("main")}"`, {
    arguments: { port: (at) => at.port("main") },
    config: (at) => [
      ...[`Match exec "test %p = ${at.port("main")}"`, `IdentityFile ${at.key("second")}`],
      ...block(at, {}).filter((line) => !/^(IdentityFile|Port)/.test(line)),
    ],
  }),
  match("final", "final"),
  match("canonical, without CanonicalizeHostname", "canonical", { expected: "refused" }),
  match("canonical, with it", "canonical", {
    config: (at) => [
      ...["CanonicalizeHostname always", "CanonicalizeFallbackLocal yes"],
      ...["Match canonical all", `IdentityFile ${at.key("second")}`],
      ...block(at, {}).filter((line) => !line.startsWith("IdentityFile")),
      ...block(at, { alias: "127.0.0.1" }).filter((line) => !line.startsWith("IdentityFile")),
    ],
  }),
  match("all", "all"),
  match("of a kind that there is not", "phase-of-the-moon full", {
    expected: "refused",
    differs: { row: "A configuration that OpenSSH itself refuses", expected: "refused" },
  }),
  {
    title: "an Include, with a Match in it",
    config: (at) => {
      const lines = ["Match user carol", `IdentityFile ${at.key("second")}`];
      return [
        `Include ${at.write("included", `${lines.join("\n")}\n`)}`,
        ...block(at, {}).filter((one) => !one.startsWith("IdentityFile")),
      ];
    },
    ...carol,
    expected: { userKey: "second", user: "carol" },
  },
  {
    title: "a User of ssh_config",
    config: (at) => block(at, {}, "User carol"),
    expected: { user: "carol" },
  },
  {
    title: "a User of ssh_config, and another of an argument",
    config: (at) => block(at, {}, "User carol"),
    arguments: { user: "dave" },
    expected: { user: "dave" },
  },
  {
    title: "a Port of ssh_config, and another of an argument",
    config: (at) => block(at, {}, "Port 1"),
    arguments: { port: (at) => at.port("main") },
    expected: {},
  },
];

/** The way through the jump host, whose block begins with these lines. */
const through = (at: Places, jump: string, ...lines: readonly string[]): readonly string[] => [
  ...block(at, {}, `ProxyJump ${jump}`),
  ...block(at, { alias: "jump", server: "jump" }, ...lines),
];

export const jumps: readonly Case[] = [
  { title: "a jump host", config: (at) => through(at, "jump"), expected: {} },
  {
    title: "a jump host whose key is known for its user alone",
    config: (at) => [
      ...["Match host jump user carol", `IdentityFile ${at.key("second")}`],
      ...through(at, "carol@jump").map((line) => line),
    ],
    expected: {},
  },
  {
    title: "a jump host with a key by its own user and port",
    config: (at) => {
      at.copyKey("second", `jump-carol-${at.port("jump")}`);
      return [
        ...block(at, {}, `ProxyJump carol@127.0.0.1:${at.port("jump")}`),
        ...["Host 127.0.0.1", `IdentityFile ${at.folder}/jump-%r-%p`, `UserKnownHostsFile ${knownHosts(at)}`],
      ];
    },
    expected: {},
  },
  {
    title: "a jump host whose key for its user is a stranger's",
    config: (at) => [
      ...["Match originalhost jump user carol", `IdentityFile ${at.key("stranger")}`, "IdentitiesOnly yes"],
      ...block(at, {}, "ProxyJump carol@jump"),
      ...block(at, { alias: "jump", server: "jump" }).filter((line) => !line.startsWith("IdentityFile")),
    ],
    expected: "refused",
    says: /jump host carol@127\.0\.0\.1.*SSH_AUTH_REFUSED/s,
  },
  {
    title: "a jump host that is not known",
    config: (at) => through(at, "jump", "UserKnownHostsFile none"),
    expected: "refused",
    says: /jump host .*SSH_HOST_KEY_UNKNOWN/s,
  },
  {
    title: "two jump hosts",
    config: (at) => [
      ...block(at, {}, "ProxyJump jump,second"),
      ...block(at, { alias: "jump", server: "jump" }),
      ...block(at, { alias: "second" }, "ProxyJump nowhere.invalid"),
    ],
    expected: {},
  },
  {
    title: "a jump host with a jump host of its own",
    config: (at) => [
      ...block(at, {}, "ProxyJump second"),
      ...block(at, { alias: "second" }, "ProxyJump jump"),
      ...block(at, { alias: "jump", server: "jump" }),
    ],
    expected: {},
  },
  {
    title: "a jump host behind a ProxyCommand",
    config: (at) => through(at, "jump", "ProxyCommand socat - TCP:%h:%p"),
    expected: {},
  },
  {
    title: "a ProxyCommand before a ProxyJump",
    config: (at) => block(at, {}, "ProxyCommand socat - TCP:%h:%p", "ProxyJump nowhere.invalid"),
    expected: {},
  },
  {
    title: "a ProxyJump before a ProxyCommand",
    config: (at) => [
      ...block(at, {}, "ProxyJump jump", "ProxyCommand false"),
      ...block(at, { alias: "jump", server: "jump" }),
    ],
    expected: {},
  },
  {
    title: "ProxyJump none before a ProxyJump for all",
    config: (at) => [...block(at, {}, "ProxyJump none"), "Host *", "ProxyJump nowhere.invalid"],
    expected: {},
  },
  {
    title: "a jump host to a host with an IPv6 literal",
    config: (at) => [
      ...block(at, { server: "main6" }, "ProxyJump jump"),
      ...block(at, { alias: "jump", server: "jump" }),
    ],
    expected: { server: "main6", from: "::1" },
  },
  {
    title: "a jump host written as a URI",
    config: (at) => [
      ...block(at, {}, `ProxyJump ssh://root@127.0.0.1:${at.port("jump")}`),
      ...["Host *", `IdentityFile ${at.key("client")}`],
      `UserKnownHostsFile ${at.write("kh-uri", knownLine(at, "jump", "jump-ed25519"))}`,
    ],
    expected: {},
  },
];
