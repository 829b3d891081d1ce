import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { OpensshConfig } from "../../provider/ssh";
import { SshConfigFile, SshOnPath } from "../support/ssh-config";
import { Bench, fingerprint, publicLine, waitUntil, type Sshd } from "../support/sshd";

/** `connection.host` as an alias of ssh_config, against the real `ssh -G` and a real sshd. */
const bench = new Bench();
const { workspace, hostKey, clientKey } = bench;
let sshd: Sshd;
let knownHosts: string;

beforeAll(async () => {
  delete process.env["SSH_AUTH_SOCK"];
  sshd = await bench.startSshd();
  knownHosts = workspace.write("known_hosts", `[127.0.0.1]:${sshd.port} ${publicLine(hostKey)}\n`);
});
afterAll(() => bench.tearDown());

/** A host block for the server, with further lines; the first of each keyword wins. */
const block = (alias: string, server: Sshd, ...lines: readonly string[]) => [
  `Host ${alias}`,
  ...lines,
  "HostName 127.0.0.1",
  `Port ${server.port}`,
  `IdentityFile ${clientKey}`,
  `UserKnownHostsFile "${knownHosts}"`,
];
const configOf = (...lines: readonly string[]) => new SshConfigFile(workspace, ...lines);
const loginTo = async (config: SshConfigFile, host: string, fields = {}) =>
  bench.pool().acquire(await config.targetOf({ host, ...fields }));
const refusalOf = (login: Promise<unknown>) =>
  login.then(
    () => Promise.reject(new Error("was let in")),
    (error: unknown) => String(error),
  );

describe("an alias of ssh_config", () => {
  it("gives HostName, Port, IdentityFile and UserKnownHostsFile: nothing but the alias is needed", async () => {
    const connection = await loginTo(configOf(...block("hv1", sshd)), "hv1");
    expect(connection.isOpen).toBe(true);
    expect(connection.label).toBe(`root@127.0.0.1:${sshd.port} (hv1)`);
  });

  it("may come from a pattern, a Match block and an included file", async () => {
    const included = configOf(...block("rack-*", sshd));
    const config = configOf(`Include ${included.path}`, "Match originalhost rack-?", "User nobody-here");
    expect(await refusalOf(loginTo(config, "rack-7"))).toContain(`nobody-here@127.0.0.1:${sshd.port}`);
    expect((await loginTo(config, "rack-7", { user: "root" })).isOpen).toBe(true);
  });

  it("gives the User, which an argument wins over, as over each of the others", async () => {
    const wrong = ["User nobody-here", "HostKeyAlias nowhere"];
    const config = configOf(...block("hv1", sshd, ...wrong));
    const knownHere = workspace.write("known_hosts.alias", `nowhere ${publicLine(hostKey)}\n`);
    const fields = { knownHostsFile: knownHere };
    const refused = await refusalOf(loginTo(config, "hv1", fields));
    expect(refused).toContain("SSH_AUTH_REFUSED");
    expect(refused).toContain("nobody-here@");
    expect(sshd.log).toMatch(/Invalid user nobody-here/);
    expect((await loginTo(config, "hv1", { ...fields, user: "root" })).isOpen).toBe(true);

    const privateKey = readFileSync(workspace.generateKey("stranger"), "utf8");
    const otherKey = await refusalOf(loginTo(config, "hv1", { ...fields, user: "root", privateKey }));
    expect(otherKey).toContain("(connection.privateKey)");
    expect(otherKey).not.toContain(clientKey);
    const otherPort = await config.targetOf({ host: "hv1", port: 1 });
    expect(otherPort).toMatchObject({ host: "127.0.0.1", port: 1 });
  });

  it("asks known_hosts for HostKeyAlias, and shows the line to add under it", async () => {
    const known = workspace.write("known_hosts.rack", `rack-1 ${publicLine(hostKey)}\n`);
    const lines = (alias: string) => [`HostKeyAlias ${alias}`, `UserKnownHostsFile ${known}`];
    const config = configOf(
      ...block("hv1", sshd, ...lines("rack-1")),
      ...block("hv2", sshd, ...lines("rack-2")),
    );
    expect((await loginTo(config, "hv1")).isOpen).toBe(true);
    const error = await refusalOf(loginTo(config, "hv2"));
    expect(error).toContain("SSH_HOST_KEY_UNKNOWN");
    expect(error).toContain(fingerprint(hostKey));
    expect(error).toContain(`add this line to known_hosts: rack-2 ${publicLine(hostKey)}`);
  });

  it("asks each of several UserKnownHostsFile, with blanks in their names", async () => {
    const empty = workspace.write("known hosts of nobody", "");
    const named = `UserKnownHostsFile "${empty}" "${knownHosts}"`;
    expect((await loginTo(configOf(...block("hv1", sshd, named)), "hv1")).isOpen).toBe(true);
  });

  it.each(["none", "/dev/null"])("knows no host where UserKnownHostsFile is %s", async (file) => {
    const config = configOf(...block("hv1", sshd, `UserKnownHostsFile ${file}`));
    expect(await refusalOf(loginTo(config, "hv1"))).toContain("SSH_HOST_KEY_UNKNOWN");
  });
});

describe("an IdentityFile", () => {
  it("that is not there is passed over", async () => {
    const gone = `IdentityFile ${join(workspace.path, "gone")}`;
    expect((await loginTo(configOf(...block("hv1", sshd, gone)), "hv1")).isOpen).toBe(true);
  });

  it("is found by its tokens", async () => {
    const key = workspace.generateKey("id_hv1_root");
    const own = await bench.startSshd({ authorizedKeys: [key] });
    const known = workspace.write("known_hosts.own", `[127.0.0.1]:${own.port} ${publicLine(hostKey)}\n`);
    const config = configOf(
      ...["Host hv1", "HostName 127.0.0.1", `Port ${own.port}`, "User root"],
      ...[`UserKnownHostsFile ${known}`, `IdentityFile ${workspace.path}/id_%n_%r`],
    );
    expect((await loginTo(config, "hv1")).isOpen).toBe(true);
  });

  it("that is encrypted opens with privateKeyPassword, and is named in the refusal without one", async () => {
    const key = workspace.generateKey("id_encrypted", "-N", "correct horse");
    const own = await bench.startSshd({ authorizedKeys: [key] });
    const lines = [`Host hv1`, "HostName 127.0.0.1", `Port ${own.port}`, `IdentityFile ${key}`];
    const config = configOf(...lines);
    const fields = { hostKey: publicLine(hostKey) };
    expect((await loginTo(config, "hv1", { ...fields, privateKeyPassword: "correct horse" })).isOpen).toBe(
      true,
    );
    const error = await refusalOf(loginTo(config, "hv1", fields));
    expect(error).toContain(`no key (${key}): it is encrypted`);
  });

  describe("with an agent", () => {
    const agentSocketPath = join(workspace.path, "agent.sock");
    const others = Array.from({ length: 7 }, (_, index) => workspace.generateKey(`other-${index}`));
    const held = workspace.generateKey("held");
    let agent: ChildProcess;

    beforeAll(async () => {
      agent = spawn("ssh-agent", ["-D", "-a", agentSocketPath], { stdio: "ignore" });
      await waitUntil("the agent listens", () => existsSync(agentSocketPath));
      const env = { ...process.env, SSH_AUTH_SOCK: agentSocketPath };
      for (const key of [...others, held]) execFileSync("ssh-add", [key], { env, stdio: "ignore" });
    });
    afterAll(() => agent.kill());

    it("is tried before the agent's keys, and alone with IdentitiesOnly", async () => {
      const own = await bench.startSshd({ authorizedKeys: [held], config: ["MaxAuthTries 2"] });
      const publicHalf = workspace.write("elsewhere.pub", readFileSync(`${held}.pub`, "utf8"));
      const head = ["Host hv1", "HostName 127.0.0.1", `Port ${own.port}`, `IdentityAgent ${agentSocketPath}`];
      const fields = { hostKey: publicLine(hostKey) };
      const preferring = configOf(...head, `IdentityFile ${publicHalf}`);
      expect((await loginTo(preferring, "hv1", fields)).isOpen).toBe(true);
      const only = configOf(...head, "IdentitiesOnly yes", `IdentityFile ${others[0] ?? ""}`);
      const error = await refusalOf(loginTo(only, "hv1", fields));
      expect(error.match(/publickey ssh-ed25519/g)).toHaveLength(1);
    });
  });
});

describe("ProxyJump", () => {
  it("leads through a chain of hosts, each with what ssh_config says of it", async () => {
    const [outer, inner] = [await bench.startSshd(), await bench.startSshd()];
    const known = [outer, inner, sshd].map((one) => `[127.0.0.1]:${one.port} ${publicLine(hostKey)}`);
    const all = `UserKnownHostsFile ${workspace.write("known_hosts.all", `${known.join("\n")}\n`)}`;
    const config = configOf(
      ...block("hv1", sshd, all, "ProxyJump root@inner"),
      ...block("inner", inner, all, "ProxyJump outer"),
      ...block("outer", outer, all, "User root"),
      ...block("hv2", sshd, all, "ProxyJump outer,inner"),
    );
    expect((await loginTo(config, "hv1")).isOpen).toBe(true);
    expect([outer.acceptedLogins, inner.acceptedLogins]).toEqual([1, 1]);
    expect((await loginTo(config, "hv2")).isOpen).toBe(true);
    expect([outer.acceptedLogins, inner.acceptedLogins]).toEqual([2, 2]);
  });

  it("is overridden by connection.proxy, whose host may be an alias too", async () => {
    const jump = await bench.startSshd();
    const known = [jump, sshd].map((one) => `[127.0.0.1]:${one.port} ${publicLine(hostKey)}`);
    const both = `UserKnownHostsFile ${workspace.write("known_hosts.both", `${known.join("\n")}\n`)}`;
    const config = configOf(
      ...block("hv1", sshd, both, "ProxyJump nowhere.invalid"),
      ...block("jump", jump, both),
    );
    expect((await loginTo(config, "hv1", { proxy: { host: "jump" } })).isOpen).toBe(true);
    expect(jump.acceptedLogins).toBe(1);
  });

  it("that leads back to itself is an error, unlike in OpenSSH", async () => {
    const config = configOf(...block("hv1", sshd, "ProxyJump hv2"), ...block("hv2", sshd, "ProxyJump hv1"));
    await expect(config.targetOf({ host: "hv1" })).rejects.toMatchObject({ code: "SSH_CONFIG_UNSUPPORTED" });
  });

  it("that OpenSSH itself calls a loop leaves the host as it is", async () => {
    const config = configOf("Host localhost", "ProxyJump localhost");
    const said: string[] = [];
    const target = await config.targetOf({ host: "localhost" }, (line) => said.push(line));
    expect(target).toMatchObject({ host: "localhost", port: 22 });
    expect(said.join()).toContain("jumphost loop");
  });
});

describe("ssh itself", () => {
  let ssh: SshOnPath | undefined;
  afterEach(() => ssh?.restore());

  it("is asked once for each host, and never for what looks like an option", async () => {
    const { path } = configOf(...block("hv1", sshd), ...block("hv2", sshd));
    ssh = new SshOnPath(workspace, 'real "$@"');
    const openssh = new OpensshConfig({ file: path, limitMs: 30_000 });
    const hosts = ["hv1", "hv2", "hv1", "hv1", "-oProxyCommand=false", "root@hv1", "hv2"];
    const answers = await Promise.all(hosts.map((host) => openssh.ask({ host })));
    expect(answers.map(({ settings }) => settings?.port)).toEqual([
      ...Array.from({ length: 4 }, () => sshd.port),
      ...[undefined, undefined],
      sshd.port,
    ]);
    expect([...ssh.askedFor].sort()).toEqual(["hv1", "hv2"]);
  });

  it("gets the host as one argument, whatever is in it", async () => {
    ssh = new SshOnPath(workspace, "exit 1");
    await new OpensshConfig().ask({ host: "$(id);`id`|x" });
    expect(ssh.askedFor).toEqual(["$(id);`id`|x"]);
  });

  it.each([
    ["fails", "echo 'line 1: Bad option' >&2; exit 255", /^line 1: Bad option$/],
    ["takes too long", "exec sleep 60", /^no answer within 0\.3 s$/],
    ["prints something else", "echo hello", /host name, user and port/],
  ])("that %s leaves the host as it is, with the reason", async (_what, script, problem) => {
    ssh = new SshOnPath(workspace, script);
    const answer = await new OpensshConfig({ limitMs: script.includes("sleep") ? 300 : 30_000 }).ask({
      host: "hv1",
    });
    expect(answer).toEqual({ problem: expect.stringMatching(problem) as string });
  });

  it("that is not there leaves the host as it is, without a word", async () => {
    const path = process.env["PATH"];
    process.env["PATH"] = workspace.path;
    try {
      expect(await new OpensshConfig().ask({ host: "hv1" })).toEqual({});
    } finally {
      process.env["PATH"] = path;
    }
  });

  describe("and what it starts", () => {
    const secrets = {
      MULTIFUNCTION_PCI_PRIVATE_KEY: "hunter2-key",
      MULTIFUNCTION_PCI_PRIVATE_KEY_PASSWORD: "hunter2-passphrase",
      MULTIFUNCTION_PCI_PASSWORD: "hunter2-password",
      PULUMI_ACCESS_TOKEN: "hunter2-token",
      PULUMI_CONFIG: '{"multifunction-pci:password":"hunter2-config"}',
      PULUMI_CONFIG_PASSPHRASE: "hunter2-stack",
      PULUMI_CONFIG_PASSPHRASE_FILE: "/hunter2",
    };
    const others = { SSH_TEST_OF_ENVIRONMENT: "kept", HUNTERS_PULUMI_CONFIG: "kept" };
    const before = process.env;
    beforeAll(() => {
      process.env = { ...before, ...secrets, ...others };
    });
    afterAll(() => {
      process.env = before;
    });

    it("is given the environment without a credential, in Match exec too", async () => {
      const seen = join(workspace.path, "environment");
      const config = configOf(`Match exec "env >${seen}"`, ...block("hv1", sshd));
      expect(
        await new OpensshConfig({ file: config.path, limitMs: 30_000 }).ask({ host: "hv1" }),
      ).toHaveProperty("settings");
      const environment = readFileSync(seen, "utf8");
      expect(environment).not.toContain("hunter2");
      expect(environment.split("\n")).toEqual(
        expect.arrayContaining(Object.entries(others).map(([name, value]) => `${name}=${value}`)),
      );
      expect(environment).toMatch(/^PATH=/m);
    });

    it.each(Object.keys(secrets))("does not bring %s into a path, which messages show", async (name) => {
      const own = ["IdentityFile /keys/${" + name + "}", "IdentityAgent $" + name];
      const config = configOf(...block("hv1", sshd, ...own));
      const answer = await new OpensshConfig({ file: config.path, limitMs: 30_000 }).ask({ host: "hv1" });
      expect(JSON.stringify(answer)).not.toContain("hunter2");
    });
  });

  it("is not asked where the configuration is none", async () => {
    ssh = new SshOnPath(workspace, "exit 1");
    expect(await new OpensshConfig({ file: "none" }).ask({ host: "hv1" })).toEqual({});
    expect(ssh.askedFor).toEqual([]);
  });
});
