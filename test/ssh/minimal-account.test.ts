import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { SshConnection } from "../../provider/ssh";
import { openHelper } from "../support/open-helper";
import { Bench, freePort, publicLine } from "../support/sshd";

const document = readFileSync(join(__dirname, "..", "..", "docs", "security.md"), "utf8");
/** The options of the line for authorized_keys, and the lines for sshd, as docs/security.md gives them. */
const [, keyOptions = ""] = /^(restrict,\S+) ssh-ed25519 /m.exec(document) ?? [];
const [, serverLines = ""] = /^Match User pulumi-pci\n((?: {4}.*\n)+)/m.exec(document) ?? [];
const libvirtSocket = "/run/libvirt/libvirt-sock";

/** With the channel for jump hosts, which is no part of the room's face. */
type TcpConnection = SshConnection & {
  openTcp(host: string, port: number, signal: AbortSignal): Promise<Duplex>;
};

describe("An account with the restrictions of docs/security.md", () => {
  const bench = new Bench();
  const socket = join(bench.workspace.path, "libvirt-sock");
  const other = join(bench.workspace.path, "other-sock");
  const listeners: Server[] = [];

  async function listen(place: string | number): Promise<Server> {
    const server = createServer((one) => one.pipe(one));
    listeners.push(server);
    await new Promise<void>((resolve) => server.listen(place, resolve));
    return server;
  }

  beforeAll(() => Promise.all([listen(socket), listen(other)]));
  afterAll(async () => {
    await bench.tearDown();
    for (const server of listeners) server.close();
  });

  async function connect(options: string, config: readonly string[]): Promise<TcpConnection> {
    const authorized = bench.workspace.write("restricted.pub", `${options} ${publicLine(bench.clientKey)}\n`);
    const sshd = await bench.startSshd({ authorizedKeys: [authorized.replace(/\.pub$/, "")], config });
    return (await bench.pool().acquire(sshd.target(bench.login))) as TcpConnection;
  }

  it.each([
    ["in authorized_keys", keyOptions, ""],
    ["of sshd", "", serverLines],
    ["in both places", keyOptions, serverLines],
  ])("%s has all that the provider needs, and no way into the network", async (_name, options, lines) => {
    expect(options + lines).toContain(libvirtSocket);
    // the daemon's place is taken by the test's own
    const config = lines
      .replaceAll(libvirtSocket, socket)
      .split("\n")
      .map((line) => line.trim());
    const connection = await connect(options.replaceAll(libvirtSocket, socket), config);
    (await connection.openUnixSocket(socket)).destroy();
    await expect(connection.openUnixSocket(other)).rejects.toMatchObject({ code: "SSH_CHANNEL_REFUSED" });
    const lock = await openHelper(connection).lock([`minimal-${await freePort()}`]);
    expect((await openHelper(connection).readFacts()).interfaces.map((one) => one.name)).toContain("lo");
    await lock.release();
    const { port } = (await listen(0)).address() as AddressInfo;
    await expect(connection.openTcp("127.0.0.1", port, AbortSignal.timeout(5_000))).rejects.toThrow(
      /not allow|open failed|forwarding/,
    );
  });

  it("of restrict alone has no channel to a socket, and all that virt-ssh-helper needs", async () => {
    const connection = await connect("restrict", []);
    await expect(connection.openUnixSocket(socket)).rejects.toMatchObject({ code: "SSH_CHANNEL_REFUSED" });
    const { stdio } = await connection.exec("cat");
    stdio.write("through");
    const [bytes] = (await once(stdio, "data")) as [Buffer];
    expect(bytes.toString()).toBe("through");
    stdio.destroy();
  });
});
