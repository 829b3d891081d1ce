import net from "node:net";

/**
 * Takes TCP connections and never says a word. To whoever watches the engine's address it is an engine; to
 * whoever dials a host it is one that never answers.
 */
export class SilentListener {
  private readonly sockets = new Set<net.Socket>();
  private wake: () => void = () => undefined;

  private constructor(private readonly server: net.Server) {
    server.on("connection", (socket) => {
      this.sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => this.sockets.delete(socket));
      socket.resume();
      this.wake();
    });
  }

  static async listen(): Promise<SilentListener> {
    const server = net.createServer();
    const listener = new SilentListener(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return listener;
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  /** Resolves when somebody is connected. */
  async connected(): Promise<void> {
    while (this.sockets.size === 0) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  /** Ends all connections, and goes on listening. */
  hangUp(): void {
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
  }

  /** Ends all connections and listens no more. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp();
    if (!this.server.listening) return;
    await new Promise((resolve) => this.server.close(resolve));
  }
}
