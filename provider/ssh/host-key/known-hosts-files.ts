import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { parseKnownHosts, type KnownHostsEntry } from "./known-hosts";

/** The system-wide files that OpenSSH reads beside the user's (ssh_config(5), GlobalKnownHostsFile). */
const SYSTEM_FILES = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"] as const;

/** The lines of all files that were asked, and what to say of them in a message. */
export interface KnownHosts {
  readonly entries: readonly KnownHostsEntry[];
  /** Where a new host is written; undefined where there is no file for it. */
  readonly userFile: string | undefined;
  /** Each file that was asked; one that could not be read says why. */
  readonly asked: readonly string[];
}

/**
 * Reads the user's and the system's known_hosts. Files that cannot be read count as empty, as in OpenSSH;
 * since they then make hosts unknown, the message about an unknown host names them.
 *
 * Read synchronously: the answer is needed between two packets of a key exchange, and the files are small.
 *
 * @param own instead of `~/.ssh/known_hosts` and `known_hosts2`; `~/` is the home directory, and `none` and
 *   `/dev/null`, which remember nothing, are no file
 * @param system instead of the system's files; nothing is replaced in these
 */
export function readKnownHosts(
  own: readonly string[] | undefined,
  system: readonly string[] = SYSTEM_FILES,
): KnownHosts {
  const folder = join(homedir(), ".ssh");
  const userFiles =
    own?.filter(isFile).map(expandHome) ?? ["known_hosts", "known_hosts2"].map((name) => join(folder, name));
  const [userFile] = userFiles;
  const read = [...userFiles, ...system.filter(isFile)].map((file) => ({ file, ...readOne(file) }));
  const asked = read
    .filter(({ file, problem }) => file === userFile || problem !== "missing")
    .map(({ file, problem }) => (problem === undefined ? file : `${file} (${problem})`));
  return {
    entries: read.flatMap(({ file, text }) => parseKnownHosts(text, file)),
    userFile,
    asked: asked.length === 0 ? ["any file that may be asked"] : asked,
  };
}

function isFile(path: string): boolean {
  return path.toLowerCase() !== "none" && path !== "/dev/null";
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
 * in append mode, so lines of several processes do not run into each other.
 *
 * @returns the number of the line in the file, from 1; 0 where somebody has taken it out meanwhile
 * @throws the file system's error
 */
export function addKnownHostsLine(file: string, line: string): number {
  makeFolderOf(file);
  const before = readOne(file).text;
  const separator = before === "" || before.endsWith("\n") ? "" : "\n";
  appendFileSync(file, `${separator}${line}\n`, { mode: 0o600 });
  return lastIndexOfLine(readFileSync(file), line).number;
}

/**
 * Makes a comment of a line that was added, by one byte in its place: so no line that another program adds
 * meanwhile is lost.
 */
export function takeBackKnownHostsLine(file: string, line: string): void {
  const { offset } = lastIndexOfLine(readFileSync(file), line);
  if (offset < 0) return;
  const descriptor = openSync(file, "r+");
  try {
    writeSync(descriptor, "#", offset);
  } finally {
    closeSync(descriptor);
  }
}

/** The folder of a known_hosts file, for the user alone. @throws the file system's error */
export function makeFolderOf(file: string): void {
  const directory = dirname(file);
  if (existsSync(directory)) return;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
}

function lastIndexOfLine(
  content: Buffer,
  line: string,
): { readonly offset: number; readonly number: number } {
  const lines = content.toString("latin1").split("\n");
  const index = lines.lastIndexOf(Buffer.from(line).toString("latin1"));
  if (index < 0) return { offset: -1, number: 0 };
  return { offset: lines.slice(0, index).reduce((sum, one) => sum + one.length + 1, 0), number: index + 1 };
}
