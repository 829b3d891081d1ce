import type { ByteStream } from "../../../provider/async/byte-stream";
import { QmpConnection } from "../../../provider/qmp";
import { GREETING } from "./support/scripted-qemu";

type Listener = (value?: unknown) => void;

/** The way to a QEMU that answers every command; nothing of Node's streams is in it. */
class MemoryStream implements ByteStream {
  destroyed = false;
  readonly written: string[] = [];
  readonly #listeners = new Map<string, Listener>();

  on(event: string, listener: (value: never) => void): void {
    this.#listeners.set(event, listener as Listener);
  }

  write(text: string): void {
    this.written.push(text);
    const { id } = JSON.parse(text) as { readonly id: string };
    this.tell("data", Buffer.from(`${JSON.stringify({ return: {}, id })}\r\n`));
  }

  destroy(): void {
    this.destroyed = true;
  }

  tell(event: string, value?: unknown): void {
    this.#listeners.get(event)?.(value);
  }
}

it("lets QMP speak over a way that is no stream of Node's", async () => {
  const stream = new MemoryStream();
  const opening = QmpConnection.open(stream, new AbortController().signal);
  stream.tell("data", Buffer.from(GREETING));
  const connection = await opening;
  await connection.execute("stop");
  expect(stream.written.map((line) => (JSON.parse(line) as { execute: string }).execute)).toEqual([
    "qmp_capabilities",
    "stop",
  ]);
  stream.tell("end");
  expect(await connection.closed).toBe("closed-by-qemu");
  expect(stream.destroyed).toBe(true);
});
