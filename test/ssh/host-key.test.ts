import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { basename, join } from "node:path";
import type { SshTarget } from "../../provider/ssh";
import { ClientProcess } from "./support/client-process";
import { Bench, fingerprint, publicLine, type Sshd } from "../support/sshd";

jest.setTimeout(30_000);

describe("host key", () => {
  const bench = new Bench();
  const { workspace, hostKey } = bench;
  const otherKey = workspace.generateKey("other_ed25519");
  const otherRsaKey = workspace.generateKey("other_rsa", "-t", "rsa", "-b", "2048");
  const rsaKey = workspace.generateKey("host_rsa", "-t", "rsa", "-b", "2048");
  const privateKey = readFileSync(bench.clientKey, "utf8");
  let sshd: Sshd;
  let counter = 0;

  beforeAll(async () => {
    sshd = await bench.startSshd({ hostKeys: [hostKey, rsaKey] });
  });
  afterAll(() => bench.tearDown());

  const name = () => `[127.0.0.1]:${sshd.port}`;
  const knownHosts = (...lines: readonly string[]) =>
    workspace.write(`known_hosts.${++counter}`, `${lines.join("\n")}\n`);
  /** Fields of a target, with one known_hosts file. */
  type Fields = Partial<SshTarget> & { readonly knownHostsFile?: string };
  const fieldsOf = ({ knownHostsFile, ...fields }: Fields): Partial<SshTarget> => ({
    privateKey,
    ...(knownHostsFile !== undefined && { knownHostsFiles: [knownHostsFile] }),
    ...fields,
  });
  const acquire = (fields: Fields) => bench.pool().acquire(sshd.target(fieldsOf(fields)));
  const refusal = (fields: Fields) =>
    acquire(fields).then(
      () => Promise.reject(new Error("was accepted")),
      (error: unknown) => String(error),
    );

  describe("by argument", () => {
    it.each([
      ["a public key line", () => publicLine(hostKey)],
      ["a line with host and comment", () => `${name()} ${publicLine(hostKey)} root@hv1`],
      ["a fingerprint", () => fingerprint(hostKey)],
      ["the line of the key that is not preferred", () => publicLine(rsaKey)],
      ["the fingerprint of the key that is not preferred", () => fingerprint(rsaKey)],
    ])("accepts %s", async (_form, argument) => {
      expect((await acquire({ hostKey: argument() })).isOpen).toBe(true);
    });

    it("refuses another key, naming both fingerprints", async () => {
      const error = await refusal({ hostKey: publicLine(otherKey) });
      expect(error).toContain("SSH_HOST_KEY_MISMATCH");
      expect(error).toContain(`received ssh-ed25519 ${fingerprint(hostKey)}`);
      expect(error).toContain(`expected ssh-ed25519 ${fingerprint(otherKey)} (connection.hostKey)`);
    });

    it("refuses another fingerprint, naming every key that the host has", async () => {
      const error = await refusal({ hostKey: fingerprint(otherKey) });
      expect(error).toContain("SSH_HOST_KEY_MISMATCH");
      expect(error).toContain(`ssh-ed25519 ${fingerprint(hostKey)}`);
      expect(error).toContain(`ssh-rsa ${fingerprint(rsaKey)}`);
      expect(error).toContain(`expected ${fingerprint(otherKey)}`);
    });

    const hashed = (line: string): string => {
      const file = knownHosts(line);
      execFileSync("ssh-keygen", ["-q", "-H", "-f", file], { stdio: "ignore" });
      return readFileSync(file, "utf8");
    };
    const wildcard = () => `[127.0.?.*]:${sshd.port},!*.example ${publicLine(hostKey)}`;
    it.each([
      ["a hashed line of ssh-keygen", () => hashed(`${name()} ${publicLine(hostKey)}`)],
      ["a line without a port", () => `127.0.0.1 ${publicLine(hostKey)}`],
      ["wildcards", () => wildcard()],
      ["a whole file", () => `# mine\nhv2 ${publicLine(otherKey)}\n\n${name()} ${publicLine(hostKey)}\n`],
      ["a key alone beside lines of others", () => `hv2 ${publicLine(otherKey)}\n${publicLine(hostKey)}`],
      [
        "what ssh-keyscan prints",
        () => {
          const args = ["-p", String(sshd.port), "127.0.0.1"];
          return execFileSync("ssh-keyscan", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
        },
      ],
    ])("is read as known_hosts is: %s", async (_form, argument) => {
      expect((await acquire({ hostKey: argument() })).isOpen).toBe(true);
    });

    it.each([
      ["another host's line", () => `hv2 ${publicLine(hostKey)}`, /has no line for \[127\..* are for hv2\./],
      ["a line for another port", () => `[127.0.0.1]:1 ${publicLine(hostKey)}`, /are for \[127.0.0.1\]:1/],
      ["a line that negates it", () => `*,!127.0.0.1,!${name()} ${publicLine(hostKey)}`, /has no line for/],
      ["a hashed line of another", () => hashed(`hv2 ${publicLine(hostKey)}`), /are for a hashed name/],
      ["a revoked key alone", () => `@revoked * ${publicLine(hostKey)}`, /revoked keys alone/],
      ["a certificate authority", () => `@cert-authority * ${publicLine(hostKey)}`, /holds no host key/],
    ])("refuses %s, and says whose lines there are", async (_form, argument, message) => {
      const error = await refusal({ hostKey: argument(), strictHostKeyChecking: "no" });
      expect(error).toContain("SSH_HOST_KEY_ARGUMENT_INVALID");
      expect(error).toMatch(message);
    });

    it("refuses a key that it revokes and trusts, however it is written", async () => {
      const revoked = `@revoked ${name()} ${publicLine(hostKey)}`;
      for (const trusted of [publicLine(hostKey), fingerprint(hostKey), `${name()} ${publicLine(hostKey)}`]) {
        const error = await refusal({ hostKey: `${trusted}\n${revoked}` });
        expect(error).toContain("SSH_HOST_KEY_REVOKED");
        expect(error).toContain("(connection.hostKey)");
      }
    });

    it("looks for the name that ssh looks for: HostKeyAlias, without a port", async () => {
      const hostKeyArgument = `rack-1 ${publicLine(hostKey)}`;
      const connection = await acquire({ hostKey: hostKeyArgument, hostKeyAlias: "rack-1" });
      expect(connection.isOpen).toBe(true);
      const own = `${name()} ${publicLine(hostKey)}`;
      expect(await refusal({ hostKey: own, hostKeyAlias: "rack-1" })).toContain("has no line for rack-1");
    });

    it('holds even with strictHostKeyChecking "no", and does not ask known_hosts', async () => {
      const knownHostsFile = knownHosts(`${name()} ${publicLine(hostKey)}`);
      const fields = { knownHostsFile, strictHostKeyChecking: "no" as const };
      const error = await refusal({ hostKey: publicLine(otherKey), ...fields });
      expect(error).toContain("SSH_HOST_KEY_MISMATCH");
    });

    it("says what a host key looks like when the argument is none", async () => {
      expect(await refusal({ hostKey: "ssh-ed25519 nonsense" })).toContain("SSH_HOST_KEY_ARGUMENT_INVALID");
    });
  });

  describe("by known_hosts", () => {
    it("accepts a known key", async () => {
      const knownHostsFile = knownHosts(
        "# mine",
        `other ${publicLine(otherKey)}`,
        `${name()} ${publicLine(hostKey)}`,
      );
      expect((await acquire({ knownHostsFile })).isOpen).toBe(true);
    });

    it("asks for the type of key that is known", async () => {
      const knownHostsFile = knownHosts(`${name()} ${publicLine(rsaKey)}`);
      expect((await acquire({ knownHostsFile })).isOpen).toBe(true);
    });

    it("accepts a line that ssh-keygen has hashed", async () => {
      const knownHostsFile = knownHosts(`${name()} ${publicLine(hostKey)}`);
      execFileSync("ssh-keygen", ["-q", "-H", "-f", knownHostsFile], { stdio: "ignore" });
      const text = readFileSync(knownHostsFile, "utf8");
      expect(text).toMatch(/^\|1\|/);
      expect((await acquire({ knownHostsFile })).isOpen).toBe(true);
    });

    it.each([
      ["with wildcards for host and port", () => `[127.0.?.*]:*`],
      ["among others", () => `hv1,${name()},hv2`],
      ["without a port, where no line names the port", () => "127.0.0.1"],
      ["that is not negated for this host", () => `[127.*]:*,![127.0.0.2]:*`],
    ])("accepts a key by a line %s", async (_what, hosts) => {
      const knownHostsFile = knownHosts(`${hosts()} ${publicLine(hostKey)}`);
      expect((await acquire({ knownHostsFile })).isOpen).toBe(true);
    });

    it.each([
      ["negates this host", () => `*,!${name()},!127.0.0.1`],
      ["names another port", () => `[127.0.0.1]:${sshd.port + 1}`],
      ["has a wildcard for something else", () => "[127.1.*]:*"],
    ])("does not believe a line that %s", async (_what, hosts) => {
      const knownHostsFile = knownHosts(`${hosts()} ${publicLine(hostKey)}`);
      expect(await refusal({ knownHostsFile })).toContain("SSH_HOST_KEY_UNKNOWN");
    });

    it("asks a line with the port before one without", async () => {
      const knownHostsFile = knownHosts(
        `${name()} ${publicLine(otherKey)}`,
        `127.0.0.1 ${publicLine(hostKey)}`,
      );
      expect(await refusal({ knownHostsFile })).toContain("SSH_HOST_KEY_MISMATCH");
    });

    it("refuses a key that is revoked for every host, by a hashed line too", async () => {
      const line = `${name()} ${publicLine(hostKey)}`;
      const everywhere = await refusal({
        knownHostsFile: knownHosts(line, `@revoked * ${publicLine(hostKey)}`),
      });
      expect(everywhere).toContain("SSH_HOST_KEY_REVOKED");
      const hashed = knownHosts(line);
      execFileSync("ssh-keygen", ["-q", "-H", "-f", hashed], { stdio: "ignore" });
      const text = readFileSync(hashed, "utf8").trim();
      expect(await refusal({ knownHostsFile: knownHosts(line, `@revoked ${text}`) })).toContain(
        "SSH_HOST_KEY_REVOKED",
      );
    });

    it("asks every file named, and a bare alias if the host has one", async () => {
      const knownHostsFiles = [knownHosts(), knownHosts(`rack-1 ${publicLine(hostKey)}`)];
      const connection = await acquire({ knownHostsFiles, hostKeyAlias: "rack-1" });
      expect(connection.isOpen).toBe(true);
      expect(await refusal({ knownHostsFiles })).toContain("SSH_HOST_KEY_UNKNOWN");
      const error = await refusal({ knownHostsFiles: [knownHosts()], hostKeyAlias: "rack-2" });
      expect(error).toContain(`known_hosts: rack-2 ${publicLine(hostKey)} [`);
    });

    it.each(["none", "/dev/null"])(
      "takes %s for no file: nothing is known, nothing is kept",
      async (file) => {
        const knownHostsFiles = [file];
        expect(await refusal({ knownHostsFiles })).toContain("SSH_HOST_KEY_UNKNOWN");
        const acceptNew = { knownHostsFiles, strictHostKeyChecking: "accept-new" } as const;
        expect(await refusal(acceptNew)).toContain("SSH_HOST_KEY_NOT_RECORDED");
        const any = await acquire({ knownHostsFiles, strictHostKeyChecking: "no" });
        expect(any.isOpen).toBe(true);
      },
    );

    it("refuses an unknown host, with its fingerprint and the line to add", async () => {
      const knownHostsFile = knownHosts();
      const error = await refusal({ knownHostsFile });
      expect(error).toContain("SSH_HOST_KEY_UNKNOWN");
      expect(error).toContain(`shows ssh-ed25519 ${fingerprint(hostKey)}`);
      expect(error).toContain(knownHostsFile);
      const line = /known_hosts: (.*?) \[SSH_/.exec(error)?.[1] ?? "";
      expect(line).toBe(`${name()} ${publicLine(hostKey)}`);
      expect((await acquire({ knownHostsFile: knownHosts(line) })).isOpen).toBe(true);
      expect(readFileSync(knownHostsFile, "utf8").trim()).toBe("");
    });

    it("refuses an unknown host when the file is missing, and says so", async () => {
      const error = await refusal({ knownHostsFile: join(workspace.path, "nowhere") });
      expect(error).toContain(`${join(workspace.path, "nowhere")} (missing)`);
    });

    it("refuses a changed key, naming the expected line, before any credential is sent", async () => {
      const knownHostsFile = knownHosts("", `${name()} ${publicLine(otherKey)}`);
      const before = sshd.log.length;
      const error = await refusal({ knownHostsFile });
      expect(error).toContain("SSH_HOST_KEY_MISMATCH");
      expect(error).toContain(`${fingerprint(otherKey)} (${knownHostsFile}:2)`);
      expect(error).toContain(`received ssh-ed25519 ${fingerprint(hostKey)}`);
      expect(sshd.log.slice(before)).not.toMatch(/publickey|Accepted/);
    });

    it.each(["yes", "accept-new", "no"] as const)(
      "refuses a revoked key under %s",
      async (strictHostKeyChecking) => {
        const line = `${name()} ${publicLine(hostKey)}`;
        const error = await refusal({
          knownHostsFile: knownHosts(line, `@revoked ${line}`),
          strictHostKeyChecking,
        });
        expect(error).toContain("SSH_HOST_KEY_REVOKED");
      },
    );
  });

  describe('"accept-new"', () => {
    const strictHostKeyChecking = "accept-new";

    it("writes a new key for the user alone, and refuses another later", async () => {
      const knownHostsFile = join(workspace.path, "fresh", "known_hosts");
      await acquire({ knownHostsFile, strictHostKeyChecking });
      expect(readFileSync(knownHostsFile, "utf8")).toBe(`${name()} ${publicLine(hostKey)}\n`);
      expect(statSync(knownHostsFile).mode & 0o777).toBe(0o600);
      expect(statSync(join(workspace.path, "fresh")).mode & 0o777).toBe(0o700);
      expect((await acquire({ knownHostsFile })).isOpen).toBe(true);

      const impostor = await bench.startSshd({ hostKeys: [otherKey] });
      const text = readFileSync(knownHostsFile, "utf8").replace(String(sshd.port), String(impostor.port));
      const file = workspace.write("known_hosts.moved", text);
      const target = impostor.target(fieldsOf({ knownHostsFile: file, strictHostKeyChecking }));
      await expect(bench.pool().acquire(target)).rejects.toMatchObject({ code: "SSH_HOST_KEY_MISMATCH" });
      expect(readFileSync(file, "utf8")).toBe(text);
    });

    it("takes a host known under another type of key for changed, not for new", async () => {
      const own = await bench.startSshd({ hostKeys: [rsaKey] });
      const knownHostsFile = knownHosts(`[127.0.0.1]:${own.port} ${publicLine(otherKey)}`);
      const target = own.target(fieldsOf({ knownHostsFile, strictHostKeyChecking }));
      await expect(bench.pool().acquire(target)).rejects.toMatchObject({ code: "SSH_HOST_KEY_MISMATCH" });
    });

    it("adds to a file whose last line has no end", async () => {
      const knownHostsFile = workspace.write("known_hosts.open", `other ${publicLine(otherKey)}`);
      await acquire({ knownHostsFile, strictHostKeyChecking });
      expect(readFileSync(knownHostsFile, "utf8").split("\n")).toEqual([
        `other ${publicLine(otherKey)}`,
        `${name()} ${publicLine(hostKey)}`,
        "",
      ]);
    });

    /** A server that shows the key, behind a gate: what is to happen first happens when a client has come. */
    const behindGate = async (meanwhile: () => void): Promise<Partial<SshTarget>> => {
      const gate = createServer((client) => {
        client.on("error", () => undefined);
        meanwhile();
        const server = connect(sshd.port, "127.0.0.1", () => client.pipe(server).pipe(client));
        server.on("error", () => undefined);
      });
      await new Promise<void>((resolve) => gate.listen(0, "127.0.0.1", resolve));
      gates.push(gate);
      return { host: "127.0.0.1", port: (gate.address() as AddressInfo).port };
    };
    const gates: Server[] = [];
    afterAll(() => gates.forEach((gate) => gate.close()));

    it.each([
      ["another key", () => publicLine(otherKey), "SSH_HOST_KEY_MISMATCH"],
      ["another key of another type", () => publicLine(otherRsaKey), "SSH_HOST_KEY_MISMATCH"],
      ["that the key is revoked", () => publicLine(hostKey), "SSH_HOST_KEY_REVOKED"],
    ])("refuses a host of which another process has written %s since the dial", async (what, key, code) => {
      const knownHostsFile = knownHosts();
      let line = "";
      const place = await behindGate(() => writeFileSync(knownHostsFile, `${line}\n`));
      line = `${what.startsWith("that") ? "@revoked " : ""}[127.0.0.1]:${place.port ?? 0} ${key()}`;
      const before = sshd.log.length;
      expect(await refusal({ ...place, knownHostsFile, strictHostKeyChecking })).toContain(code);
      expect(readFileSync(knownHostsFile, "utf8")).toBe(`${line}\n`);
      expect(sshd.log.slice(before)).not.toMatch(/publickey|Accepted/);
    });

    it("does not write again what another process has written since the dial", async () => {
      const knownHostsFile = knownHosts();
      let line = "";
      const place = await behindGate(() => writeFileSync(knownHostsFile, `${line}\n`));
      line = `[127.0.0.1]:${place.port ?? 0} ${publicLine(hostKey)}`;
      expect((await acquire({ ...place, knownHostsFile, strictHostKeyChecking })).isOpen).toBe(true);
      expect(readFileSync(knownHostsFile, "utf8")).toBe(`${line}\n`);
    });

    it("asks for a key type that another process recorded since the dial", async () => {
      const knownHostsFile = knownHosts();
      let line = "";
      const place = await behindGate(() => writeFileSync(knownHostsFile, `${line}\n`));
      line = `[127.0.0.1]:${place.port ?? 0} ${publicLine(rsaKey)}`;
      expect((await acquire({ ...place, knownHostsFile, strictHostKeyChecking })).isOpen).toBe(true);
      expect(readFileSync(knownHostsFile, "utf8")).toBe(`${line}\n`);
    });

    it("writes one line for many connections at once", async () => {
      const knownHostsFile = join(workspace.path, "parallel", "known_hosts");
      const all = Array.from({ length: 8 }, () => acquire({ knownHostsFile, strictHostKeyChecking }));
      for (const connection of await Promise.all(all)) expect(connection.isOpen).toBe(true);
      expect(readFileSync(knownHostsFile, "utf8")).toBe(`${name()} ${publicLine(hostKey)}\n`);
      expect(readdirSync(join(workspace.path, "parallel"))).toEqual(["known_hosts"]);
    });

    it("writes one line for many processes at once, beside what they have", async () => {
      const mine = `other ${publicLine(otherKey)}\n`;
      const knownHostsFile = workspace.write("known_hosts.processes", mine);
      const target = sshd.target(fieldsOf({ knownHostsFile, strictHostKeyChecking }));
      const clients = Array.from({ length: 3 }, (_, index) => new ClientProcess(target, [`lock-${index}`]));
      await Promise.all(clients.map((client) => client.said(/^locked$/m, 25_000)));
      for (const client of clients) client.end();
      expect(readFileSync(knownHostsFile, "utf8")).toBe(`${mine}${name()} ${publicLine(hostKey)}\n`);
    });

    it("goes on where a process has ended without giving back its lock", async () => {
      const knownHostsFile = knownHosts();
      const lock = workspace.write(`${basename(knownHostsFile)}.lock`, "");
      utimesSync(lock, 1, 1);
      expect((await acquire({ knownHostsFile, strictHostKeyChecking })).isOpen).toBe(true);
      expect(existsSync(lock)).toBe(false);
    });

    it("fails where the key cannot be written down", async () => {
      const file = workspace.write("a-file", "");
      const error = await refusal({ knownHostsFile: join(file, "known_hosts"), strictHostKeyChecking });
      expect(error).toContain("SSH_HOST_KEY_NOT_RECORDED");
    });
  });

  describe('"no"', () => {
    const strictHostKeyChecking = "no";

    it("accepts a new key and writes it down", async () => {
      const knownHostsFile = join(workspace.path, "known_hosts.no");
      expect((await acquire({ knownHostsFile, strictHostKeyChecking })).isOpen).toBe(true);
      expect(existsSync(knownHostsFile)).toBe(true);
    });

    it("goes on with a changed key, leaves the file alone, and shows no password", async () => {
      const text = `${name()} ${publicLine(otherKey)}\n`;
      const knownHostsFile = workspace.write("known_hosts.changed", text);
      expect((await acquire({ knownHostsFile, strictHostKeyChecking })).isOpen).toBe(true);
      expect(readFileSync(knownHostsFile, "utf8")).toBe(text);

      const before = sshd.log.length;
      const target = sshd.target({
        password: "hunter2",
        knownHostsFiles: [knownHostsFile],
        strictHostKeyChecking,
      });
      await expect(bench.pool().acquire(target)).rejects.toThrow(/password withheld/);
      expect(sshd.log.slice(before)).not.toContain("Failed password");
    });
  });
});
