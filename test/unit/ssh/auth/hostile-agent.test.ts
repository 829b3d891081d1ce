import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SshAgent } from "../../../../provider/ssh/auth/ssh-agent";

/** An agent that answers every question with the same bytes. */
class AgentOfBytes {
  readonly #folder = mkdtempSync(join(tmpdir(), "multifunction-pci-agent-"));
  readonly path = join(this.#folder, "agent.sock");
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(answer: Buffer | "close" | "silence") {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("data", () => {
        if (answer === "close") socket.destroy();
        else if (answer !== "silence") socket.write(answer);
      });
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.path, resolve));
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true });
  }
}

const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const message = (...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([number(body.length), body]);
};
const identities = Buffer.from([12]);
const forever = new AbortController().signal;

test.each<[string, Buffer | "close", RegExp]>([
  ["closes the connection", "close", /closed the connection/],
  ["refuses", message(Buffer.from([5])), /it refused/],
  ["answers something else", message(Buffer.from([14]), number(0)), /it refused/],
  ["sends nothing as a message", number(0), /no sensible length/],
  ["announces more than any agent has", number(0xffff_ffff), /no sensible length/],
  ["announces more keys than it sends", message(identities, number(0xffff_ffff)), /cut off/],
  ["sends half a key", message(identities, number(1), number(100), Buffer.alloc(10)), /cut off/],
])("an agent that %s is an error, at once", async (_what, answer, reason) => {
  await using agent = await new AgentOfBytes(answer).listen();
  await expect(new SshAgent(agent.path, forever).keys()).rejects.toThrow(reason);
});

test("a key that has no wire form is left out", async () => {
  const junk = Buffer.from("junk");
  const answer = message(identities, number(1), number(junk.length), junk, number(0));
  await using agent = await new AgentOfBytes(answer).listen();
  expect(await new SshAgent(agent.path, forever).keys()).toEqual([]);
});

test("an agent that is silent is waited for no longer than the login lasts", async () => {
  await using agent = await new AgentOfBytes("silence").listen();
  const login = new AbortController();
  const asked = new SshAgent(agent.path, login.signal).keys();
  setTimeout(() => login.abort(new Error("the login is over")), 50);
  await expect(asked).rejects.toThrow("the login is over");
});
