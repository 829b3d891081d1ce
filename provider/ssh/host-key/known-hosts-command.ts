import { childEnvironment } from "../config/child-environment";
import type { KnownHostsCommand } from "../config/host-key-rules";
import { runProgram } from "../config/local-program";
import { expandTokens } from "../config/tokens";
import { providerError } from "../../errors";
import { fingerprintOf, type PublicKey } from "../keys/public-key";
import { parseKnownHosts, type KnownHostsEntry } from "./known-hosts";

/** A directory over the network may take a while; OpenSSH itself waits without an end. */
const LIMIT_MS = 10_000;
/** Some thousand lines of known_hosts. */
const MAX_BYTES = 1024 * 1024;

/** What a KnownHostsCommand is asked (ssh_config(5), `%I`). */
export type KnownHostsQuestion =
  | { readonly kind: "ORDER"; readonly name: string }
  | { readonly kind: "HOSTNAME" | "ADDRESS"; readonly name: string; readonly key: PublicKey };

/**
 * Runs a KnownHostsCommand as OpenSSH does (sshconnect.c: load_hostkeys_command).
 *
 * @param label - the host in messages
 * @returns the lines that it prints, for whichever hosts
 * @throws SSH_KNOWN_HOSTS_COMMAND_FAILED; the signal's reason
 */
export async function askKnownHostsCommand(
  { argv, tokens }: KnownHostsCommand,
  question: KnownHostsQuestion,
  { label, signal }: { readonly label: string; readonly signal: AbortSignal },
): Promise<readonly KnownHostsEntry[]> {
  const key = question.kind === "ORDER" ? undefined : question.key;
  const values = {
    ...tokens,
    H: question.name,
    I: question.kind,
    t: key?.type ?? "NONE",
    f: key === undefined ? "NONE" : fingerprintOf(key),
    K: key?.base64 ?? "NONE",
  };
  const [program = "", ...words] = argv;
  const environment = childEnvironment(process.env);
  const failed = (reason: string): Error =>
    providerError("SSH_KNOWN_HOSTS_COMMAND_FAILED", { target: label, command: program, reason });
  const args = words.map((word) => {
    const expansion = expandTokens(word, values, environment);
    if ("problem" in expansion) throw failed(expansion.problem);
    return expansion.text;
  });
  const outcome = await runProgram([program, ...args], { limitMs: LIMIT_MS, maxBytes: MAX_BYTES, signal });
  signal.throwIfAborted();
  if (outcome.failure !== undefined) throw failed(outcome.failure.text);
  return parseKnownHosts(outcome.stdout, `KnownHostsCommand ${program}`);
}
