import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** What has gone through a relay so far. */
export interface Traffic {
  readonly connections: number;
  /**
   * How often a client has waited for the host: for each connection once, and each time the host answers what
   * the client has sent since the host's last answer. What was asked together is one.
   */
  readonly roundTrips: number;
}

/**
 * A way to an sshd that counts what a slow network would make dear. Every way of a comparison goes through
 * one.
 */
export class CountingRelay {
  #connections = 0;
  #turns = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#server = createServer({ noDelay: true }, (client) => this.#join(client, target));
  }

  static async open(target: { readonly host: string; readonly port: number }): Promise<CountingRelay> {
    const relay = new CountingRelay(target);
    relay.#server.listen(0, "127.0.0.1");
    await once(relay.#server, "listening");
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get traffic(): Traffic {
    return { connections: this.#connections, roundTrips: this.#connections + this.#turns };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, target: { readonly host: string; readonly port: number }): void {
    this.#connections += 1;
    const server = connect({ ...target, noDelay: true });
    const ends = [client, server];
    const leave = (): void => {
      for (const socket of ends) {
        this.#sockets.delete(socket);
        socket.destroy();
      }
    };
    let clientSpokeLast = false;
    client.on("data", () => (clientSpokeLast = true));
    server.on("data", () => {
      if (clientSpokeLast) this.#turns += 1;
      clientSpokeLast = false;
    });
    for (const socket of ends) {
      this.#sockets.add(socket);
      socket.on("error", leave).on("close", () => this.#sockets.delete(socket));
    }
    client.pipe(server);
    server.pipe(client);
  }
}
