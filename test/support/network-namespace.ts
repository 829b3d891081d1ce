import { execFileSync } from "node:child_process";

/** A network namespace of a test's own, with a cable to this machine. */
export class NetworkNamespace {
  static #count = 0;

  readonly name = `mfpci-${process.pid}-${++NetworkNamespace.#count}`;
  /** This machine's end, and the end inside, which is named cable0. */
  readonly outerAddress: string;
  readonly innerAddress: string;

  constructor() {
    // RFC 2544's network for tests of devices: nobody's own
    const third = process.pid % 256;
    const last = 4 * NetworkNamespace.#count;
    this.outerAddress = `198.18.${third}.${last + 1}`;
    this.innerAddress = `198.18.${third}.${last + 2}`;
    const outer = `mfp${process.pid}-${NetworkNamespace.#count}`;
    ip(`netns add ${this.name}`);
    ip(`link add ${outer} type veth peer name cable0 netns ${this.name}`);
    ip(`addr add ${this.outerAddress}/30 dev ${outer}`);
    ip(`link set ${outer} up`);
    this.ip("link set lo up", `addr add ${this.innerAddress}/30 dev cable0`, "link set cable0 up");
  }

  /** Each is the rest of an `ip` command, carried out inside; all by one process. */
  ip(...commands: readonly string[]): void {
    execFileSync("ip", ["-n", this.name, "-batch", "-"], { input: commands.join("\n") });
  }

  /** An interface without address that stands for a network card, and the other end of its cable. */
  addCard(name: string): void {
    this.ip(
      `link add ${name} type veth peer name ${name}-far`,
      `link set ${name}-far up`,
      `link set ${name} up`,
    );
  }

  /** Its interfaces go with it, and so does the other end of the cable. */
  remove(): void {
    ip(`netns delete ${this.name}`);
  }
}

function ip(command: string): void {
  execFileSync("ip", command.split(" "));
}
