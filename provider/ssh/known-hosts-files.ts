import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { parseKnownHosts, type KnownHostsEntry } from "./known-hosts";

/** The system-wide files that OpenSSH reads beside the user's (ssh_config(5), GlobalKnownHostsFile). */
const SYSTEM_FILES = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"] as const;

/** The lines of all files that were asked, and what to say of them in a message. */
export interface KnownHosts {
  readonly entries: readonly KnownHostsEntry[];
  /** Where a new host is written. */
  readonly userFile: string;
  /** Each file that was asked; one that could not be read says why. */
  readonly asked: readonly string[];
}

/**
 * Reads the user's and the system's known_hosts. Files that cannot be read count as empty, as in OpenSSH;
 * since they then make hosts unknown, the message about an unknown host names them.
 *
 * Read synchronously: the answer is needed between two packets of a key exchange, and the files are small.
 *
 * @param knownHostsFile instead of `~/.ssh/known_hosts` and `known_hosts2`; `~/` is the home directory
 */
export function readKnownHosts(knownHostsFile: string | undefined): KnownHosts {
  const own = knownHostsFile === undefined ? undefined : expandHome(knownHostsFile);
  const userFile = own ?? join(homedir(), ".ssh", "known_hosts");
  const files = [userFile, ...(own === undefined ? [`${userFile}2`] : []), ...SYSTEM_FILES];
  const read = files.map((file) => ({ file, ...readOne(file) }));
  return {
    entries: read.flatMap(({ file, text }) => parseKnownHosts(text, file)),
    userFile,
    asked: read
      .filter(({ file, problem }) => file === userFile || problem !== "missing")
      .map(({ file, problem }) => (problem === undefined ? file : `${file} (${problem})`)),
  };
}

function expandHome(path: string): string {
  return path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;
}

function readOne(file: string): { text: string; problem?: string } {
  try {
    return { text: readFileSync(file, "utf8") };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unreadable";
    return { text: "", problem: code === "ENOENT" ? "missing" : code };
  }
}

/**
 * Adds a line to a known_hosts file, creating it (0600) and its directory (0700) where missing. One write
 * in append mode, so lines of several processes do not run into each other. A line that is there already
 * is not repeated.
 *
 * @throws the file system's error
 */
export function addKnownHostsLine(file: string, line: string): void {
  const directory = dirname(file);
  if (!existsSync(directory)) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    chmodSync(directory, 0o700);
  }
  const before = readOne(file).text;
  if (before.split("\n").includes(line)) return;
  const separator = before === "" || before.endsWith("\n") ? "" : "\n";
  appendFileSync(file, `${separator}${line}\n`, { mode: 0o600 });
}
