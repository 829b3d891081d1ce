import type net from "node:net";
import { Server } from "ssh2";
import { makePrivateKey } from "../../support/dynamic-provider/inputs";

/** An SSH server whose host key is not the expected one: a client that is strict ends at once. */
export class SshStranger {
  private constructor(
    private readonly server: Server,
    /** How often a client has begun a handshake. */
    readonly connections: { count: number },
  ) {}

  static async listen(): Promise<SshStranger> {
    const connections = { count: 0 };
    const server = new Server({ hostKeys: [makePrivateKey()] }, (client) => {
      connections.count += 1;
      client.on("error", () => client.end());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new SshStranger(server, connections);
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}
