import type { Duplex } from "node:stream";
import { printable, shorten } from "../../errors";

/** What is kept of the bytes in front of the version line. RFC 4253 section 4.2 allows other lines there. */
const KEPT_BYTES = 1024;
const LONGEST_QUOTE = 120;

/** What a server means by what it says in place of a version line. */
interface Meaning {
  readonly pattern: RegExp;
  readonly meaning: string;
  readonly cure: string;
}

const CHECK_PORT = "Check connection.port: it is the port of sshd that is needed.";

/**
 * Texts of sshd (OpenSSH 9.2 and 10.0, sshd.c: drop_connection) and what other protocols begin with.
 */
const MEANINGS: readonly Meaning[] = [
  {
    pattern: /^Exceeded MaxStartups/,
    meaning: "too many logins are under way there",
    cure: "Run again when they are through, or raise MaxStartups in its sshd_config.",
  },
  {
    pattern: /^Not allowed at this time/,
    meaning: "its sshd keeps this address out for a while, after logins that failed",
    cure: "Wait some minutes, or see PerSourcePenalties in its sshd_config.",
  },
  { pattern: /^HTTP\/\d/, meaning: "an HTTP server listens there", cure: CHECK_PORT },
  // an alert, or the beginning of a handshake (RFC 8446 section 5.1), written out
  { pattern: /^\\u001[56]\\u0003/, meaning: "a server for TLS listens there", cure: CHECK_PORT },
  { pattern: /^220[ -]/, meaning: "a mail or FTP server listens there", cure: CHECK_PORT },
  { pattern: /^RFB \d/, meaning: "a VNC server listens there", cure: CHECK_PORT },
  { pattern: /^\{"QMP"/, meaning: "QEMU's monitor listens there", cure: CHECK_PORT },
  { pattern: /^SSH-1\.(?!99)/, meaning: "it speaks SSH 1 alone", cure: "Update its SSH server." },
];

/** What a server says before the key exchange: its version, or something else in place of it. */
export class ServerGreeting {
  #received = "";
  #version: string | undefined;

  /** Begins to listen; until the version line is there, or enough of anything else. */
  constructor(socket: Duplex) {
    const listener = (chunk: Buffer): void => {
      this.#received += chunk.toString("latin1", 0, KEPT_BYTES);
      const [, version] = /^SSH-(?:2\.0|1\.99)-([^\r\n]+)\r?\n/m.exec(this.#received) ?? [];
      this.#version = version;
      if (version !== undefined || this.#received.length >= KEPT_BYTES) socket.off("data", listener);
    };
    socket.on("data", listener);
  }

  /** Its software, with its comment: `OpenSSH_9.2p1 Debian-2`. */
  get version(): string | undefined {
    return this.#version;
  }

  /** What it said in place of a version line, in words that follow "the server"; undefined for nothing. */
  get instead(): string | undefined {
    const text = this.#received.trim();
    if (this.#version !== undefined || text === "") return undefined;
    const [line = ""] = text.split(/[\r\n]/);
    const quote = `it said "${shorten(line, LONGEST_QUOTE)}" in place of SSH's version line`;
    const meaning = this.#meaning?.meaning;
    return meaning === undefined ? quote : `${quote}: ${meaning}`;
  }

  /** What to do, where it is known what the server means. */
  get cure(): string | undefined {
    return this.#version === undefined ? this.#meaning?.cure : undefined;
  }

  /** Whether the port is another protocol's, so that there is no use in trying again. */
  get isAnotherProtocol(): boolean {
    return this.cure === CHECK_PORT;
  }

  get #meaning(): Meaning | undefined {
    const text = printable(this.#received);
    return MEANINGS.find(({ pattern }) => pattern.test(text));
  }
}
