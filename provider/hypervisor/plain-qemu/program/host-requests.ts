import type { Duplex } from "node:stream";
import { onAbort } from "../../../async/abort";
import { now, setTimer, type Timer } from "../../../async/clock";
import { Semaphore } from "../../../async/semaphore";
import { HostHelper, sentProgram, type AskOptions, type HelperHost } from "../../../host/helper";
import { findPciAddress } from "../../../pci";
import type { Privilege } from "./host-channels";
import { HOST_FOLDERS, type HostFolders } from "./host-folders";
import { HOST_PROGRAM_PATH, HOST_PROGRAM_VERSIONS, HOST_PROGRAM_WORD, hostProgram } from "./host-program";
import { HOST_PROGRAM_ERRORS } from "./host-program-errors";
import { lookAtStuck, STUCK_GRACE_MS, stuckChangeError } from "../../stuck-change";
import { RecentGuests } from "../recent-guests";
import type { HostRecord } from "./host-record";
import { openMonitorStream } from "./monitor-stream";

/**
 * A look at a host with ten thousand functions in view has one megabyte, in a record each; that of a large
 * guest's ledger comes in pieces of a thousand bytes.
 */
const LIMITS = { bytes: 4 * 1024 * 1024, pieces: 24_000 };
/** Each is one or two processes on the host. */
const MAX_LOOKS = 8;

/** What changes something on the host. */
export type ChangeVerb = "bind" | "release" | "write";

/** Under which locks, and for whom, something is changed. */
export interface ChangeParts {
  /** Names of locks that this connection holds. */
  readonly locks: readonly string[];
  /** For the host's log; undefined for a change that is not noted there. */
  readonly owner?: string;
  readonly args: string;
}

/**
 * The host program of one connection (program/host-program.sh), started at first use, and what it is asked.
 */
export class HostRequests {
  /** Its locks, and what the host needs its functions for. */
  readonly helper: HostHelper;
  /** What was seen over this connection a moment ago. */
  readonly recent = new RecentGuests();
  readonly #looks = new Semaphore(MAX_LOOKS);

  constructor(host: HelperHost, privilege: Privilege, folders: HostFolders = HOST_FOLDERS) {
    const sent = privilege === "login" ? sentProgram(hostProgram(folders)) : INSTALLED;
    this.helper = new HostHelper(host, {
      ...sent,
      readyWord: HOST_PROGRAM_WORD,
      versions: HOST_PROGRAM_VERSIONS,
      errors: HOST_PROGRAM_ERRORS,
    });
  }

  get label(): string {
    return this.helper.label;
  }

  /**
   * A request that changes nothing.
   *
   * @throws HOST_PROGRAM_FAILED, HostSetupError; the codes of exec; the signal's reason
   */
  async look(request: string, signal: AbortSignal): Promise<HostRecord[]> {
    const pass = await this.#looks.acquire(signal);
    try {
      return await this.#ask(request, { signal });
    } finally {
      pass();
    }
  }

  /**
   * One that changes something: awaited past its signal, because undoing must not overtake it; but no longer
   * than some seconds, because a driver may never come back. Who has the functions open is looked at then.
   *
   * @throws as {@link look}; HOST_CHANGE_STUCK
   */
  async change(
    verb: ChangeVerb,
    { locks, owner, args }: ChangeParts,
    signal: AbortSignal,
  ): Promise<HostRecord[]> {
    signal.throwIfAborted();
    if (locks.length === 0) throw new RangeError("a change is asked for under locks");
    if (verb !== "write") this.recent.forgetHost();
    const startedAt = now();
    const limit = new AbortController();
    let begun: string | undefined;
    let late: Timer | undefined;
    const stop = onAbort(signal, () => {
      late = setTimer(() => limit.abort(new Error("it does not return")), STUCK_GRACE_MS);
    });
    try {
      const words = [verb, locks.join(","), ...(owner === undefined ? [] : [owner]), args];
      return await this.#ask(words.join(" "), { signal: limit.signal, onBegun: (what) => (begun = what) });
    } catch (cause) {
      if (!limit.signal.aborted || cause !== limit.signal.reason) throw cause;
      const seconds = Math.round((now() - startedAt) / 1000);
      const functions = args.split(/[ =]/).flatMap((word) => findPciAddress(word) ?? []);
      const facts = await lookAtStuck(functions, (names, end) => this.helper.readFunctionFacts(names, end));
      throw stuckChangeError({ target: this.label, functions, begun, seconds }, facts);
    } finally {
      stop();
      late?.cancel();
    }
  }

  /** A stream to a QEMU's monitor by way of the program. @throws as {@link look} */
  monitor(socket: string, signal: AbortSignal): Promise<Duplex> {
    return openMonitorStream(this.helper, socket, signal);
  }

  async #ask(request: string, options: AskOptions): Promise<HostRecord[]> {
    // a ledger may have any letter
    const printed = request.replace(/^(write \S+ \S+) .*$/s, "$1");
    if (/[^\x20-\x7e]/.test(printed) || /[\n\r\0]/.test(request))
      throw new RangeError("not one line of a request");
    const records = await this.helper.ask(request, { ...options, limits: LIMITS });
    return records.map((record) => {
      const [, kind = "", text = ""] = /^(\S*) ?(.*)$/s.exec(record) ?? [];
      return { kind, text };
    });
  }
}

/** A login that is root's is sent the program, an account with sudo runs the installed one. */
const INSTALLED = { command: `exec sudo -n ${HOST_PROGRAM_PATH}`, text: "" };
