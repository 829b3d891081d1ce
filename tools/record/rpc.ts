/**
 * Records conversations with a real libvirtd for test/unit/libvirt-rpc: runs each scenario of
 * test/support/recordings/rpc-scenarios.ts over an SSH channel to the daemon's socket and writes every
 * message, in order, to test/fixtures/libvirt-rpc/<scenario>.json.
 *
 *   npx tsx tools/record/rpc.ts --port 2299 --key FILE [--host 127.0.0.1] [--socket PATH] [SCENARIO…]
 *
 * The host is one of lab/: guests and devices are named in the scenarios, the users root, operator (in the
 * group libvirt) and outsider take the key. It changes things on the host and puts them back; never point it
 * at a host that matters. The host's key is not checked.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { parseArgs } from "node:util";
import { Client } from "ssh2";
import { MessageSplitter } from "../../provider/libvirt-rpc/message-splitter";
import {
  recordingsFolder,
  type RecordedFrame,
  type Recording,
} from "../../test/support/recordings/rpc-recording";
import { scenarios, type Scenario, type ScenarioName } from "../../test/support/recordings/rpc-scenarios";

interface Target {
  readonly host: string;
  readonly port: number;
  readonly privateKey: Buffer;
  readonly socket: string;
}

/** Passes everything on and notes each whole message that goes by. */
class RecordingStream extends Duplex {
  readonly frames: RecordedFrame[] = [];
  readonly #fromServer = new MessageSplitter((message) => this.#note("server", message));
  readonly #fromClient = new MessageSplitter((message) => this.#note("client", message));

  constructor(private readonly channel: Duplex) {
    super();
    channel.on("data", (chunk: Buffer) => {
      this.#fromServer.push(chunk);
      this.push(chunk);
    });
    channel.on("end", () => this.push(null));
    channel.on("error", (error: Error) => this.destroy(error));
  }

  override _read(): void {
    // the channel pushes
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#fromClient.push(chunk);
    this.channel.write(chunk, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.channel.destroy();
    done(error);
  }

  #note(from: RecordedFrame["from"], message: Buffer): void {
    const word = Buffer.alloc(4);
    word.writeUInt32BE(message.length + 4);
    this.frames.push({ from, hex: Buffer.concat([word, message]).toString("hex") });
  }
}

function connect(target: Target, username: string): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    client.once("ready", () => resolve(client)).once("error", reject);
    client.connect({ host: target.host, port: target.port, username, privateKey: target.privateKey });
  });
}

function openSocket(client: Client, path: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    client.openssh_forwardOutStreamLocal(path, (error, channel) =>
      error ? reject(error) : resolve(channel),
    );
  });
}

function run(client: Client, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) return reject(error);
      let output = "";
      channel.on("data", (chunk: Buffer) => (output += chunk.toString()));
      channel.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
      channel.on("close", (code: number | null) =>
        code === 0 ? resolve(output.trim()) : reject(new Error(`${command}: exit ${code}: ${output}`)),
      );
    });
  });
}

async function record(name: ScenarioName, target: Target): Promise<Recording> {
  const scenario: Scenario = scenarios[name];
  const root = await connect(target, "root");
  try {
    const recordedWith = {
      command: `npx tsx tools/record/rpc.ts ${name}`,
      host: await run(root, '. /etc/os-release; echo "$PRETTY_NAME, kernel $(uname -r)"'),
      libvirt: await run(root, "libvirtd --version"),
      qemu: await run(root, "qemu-system-x86_64 --version | head -n 1"),
      user: scenario.user,
    };
    if (scenario.prepare !== undefined) await run(root, scenario.prepare);
    const caller = await connect(target, scenario.user);
    try {
      const stream = new RecordingStream(await openSocket(caller, target.socket));
      console.log(name, await scenario.run(stream));
      stream.destroy();
      return { scenario: name, recordedWith, frames: stream.frames };
    } finally {
      caller.end();
      if (scenario.cleanUp !== undefined) await run(root, scenario.cleanUp);
    }
  } finally {
    root.end();
  }
}

function isScenarioName(name: string): name is ScenarioName {
  return Object.hasOwn(scenarios, name);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string" },
      key: { type: "string" },
      socket: { type: "string", default: "/run/libvirt/libvirt-sock" },
    },
  });
  if (values.port === undefined || values.key === undefined) throw new Error("--port and --key are needed");
  const target: Target = {
    host: values.host,
    port: Number(values.port),
    privateKey: readFileSync(values.key),
    socket: values.socket,
  };
  for (const name of positionals.length > 0 ? positionals : Object.keys(scenarios)) {
    if (!isScenarioName(name))
      throw new Error(`no scenario "${name}"; there are ${Object.keys(scenarios).join(", ")}`);
    const recording = await record(name, target);
    writeFileSync(join(recordingsFolder, `${name}.json`), `${JSON.stringify(recording, undefined, 2)}\n`);
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
