import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";

const APPLICATION = "ssh:";
const USER_PRESENT = 1;

function field(bytes: Buffer | string): Buffer {
  const content = Buffer.from(bytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** How the key of a {@link SecurityKeyAgent} is made. */
export type SecurityKeyType = "sk-ssh-ed25519@openssh.com" | "sk-ecdsa-sha2-nistp256@openssh.com";

/**
 * An ssh-agent that holds one key of a FIDO security key, made in software. What it signs is what such a
 * device signs (OpenSSH, PROTOCOL.u2f), and a real sshd verifies it.
 */
export class SecurityKeyAgent {
  readonly #type: SecurityKeyType;
  readonly #privateKey: KeyObject;
  readonly #blob: Buffer;
  readonly #server: Server;
  #counter = 0;
  /** Whether somebody touches the key when it is asked to sign. */
  isTouched = true;

  private constructor(type: SecurityKeyType) {
    this.#type = type;
    const pair =
      type === "sk-ssh-ed25519@openssh.com"
        ? generateKeyPairSync("ed25519")
        : generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#privateKey = pair.privateKey;
    const der = pair.publicKey.export({ type: "spki", format: "der" });
    const point =
      type === "sk-ssh-ed25519@openssh.com"
        ? [field(der.subarray(-32))]
        : [field("nistp256"), field(der.subarray(-65))];
    this.#blob = Buffer.concat([field(type), ...point, field(APPLICATION)]);
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async listen(type: SecurityKeyType, path: string): Promise<SecurityKeyAgent> {
    const agent = new SecurityKeyAgent(type);
    await new Promise<void>((resolve) => agent.#server.listen(path, resolve));
    return agent;
  }

  /** The line for authorized_keys. */
  get publicLine(): string {
    return `${this.#type} ${this.#blob.toString("base64")} on a security key`;
  }

  /** How often it has signed. */
  get signatures(): number {
    return this.#counter;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    let received = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 4 && received.length >= 4 + received.readUInt32BE(0)) {
        const end = 4 + received.readUInt32BE(0);
        const message = received.subarray(4, end);
        received = received.subarray(end);
        socket.write(field(this.#answer(message)));
      }
    });
  }

  #answer(message: Buffer): Buffer {
    if (message[0] === 11)
      return Buffer.concat([Buffer.from([12]), number(1), field(this.#blob), field("security key")]);
    if (message[0] !== 13 || !this.isTouched) return Buffer.from([5]);
    const blobLength = message.readUInt32BE(1);
    const dataStart = 5 + blobLength + 4;
    const data = message.subarray(dataStart, dataStart + message.readUInt32BE(5 + blobLength));
    return Buffer.concat([Buffer.from([14]), field(this.#sign(data))]);
  }

  /** Signs what a device signs: hash of the application, flags, counter, hash of the message. */
  #sign(data: Buffer): Buffer {
    this.#counter += 1;
    const sha256 = (bytes: Buffer | string) => createHash("sha256").update(bytes).digest();
    const tail = Buffer.concat([Buffer.from([USER_PRESENT]), number(this.#counter)]);
    const signed = Buffer.concat([sha256(APPLICATION), tail, sha256(data)]);
    if (this.#type === "sk-ssh-ed25519@openssh.com")
      return Buffer.concat([field(this.#type), field(sign(null, signed, this.#privateKey)), tail]);
    const pair = sign("sha256", signed, { key: this.#privateKey, dsaEncoding: "ieee-p1363" });
    const numbers = [pair.subarray(0, 32), pair.subarray(32)].map((half) =>
      field(Buffer.concat([Buffer.of(0), half])),
    );
    return Buffer.concat([field(this.#type), field(Buffer.concat(numbers)), tail]);
  }
}
