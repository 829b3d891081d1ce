import net from "node:net";

interface Pair {
  readonly client: net.Socket;
  readonly server: net.Socket;
}

/** A way to the lab's sshd that can be cut, with and without a word, and whose answers can be kept back. */
export class TcpProxy {
  private readonly pairs = new Set<Pair>();
  private readonly listener: net.Server;
  private sent = 0;
  private keepsAnswers = false;

  private constructor(private readonly target: number) {
    this.listener = net.createServer((client) => this.join(client));
  }

  static async open(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve) => proxy.listener.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.listener.address() as net.AddressInfo).port;
  }

  /** Bytes that the client has sent so far. */
  get sentBytes(): number {
    return this.sent;
  }

  /** What the host sends is kept back until {@link passAnswers}. */
  keepAnswers(): void {
    this.keepsAnswers = true;
    for (const { server } of this.pairs) server.pause();
  }

  passAnswers(): void {
    this.keepsAnswers = false;
    for (const { server } of this.pairs) server.resume();
  }

  /** Ends every connection, both sides told. */
  cut(): void {
    for (const { client, server } of this.pairs) {
      client.destroy();
      server.destroy();
    }
  }

  /** Nothing passes any more on the connections that there are, and nobody is told. */
  fallSilent(): void {
    for (const { client, server } of this.pairs) {
      for (const socket of [client, server])
        socket.removeAllListeners("data").removeAllListeners("end").pause();
    }
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.listener.close(resolve));
  }

  private join(client: net.Socket): void {
    const server = net.connect(this.target, "127.0.0.1");
    const pair = { client, server };
    this.pairs.add(pair);
    const leave = (): void => {
      this.pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    client.on("data", (data) => {
      this.sent += data.length;
      server.write(data);
    });
    server.on("data", (data) => client.write(data));
    client.on("end", () => server.end());
    server.on("end", () => client.end());
    for (const socket of [client, server]) socket.on("error", leave).on("close", leave);
    if (this.keepsAnswers) server.pause();
  }
}
