import { connect } from "node:net";
import { abortReason, onAbort } from "../../async/abort";
import { findPublicKey, type PublicKey } from "../keys/public-key";

/** Message numbers and flags of the agent's protocol (draft-miller-ssh-agent, sections 5.1 and 5.3). */
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const SIGNATURE_FLAGS: Readonly<Record<string, number>> = { sha256: 2, sha512: 4 };
/** OpenSSH's own limit for a message of an agent (authfd.c: MAX_AGENT_REPLY_LEN). */
const MAX_BYTES = 256 * 1024;

/**
 * An ssh-agent behind a unix socket. ssh2's own client of it leaves out every key whose type it does not
 * know, those on FIDO security keys among them.
 */
export class SshAgent {
  /** @param signal ends what is being asked; there is no other limit, since a key may wait to be touched */
  constructor(
    readonly socketPath: string,
    private readonly signal: AbortSignal,
  ) {}

  /** The public halves of the keys that it holds, in its order. @throws where it cannot be asked */
  async keys(): Promise<readonly PublicKey[]> {
    const answer = new Fields(await this.#ask(IDENTITIES_ANSWER, Buffer.from([REQUEST_IDENTITIES])));
    const count = answer.number();
    const keys: PublicKey[] = [];
    for (let index = 0; index < count; index += 1) {
      const key = findPublicKey(answer.bytes());
      answer.bytes(); // the comment
      if (key !== undefined) keys.push(key);
    }
    return keys;
  }

  /**
   * A signature as SSH writes it: the algorithm's name and what it makes.
   *
   * @param hash of an RSA signature
   * @throws where the agent cannot or will not: a security key that was not touched
   */
  async sign(key: PublicKey, message: Buffer, hash: string | undefined): Promise<Buffer> {
    const flags = Buffer.alloc(4);
    if (/^ssh-rsa(-cert-v01@openssh\.com)?$/.test(key.type))
      flags.writeUInt32BE(SIGNATURE_FLAGS[hash ?? ""] ?? 0);
    const blob = Buffer.from(key.base64, "base64");
    const request = Buffer.concat([
      Buffer.from([SIGN_REQUEST]),
      lengthOf(blob),
      blob,
      lengthOf(message),
      message,
      flags,
    ]);
    return new Fields(await this.#ask(SIGN_RESPONSE, request)).bytes();
  }

  /** One question, on a connection of its own. */
  async #ask(expected: number, request: Buffer): Promise<Buffer> {
    if (this.signal.aborted) throw abortReason(this.signal);
    return new Promise((resolve, reject) => {
      let received = Buffer.alloc(0);
      const socket = connect({ path: this.socketPath });
      const end = (error: Error): void => {
        socket.destroy();
        reject(error);
      };
      const stop = onAbort(this.signal, () => end(abortReason(this.signal)));
      socket.once("error", end);
      socket.once("close", () => {
        stop();
        end(new Error("it closed the connection"));
      });
      socket.on("data", (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        if (received.length < 4) return;
        const length = received.readUInt32BE(0);
        if (length < 1 || length > MAX_BYTES) return end(new Error("its answer has no sensible length"));
        if (received.length < 4 + length) return;
        if (received[4] !== expected) return end(new Error("it refused"));
        resolve(received.subarray(5, 4 + length));
        socket.destroy();
      });
      socket.write(Buffer.concat([lengthOf(request), request]));
    });
  }
}

/** Reads a message field by field. @throws where it is cut off */
class Fields {
  #position = 0;

  constructor(private readonly message: Buffer) {}

  number(): number {
    this.#need(4);
    const value = this.message.readUInt32BE(this.#position);
    this.#position += 4;
    return value;
  }

  bytes(): Buffer {
    const length = this.number();
    this.#need(length);
    this.#position += length;
    return this.message.subarray(this.#position - length, this.#position);
  }

  #need(length: number): void {
    if (this.#position + length > this.message.length) throw new Error("its answer is cut off");
  }
}

function lengthOf(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return length;
}
