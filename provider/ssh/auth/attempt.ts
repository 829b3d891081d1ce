import type { AnyAuthMethod } from "ssh2";

/** One attempt to log in. */
export interface Attempt {
  readonly method: "none" | "publickey" | "password" | "keyboard-interactive";
  /** What a refusal says was offered. */
  readonly offer?: string;
  /** The key's wire form, if the attempt is with a key. */
  readonly key?: string;
  readonly auth: AnyAuthMethod;
}
