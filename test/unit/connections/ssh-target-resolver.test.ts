import {
  SshTargetResolver,
  type SshTargetResolverOptions,
} from "../../../provider/connections/ssh-target-resolver";
import type { ConnectionInputs } from "../../../provider/resource";
import type { OpensshAnswer, OpensshQuestion, OpensshSettings } from "../../../provider/ssh";

const agent = process.env["SSH_AUTH_SOCK"];
beforeEach(() => delete process.env["SSH_AUTH_SOCK"]);
afterEach(() => {
  if (agent === undefined) delete process.env["SSH_AUTH_SOCK"];
  else process.env["SSH_AUTH_SOCK"] = agent;
});

const sources = {
  privateKey: "connection.privateKey",
  privateKeyPassword: "connection.privateKeyPassword",
};
/** OpenSSH without a configuration of this host; its user is alice. */
const plain = (host: string): OpensshSettings => ({
  hostName: host,
  port: 22,
  user: "alice",
  identityFiles: [],
  hasIdentitiesOnly: false,
  userKnownHostsFiles: ["/home/alice/.ssh/known_hosts"],
  jumps: [],
  certificateFiles: [],
  areKeysOffered: true,
  hostKeyRules: {},
  route: {},
  unfollowed: [],
});
const asking = (answers: Readonly<Record<string, Partial<OpensshSettings>>>) => ({
  localUser: "alice",
  ask: async ({ host, user }: OpensshQuestion): Promise<OpensshAnswer> => ({
    settings: { ...plain(host), ...answers[host], ...(user !== undefined && { user }) },
  }),
});
const silent = { localUser: "alice", ask: async (): Promise<OpensshAnswer> => ({}) };
const resolverWith = (options: Partial<SshTargetResolverOptions>) =>
  new SshTargetResolver({ environment: process.env, ambient: {}, say: () => undefined, ...options });
const targetOf = (
  connection: ConnectionInputs,
  openssh: NonNullable<SshTargetResolverOptions["openssh"]> = silent,
) => resolverWith({ openssh }).resolve(connection);

describe("the connection arguments", () => {
  it("have the defaults of @pulumi/command, and the agent of the environment", async () => {
    process.env["SSH_AUTH_SOCK"] = "/run/agent";
    expect(await targetOf({ host: "hv1" })).toEqual({
      host: "hv1",
      port: 22,
      user: "root",
      dialErrorLimit: 10,
      perDialTimeoutSeconds: 15,
      strictHostKeyChecking: "yes",
      agentSocketPath: "/run/agent",
      sources,
    });
  });

  it("go without an agent where there is none", async () => {
    expect(await targetOf({ host: "hv1" })).not.toHaveProperty("agentSocketPath");
    process.env["SSH_AUTH_SOCK"] = "";
    expect(await targetOf({ host: "hv1" })).not.toHaveProperty("agentSocketPath");
  });

  const given = {
    host: "hv1",
    port: 2222,
    user: "operator",
    password: "p",
    privateKey: "k",
    privateKeyPassword: "kp",
    agentSocketPath: "/own",
    dialErrorLimit: -1,
    perDialTimeout: 0,
    hostKey: "SHA256:x",
    knownHostsFile: "/kh",
    strictHostKeyChecking: "no" as const,
  };
  const { perDialTimeout, knownHostsFile, ...rest } = given;
  const expected = {
    ...rest,
    perDialTimeoutSeconds: perDialTimeout,
    knownHostsFiles: [knownHostsFile],
    sources,
  };

  it("are taken as given, zero and -1 included, behind every jump host", async () => {
    const nested = { ...given, proxy: { ...given, host: "j1", proxy: { ...given, host: "j2" } } };
    expect(await targetOf(nested)).toEqual({
      ...expected,
      proxy: { ...expected, host: "j1", proxy: { ...expected, host: "j2" } },
    });
  });

  it("win over ssh_config, except for host name, known_hosts alias and key files", async () => {
    const said: Partial<OpensshSettings> = {
      hostName: "10.0.0.1",
      port: 22022,
      user: "bob",
      identityAgent: "/agent",
      userKnownHostsFiles: ["/other"],
      jumps: [{ host: "j9" }],
      route: { proxyCommand: "nc %h %p" },
    };
    const target = await targetOf({ ...given, proxy: { ...given, host: "j1" } }, asking({ hv1: said }));
    expect(target).toMatchObject({ ...expected, host: "10.0.0.1", hostAlias: "hv1", proxy: { host: "j1" } });
    expect(target).not.toHaveProperty("route");
  });
});

describe("ssh_config", () => {
  it("wins over every default, and the label has both names", async () => {
    const said: Partial<OpensshSettings> = {
      hostName: "10.0.0.1",
      port: 2222,
      user: "operator",
      identityFiles: ["/keys/a"],
      hasIdentitiesOnly: true,
      identityAgent: "/agent",
      userKnownHostsFiles: ["/kh1", "/kh2"],
      hostKeyAlias: "rack-1",
    };
    const { userKnownHostsFiles: knownHostsFiles, hostName: host, identityAgent, ...same } = said;
    expect(await targetOf({ host: "hv1" }, asking({ hv1: said }))).toMatchObject({
      ...same,
      host,
      hostAlias: "hv1",
      knownHostsFiles,
      agentSocketPath: identityAgent,
    });
  });

  it.each([
    ["user and port of the program", { user: "carol", port: 2222 }, "alice", [["carol", 2222]]],
    ["the user that it names itself", {}, "bob", [[undefined, undefined]]],
    [
      "root, once it has named nobody",
      { port: 23 },
      "alice",
      [
        [undefined, 23],
        ["root", 23],
      ],
    ],
  ])("is asked with %s", async (_what, given, configured, expected) => {
    const asked: unknown[] = [];
    const openssh = {
      localUser: "alice",
      ask: async ({ host, user, port }: OpensshQuestion): Promise<OpensshAnswer> => {
        asked.push([user, port]);
        const identityFiles = [`/keys/${user ?? configured}`];
        return { settings: { ...plain(host), user: user ?? configured, identityFiles } };
      },
    };
    const target = await targetOf({ host: "hv1", ...given }, openssh);
    expect(asked).toEqual(expected);
    expect(target.identityFiles).toEqual([`/keys/${target.user}`]);
  });

  it("is asked for each jump host with its own user and port", async () => {
    const asked: unknown[] = [];
    const jumps = [{ host: "j1", user: "carol", port: 2201 }, { host: "j2" }];
    const openssh = {
      localUser: "alice",
      ask: async ({ host, user, port }: OpensshQuestion): Promise<OpensshAnswer> => {
        asked.push([host, user, port]);
        return { settings: { ...plain(host), user: user ?? "alice", jumps: host === "hv1" ? jumps : [] } };
      },
    };
    await targetOf({ host: "hv1", user: "dave" }, openssh);
    expect(asked).toEqual([
      ["hv1", "dave", undefined],
      ["j2", undefined, undefined],
      ["j1", "carol", 2201],
    ]);
  });

  it.each([
    ["IdentityFile", { privateKey: "k" }],
    ["CertificateFile", { privateKey: "k" }],
    ["IdentityAgent", { agentSocketPath: "/a" }],
    ["KnownHostsCommand", { hostKey: "SHA256:x" }],
    ["ProxyCommand", { proxy: { host: "j1" } }],
    ["ProxyJump", { proxy: { host: "j1" } }],
    ["RevokedHostKeys", undefined],
  ])("whose %s cannot be followed is refused, unless an argument replaces it", async (keyword, given) => {
    const openssh = asking({ hv1: { unfollowed: [{ keyword, reason: `its ${keyword} is odd` }] } });
    await expect(targetOf({ host: "hv1" }, openssh)).rejects.toThrow(`its ${keyword} is odd`);
    const everything = { privateKey: "k", agentSocketPath: "/a", hostKey: "SHA256:x", proxy: { host: "j1" } };
    const target = targetOf({ host: "hv1", ...(given ?? everything) }, openssh);
    await (given === undefined
      ? expect(target).rejects.toThrow("is odd")
      : expect(target).resolves.toMatchObject({ host: "hv1" }));
  });

  it("without logins by keys leaves those that the program gives", async () => {
    process.env["SSH_AUTH_SOCK"] = "/run/agent";
    const openssh = asking({ hv1: { areKeysOffered: false, identityFiles: ["/keys/a"] } });
    const target = await targetOf({ host: "hv1" }, openssh);
    expect(target).toMatchObject({ identityFiles: [] });
    expect(target).not.toHaveProperty("agentSocketPath");
    const given = { privateKey: "k", agentSocketPath: "/own" };
    expect(await targetOf({ host: "hv1", ...given }, openssh)).toMatchObject(given);
  });

  it("limits a dial by ConnectTimeout, unless the program does", async () => {
    const openssh = asking({ hv1: { connectTimeoutSeconds: 7 } });
    expect(await targetOf({ host: "hv1" }, openssh)).toMatchObject({ perDialTimeoutSeconds: 7 });
    const given = { host: "hv1", perDialTimeout: 3 };
    expect(await targetOf(given, openssh)).toMatchObject({ perDialTimeoutSeconds: 3 });
  });

  it("that names no user leaves root, not the login name on this machine", async () => {
    expect(await targetOf({ host: "hv1" }, asking({}))).toMatchObject({ user: "root" });
  });

  it("that wants no agent gets none", async () => {
    process.env["SSH_AUTH_SOCK"] = "/run/agent";
    const target = await targetOf({ host: "hv1" }, asking({ hv1: { identityAgent: "none" } }));
    expect(target).not.toHaveProperty("agentSocketPath");
  });

  it("that names jump hosts makes nested targets, each with its own settings", async () => {
    const openssh = asking({
      hv1: {
        jumps: [
          { host: "j1", port: 2201 },
          { host: "j2", user: "carol" },
        ],
      },
      j1: { hostName: "10.0.0.8", jumps: [{ host: "j0" }] },
      j2: { hostKeyAlias: "second", jumps: [{ host: "never" }] },
    });
    const target = await targetOf(
      { host: "hv1", perDialTimeout: 3, strictHostKeyChecking: "accept-new" },
      openssh,
    );
    const shared = { perDialTimeoutSeconds: 3, strictHostKeyChecking: "accept-new" };
    expect(target).toMatchObject({
      host: "hv1",
      user: "root",
      proxy: {
        ...{ host: "j2", user: "carol", hostKeyAlias: "second", ...shared },
        proxy: {
          ...{ host: "10.0.0.8", hostAlias: "j1", port: 2201, user: "alice", ...shared },
          proxy: { host: "j0", user: "alice" },
        },
      },
    });
    expect(target.proxy?.proxy?.proxy).not.toHaveProperty("proxy");
  });

  it.each([
    [
      "an option that cannot be followed",
      { unfollowed: [{ keyword: "ProxyCommand", reason: "its ProxyCommand is odd" }] },
      /hv1 .*its ProxyCommand is odd\. .*ssh -G hv1/,
    ],
    ["a ProxyJump that cannot be read", { jumps: undefined }, /hv1 .*ProxyJump cannot be read/],
    ["a ProxyJump in a circle", { jumps: [{ host: "hv1" }] }, /hv1 .*circle: hv1, hv1/],
  ])("with %s is an error that says what to do", async (_what, said, message) => {
    const target = targetOf({ host: "hv1" }, asking({ hv1: said }));
    await expect(target).rejects.toMatchObject({ code: "SSH_CONFIG_UNSUPPORTED" });
    await expect(target).rejects.toThrow(message);
  });

  it("that cannot be read is told once for each host, which is used as-is", async () => {
    const said: string[] = [];
    const broken = { localUser: "alice", ask: async () => ({ problem: "line 1: Bad option" }) };
    const targets = resolverWith({ openssh: broken, say: (line) => void said.push(line) });
    expect(await targets.resolve({ host: "hv1" })).toMatchObject({ host: "hv1", port: 22, user: "root" });
    await targets.resolve({ host: "hv1" });
    expect(said).toEqual([
      `OpenSSH's configuration is not used for hv1: "ssh -G" failed: line 1: Bad option`,
    ]);
  });
});

describe("the place in known_hosts", () => {
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
  const hostKey = `hv1 ${key}`;
  const openssh = asking({ rack: { hostName: "10.0.0.1", port: 2222 }, aka: { hostKeyAlias: "x" } });
  const placesOf = async (connection: unknown) => [
    ...(await resolverWith({ openssh }).knownHostsByHopOf(connection)).values(),
  ];

  it.each([
    ["the host itself", { host: "hv1", hostKey }, [{ host: "hv1", port: 22 }]],
    ["HostName and Port", { host: "rack", hostKey }, [{ host: "10.0.0.1", port: 2222 }]],
    ["the port of the program", { host: "rack", port: 22, hostKey }, [{ host: "10.0.0.1", port: 22 }]],
    ["HostKeyAlias, without a port", { host: "aka", port: 2222, hostKey }, [{ host: "x", port: 22 }]],
    [
      "each jump host's own",
      { host: "hv1", hostKey, proxy: { host: "rack", hostKey } },
      [
        { host: "hv1", port: 22 },
        { host: "10.0.0.1", port: 2222 },
      ],
    ],
    ["nobody's, if no line names a host", { host: "rack", hostKey: key }, []],
    ["nobody's, if the host is not known yet", { host: "04da6b54-80e4-46f7-96ec-b56ff0331ba9", hostKey }, []],
    ["nobody's, if there is no connection", "hv1", []],
  ])("is %s", async (_what, connection, expected) => {
    expect(await placesOf(connection)).toEqual(expected);
  });
});
