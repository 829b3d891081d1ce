import { createServer, type AddressInfo, type Server as TcpServer, type Socket } from "node:net";
import {
  Server,
  utils,
  type AuthContext,
  type Connection,
  type ServerChannel,
  type ServerConfig,
  type TcpipRequestInfo,
} from "ssh2";
import { SshPool, type SshTarget } from "../../../provider/ssh";

/** What an SSH server of a test does; what is left out is done in order. */
export interface ServerManners {
  /** Its version line, its algorithms, its banner. */
  readonly config?: Pick<ServerConfig, "ident" | "algorithms" | "banner">;
  /** Takes the TCP connection before any SSH; true where it has dealt with it. */
  readonly onSocket?: (socket: Socket) => boolean;
  /** Default: every login is let in. */
  readonly onLogin?: (context: AuthContext, socket: Socket) => void;
  readonly onReady?: (socket: Socket, connection: Connection) => void;
  /** A command was started. Default: refused. */
  readonly onExec?: (channel: ServerChannel, command: string) => void;
  /** A channel to a unix socket was opened. Default: refused. */
  readonly onUnixSocket?: (channel: ServerChannel, path: string) => void;
  /** A channel to another host was opened. Default: refused. */
  readonly onTcp?: (channel: ServerChannel, to: TcpipRequestInfo) => void;
}

/** An SSH server within the test's own process, with ill manners where the test gives it some. */
export class InProcessServer {
  readonly #key = readableKey();
  readonly #sockets = new Set<Socket>();
  readonly #tcp: TcpServer;
  readonly #pools: SshPool[] = [];

  static async listen(manners: ServerManners): Promise<InProcessServer> {
    const server = new InProcessServer(manners);
    await new Promise<void>((resolve) => server.#tcp.listen(0, "127.0.0.1", resolve));
    return server;
  }

  private constructor(manners: ServerManners) {
    this.#tcp = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => this.#sockets.delete(socket));
      if (manners.onSocket?.(socket) === true) return;
      const config = { hostKeys: [this.#key.private], ...manners.config };
      const server = new Server(config, (connection) => serve(connection, socket, manners));
      server.injectSocket(socket);
    });
  }

  get port(): number {
    return (this.#tcp.address() as AddressInfo).port;
  }

  /** The line that pins its key. */
  get hostKey(): string {
    return this.#key.public;
  }

  target(fields: Partial<SshTarget> = {}): SshTarget {
    return {
      host: "127.0.0.1",
      port: this.port,
      user: "operator",
      password: "correct horse",
      dialErrorLimit: 1,
      perDialTimeoutSeconds: 1,
      strictHostKeyChecking: "yes",
      hostKey: this.hostKey,
      ...fields,
    };
  }

  pool(): SshPool {
    const pool = new SshPool();
    this.#pools.push(pool);
    return pool;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#pools.map((pool) => pool.close()));
    await new Promise((resolve) => this.#tcp.close(resolve));
  }
}

function serve(connection: Connection, socket: Socket, manners: ServerManners): void {
  connection.on("error", () => undefined);
  connection.on("authentication", (context) => {
    if (manners.onLogin === undefined) context.accept();
    else manners.onLogin(context, socket);
  });
  connection.on("ready", () => manners.onReady?.(socket, connection));
  connection.on("session", (acceptSession) => {
    acceptSession().on("exec", (accept, reject, { command }) => {
      if (manners.onExec === undefined) return reject();
      // what is said at once arrives at once, in one packet of the network with the news of the start
      socket.cork();
      const channel = accept();
      channel.on("error", () => undefined);
      manners.onExec(channel, command);
      socket.uncork();
    });
  });
  connection.on("tcpip", (accept, reject, to) => {
    if (manners.onTcp === undefined) return reject();
    const channel = accept();
    channel.on("error", () => undefined);
    manners.onTcp(channel, to);
  });
  connection.on("openssh.streamlocal", (accept, reject, { socketPath }) => {
    if (manners.onUnixSocket === undefined) return reject();
    const channel = accept();
    channel.on("error", () => undefined);
    manners.onUnixSocket(channel, socketPath);
  });
}

/** One in some hundred keys that ssh2 makes it cannot read itself: it drops a leading zero. */
function readableKey(): ReturnType<typeof utils.generateKeyPairSync> {
  for (;;) {
    const key = utils.generateKeyPairSync("ed25519");
    if (!(utils.parseKey(key.private) instanceof Error)) return key;
  }
}
