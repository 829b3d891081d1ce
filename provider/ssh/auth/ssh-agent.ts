import { connect } from "node:net";
import { abortReason, anySignal, onAbort } from "../../async/abort";
import { withTimeLimit } from "../../async/time-limit";
import { findPublicKey, type PublicKey } from "../keys/public-key";
import { WireReader, wireString } from "../keys/wire";

/** Message numbers and flags of the agent's protocol (draft-miller-ssh-agent, sections 5.1 and 5.3). */
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const SIGNATURE_FLAGS: Readonly<Record<string, number>> = { sha256: 2, sha512: 4 };
/** For the list of its keys, which takes no touch and no answer of a person's. */
const LIST_LIMIT_MS = 5_000;

/** For a signature: a person has to find the key and touch it, or to confirm. */
const SIGN_LIMIT_MS = 60_000;

/** An agent that takes a connection and does not answer. */
export class AgentSilent extends Error {}

/** OpenSSH's own limit for a message of an agent (authfd.c: MAX_AGENT_REPLY_LEN). */
const MAX_BYTES = 256 * 1024;

/**
 * An ssh-agent behind a unix socket. ssh2's own client of it leaves out every key whose type it does not
 * know, those on FIDO security keys among them.
 */
export class SshAgent {
  /** @param signal ends what is being asked */
  constructor(
    readonly socketPath: string,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * The public halves of the keys that it holds, in its order.
   *
   * @throws AgentSilent, and where it cannot be asked
   */
  async keys(): Promise<readonly PublicKey[]> {
    const answer = fieldsOf(
      await this.#askWithin(LIST_LIMIT_MS, IDENTITIES_ANSWER, Buffer.from([REQUEST_IDENTITIES])),
    );
    const count = answer.number();
    const keys: PublicKey[] = [];
    for (let index = 0; index < count; index += 1) {
      const key = findPublicKey(answer.string());
      answer.string(); // the comment
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
    const fields = [wireString(blob), wireString(message), flags];
    const request = Buffer.concat([Buffer.from([SIGN_REQUEST]), ...fields]);
    return fieldsOf(await this.#askWithin(SIGN_LIMIT_MS, SIGN_RESPONSE, request)).string();
  }

  async #askWithin(ms: number, expected: number, request: Buffer): Promise<Buffer> {
    const silent = (): Error => new AgentSilent(`it did not answer within ${ms / 1000} s`);
    const ask = (over: AbortSignal): Promise<Buffer> =>
      this.#ask(expected, request, anySignal(this.signal, over));
    return withTimeLimit(ms, ask, silent);
  }

  /** One question, on a connection of its own. */
  async #ask(expected: number, request: Buffer, signal: AbortSignal): Promise<Buffer> {
    if (signal.aborted) throw abortReason(signal);
    return new Promise((resolve, reject) => {
      let received = Buffer.alloc(0);
      const socket = connect({ path: this.socketPath });
      const end = (error: Error): void => {
        socket.destroy();
        reject(error);
      };
      const stop = onAbort(signal, () => end(abortReason(signal)));
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
      socket.write(wireString(request));
    });
  }
}

function fieldsOf(message: Buffer): WireReader {
  return new WireReader(message, () => new Error("its answer is cut off"));
}
