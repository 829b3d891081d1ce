import { causeText, providerError, hasCode } from "../../errors";
import { abortReason, untilAborted } from "../../async/abort";
import { now, setTimer } from "../../async/clock";
import type { RemoteHost } from "../../async/remote-command";
import { settledWithin } from "../../async/time-limit";
import { assertLockNames } from "./lock-names";
import { HelperProcess, type AnswerHandler } from "./helper-process";
import { HOST_HELPER, type HelperProgram } from "./helper-program";
import { RecordReader, type AnswerLimits } from "./record-reader";
import { parseHostFacts, type HostFacts } from "../facts/host-facts";
import { ANSWER_LIMITS } from "../facts/fact-records";
import { parseFunctionFacts, type FunctionFacts } from "../facts/function-facts";
import { parsePlaces, type PlacesByKey } from "../facts/guest-devices";
import { parseNodeUse, type NodeUse } from "../facts/node-use";
import { parsePciListing, type PciListing } from "../facts/pci-listing";
import { KeyedMutex } from "../../async/keyed-mutex";
import { QueueDeadlines, type PausableClock } from "../../async/queue-deadlines";

/** Locks that are held on the host. */
export interface HeldLocks {
  /** Lets go of them. Idempotent; never rejects, since a host that cannot be reached lets go by itself. */
  release(): Promise<void>;
  /**
   * Resolves with SSH_LOCK_LOST when the locks are lost before the release. The connection has been ended
   * by then: nothing more can be done through it.
   */
  readonly lost: Promise<Error>;
}

/** What happens while a lock is waited for. */
export interface LockWaiting {
  /** Told once, after 2 s, which lock is waited for. */
  readonly onWaiting?: (name: string) => void;
  /** Stands still while another operation of this process has a lock that is waited for. */
  readonly clock?: PausableClock;
}

const WAITING_NOTICE_MS = 2000;

/** How long the helper may take to let go of locks. It does it at once. */
const RELEASE_LIMIT_MS = 30_000;

/** A host with a thousand functions has some 20,000 files and links. */
const TREE_LIMITS: AnswerLimits = { bytes: 64 * 1024 * 1024, pieces: 400_000 };

/** How long the helper may take to say goodbye. */
const QUIT_LIMIT_MS = 2000;

/** How {@link HostHelper.ask} asks. */
export interface AskOptions {
  readonly signal?: AbortSignal;
  /** Told what is begun on the host and may not return. */
  readonly onBegun?: (what: string) => void;
  /** Default: those of what a host needs its functions for. */
  readonly limits?: AnswerLimits;
}

/** A request that the host has been sent. */
export interface BegunRequest {
  /** Rejects with the program's errors, and with the signal's reason. */
  readonly done: Promise<undefined>;
  /** Sends another line about it. */
  readonly more: (verb: string, text?: string) => void;
}

/**
 * The host that the helper runs on. Who ends its connection ends all that was done under the helper's locks.
 */
export interface HelperHost extends RemoteHost {
  destroy(reason: Error): void;
}

/**
 * The process on a host that holds locks and reads facts, one for each connection. Locks between machines,
 * and the reading of facts. One helper program on the host does all of it, started at first use.
 */
export class HostHelper {
  readonly #host: HelperHost;
  readonly #program: HelperProgram;
  readonly #mutex = new KeyedMutex();
  readonly #clocks = new QueueDeadlines();
  readonly #held = new Set<readonly string[]>();
  #helper: Promise<HelperProcess> | undefined;
  /** The one that has not greeted yet. */
  #begun: HelperProcess | undefined;

  /** @param program default: the helper, which every host is sent */
  constructor(host: HelperHost, program: HelperProgram = HOST_HELPER) {
    this.#host = host;
    this.#program = program;
  }

  /** For messages: `root@hv1:22`. */
  get label(): string {
    return this.#host.label;
  }

  /** Starts what the other methods need, ahead of them; a failure is theirs to report. */
  prepare(): void {
    this.#start().catch(() => undefined);
  }

  /**
   * Takes the named locks exclusively, one after the other in the order given; always give the same order.
   * First come first served within this process; on the host whoever flock(2) wakes.
   *
   * @param names `[a-z0-9-]+`, e.g. `guest-<uuid>`, `group-5`
   * @throws SSH_LOCK_NOT_GRANTED with the signal's reason as cause; SSH_HELPER_FAILED,
   * SSH_HELPER_TOOL_MISSING, SSH_CONNECTION_LOST
   */
  async lock(
    names: readonly string[],
    signal?: AbortSignal,
    { onWaiting, clock }: LockWaiting = {},
  ): Promise<HeldLocks> {
    assertLockNames(names);
    const queue = [...names];
    const startedAt = now();
    const notice = setTimer(() => onWaiting?.(queue[0] ?? ""), WAITING_NOTICE_MS);
    const turns: (() => void)[] = [];
    try {
      for (const name of names) {
        turns.push(await this.#clocks.during(name, clock, this.#mutex.lock(name, signal)));
        queue.shift();
      }
      queue.push(...names);
      const helper = await this.#startWithin(signal, startedAt);
      await this.#takeOnHost(helper, names, queue, signal);
      return this.#hold(helper, names, turns);
    } catch (error) {
      for (const turn of turns) turn();
      if (signal?.aborted !== true || error !== abortReason(signal)) throw error;
      const waitedSeconds = Math.round((now() - startedAt) / 1000);
      const details = {
        target: this.#host.label,
        lock: queue[0] ?? "",
        waitedSeconds,
        reason: causeText(error),
      };
      throw providerError("SSH_LOCK_NOT_GRANTED", details, error);
    } finally {
      notice.cancel();
    }
  }

  /**
   * Looks up what the host itself needs. Costs one process on the host (`ip`), the rest is read by the
   * helper.
   *
   * @throws SSH_HELPER_FAILED, SSH_HELPER_TOOL_MISSING, SSH_CONNECTION_LOST, the signal's reason
   */
  async readFacts(signal?: AbortSignal): Promise<HostFacts> {
    return this.#look("survey", parseHostFacts, signal);
  }

  /**
   * Every PCI function of the host with its names. Costs one process on the host (`sed`, for its pci.ids).
   *
   * @throws as {@link readFacts}
   */
  async listFunctions(signal?: AbortSignal): Promise<PciListing> {
    return this.#look("devices", parsePciListing, signal);
  }

  /**
   * Who has VFIO's nodes open, and what may keep a QEMU from them. Costs one process on the host (`find`).
   *
   * @throws as {@link readFacts}
   */
  async readNodeUse(signal?: AbortSignal): Promise<NodeUse> {
    return this.#look("nodes", parseNodeUse, signal);
  }

  /**
   * What there is to know of functions before they are taken. Costs one process on the host (`find`), and
   * none if no program can have anything of them open.
   *
   * @param names functions, and slots with all that they have; none for all of the host
   * @throws as {@link readFacts}
   */
  async readFunctionFacts(names: readonly string[], signal?: AbortSignal): Promise<FunctionFacts> {
    return this.#look(["details", ...names].join(" "), parseFunctionFacts, signal);
  }

  /**
   * Where in sysfs the devices with these keys are, which are single words: see GuestDevice. A key of which
   * there is none is left out. Costs one process on the host (`stat`).
   *
   * @throws as {@link readFacts}
   */
  async findPlaces(keys: readonly string[], signal?: AbortSignal): Promise<PlacesByKey> {
    return this.#look(`places ${keys.join(" ")}`, parsePlaces, signal);
  }

  /**
   * What a report may carry of the host, as it is: host/recording takes from it what tells whose it is. Costs
   * two processes on the host (`find`), and a second or two.
   *
   * @throws as {@link readFacts}
   */
  async readTree(signal?: AbortSignal): Promise<readonly string[]> {
    return this.ask("tree", { ...(signal && { signal }), limits: TREE_LIMITS });
  }

  /** Ends the helper, if there is one, and waits for that a short while. Never rejects. */
  async close(): Promise<void> {
    const quitting = this.#helper?.then((helper) => helper.quit());
    if (quitting !== undefined) await settledWithin(quitting, QUIT_LIMIT_MS);
  }

  /**
   * One request that is answered with records.
   *
   * @param request its verb, and what follows the id
   * @throws the program's errors, SSH_CONNECTION_LOST, the signal's reason
   */
  async ask(request: string, options: AskOptions = {}): Promise<readonly string[]> {
    const { signal, onBegun, limits = ANSWER_LIMITS } = options;
    const records: string[] = [];
    const reader = new RecordReader(limits);
    const exchange = await this.begin(
      request,
      (verb, text) => {
        if (verb === "at") return onBegun?.(text);
        const taken = reader.take(verb, text);
        if (taken === "too-long") throw this.#program.errors.failed(this.label, "its answer is too long");
        if (taken !== undefined) records.push(taken.record);
        return undefined;
      },
      signal,
    );
    await exchange.done;
    return records;
  }

  /**
   * A request of which each answer is handed on as it comes, until the last: `done` or `fail`.
   *
   * @param onAnswer what it throws ends the request here
   */
  async begin(request: string, onAnswer: AnswerHandler, signal?: AbortSignal): Promise<BegunRequest> {
    const helper = await this.#startWithin(signal, now());
    const [verb = "", ...rest] = request.split(" ");
    let requestId = "";
    const done = helper.converse<undefined>(({ id, resolve, reject }) => {
      requestId = id;
      helper.send([verb, id, ...rest].join(" "));
      return (answer, text) => {
        if (answer === "done") return resolve(undefined);
        if (answer === "fail") return reject(this.#program.errors.refused(this.label, text));
        try {
          return onAnswer(answer, text);
        } catch (error) {
          return reject(error as Error);
        }
      };
    }, signal);
    const more = (next: string, text = ""): void => helper.send(`${next} ${requestId} ${text}`.trimEnd());
    return { done, more };
  }

  /** One question that is answered with records. */
  async #look<T>(
    request: string,
    parse: (records: readonly string[]) => T,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const records = await this.ask(request, signal && { signal });
    try {
      return parse(records);
    } catch (error) {
      throw this.#program.errors.failed(this.label, `its survey: ${causeText(error)}`);
    }
  }

  /**
   * Starts the helper, if it does not run. A login that does not come to it is told as such, and not as what
   * was waited for.
   *
   * @throws the codes of the start, SSH_LOGIN_UNFINISHED, the signal's reason
   */
  async #startWithin(signal: AbortSignal | undefined, since: number): Promise<HelperProcess> {
    try {
      return await untilAborted(this.#start(), signal);
    } catch (error) {
      if (signal?.aborted !== true || error !== abortReason(signal)) throw error;
      // whoever was interrupted knows why
      if (!isTimeLimit(error)) throw error;
      const waitedSeconds = Math.round((now() - since) / 1000);
      const details = { target: this.label, waitedSeconds, printed: this.#begun?.printed ?? "" };
      throw providerError("SSH_LOGIN_UNFINISHED", details, error);
    }
  }

  #start(): Promise<HelperProcess> {
    this.#helper ??= this.#startAnew();
    return this.#helper;
  }

  async #startAnew(): Promise<HelperProcess> {
    try {
      const begun = (one: HelperProcess): void => void (this.#begun = one);
      const helper = await HelperProcess.start(this.#host, this.#program, begun).finally(
        () => (this.#begun = undefined),
      );
      void helper.ended.then((reason) => this.#onEnded(reason));
      return helper;
    } catch (error) {
      this.#helper = undefined;
      throw error;
    }
  }

  #onEnded(reason: Error): void {
    this.#helper = undefined;
    // A helper that was killed has let go without cutting this connection off: do that from here.
    if (this.#held.size > 0) this.#host.destroy(reason);
  }

  #hold(helper: HelperProcess, names: readonly string[], turns: readonly (() => void)[]): HeldLocks {
    const held = [...names];
    this.#held.add(held);
    this.#clocks.granted(held);
    const lost = new Promise<Error>((resolve) => {
      void helper.ended.then((reason) => {
        if (!this.#held.has(held)) return;
        const details = { target: this.#host.label, locks: names, reason: endOf(reason) };
        resolve(providerError("SSH_LOCK_LOST", details, reason));
      });
    });
    const letGo = async (): Promise<void> => {
      this.#held.delete(held);
      const late = setTimer(() => {
        // Held or not: with its connection it lets go, and this host is not waited for again.
        helper.end("it did not let go of its locks");
        this.#host.destroy(new Error("the helper on it did not let go of its locks"));
      }, RELEASE_LIMIT_MS);
      try {
        await helper.converse<undefined>(({ id, resolve }) => {
          helper.send(`unlock ${id} ${names.join(" ")}`);
          return () => resolve(undefined);
        });
      } catch {
        // The helper has ended, and its locks with it.
      } finally {
        late.cancel();
        this.#clocks.released(held);
        for (const turn of turns) turn();
      }
    };
    let released: Promise<void> | undefined;
    return { lost, release: () => (released ??= letGo()) };
  }

  /**
   * Asks the helper for the locks; those that are free come with one answer, one that is not is waited for by
   * a child of the helper.
   *
   * @param queue the names not granted yet, kept up to date for messages
   */
  async #takeOnHost(
    helper: HelperProcess,
    names: readonly string[],
    queue: string[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      await helper.converse<undefined>(({ id, resolve, reject }) => {
        const ask = (): void => helper.send(`lock ${id} ${queue.join(" ")}`);
        ask();
        return (verb, text) => {
          if (verb === "fail") return reject(this.#program.errors.refused(this.label, text));
          // What was waited for is gone: it, and what stands behind it, from the start.
          if (verb === "stale") return ask();
          if (verb !== "got") return;
          queue.shift();
          if (queue.length === 0) resolve(undefined);
        };
      }, signal);
    } catch (error) {
      // Also what may be granted in this moment; in order, so a later request comes after it.
      helper.send(`unlock 0 ${names.join(" ")}`);
      throw error;
    }
  }
}

function isTimeLimit(reason: unknown): boolean {
  return hasCode(reason, "DEADLINE_EXCEEDED") || (reason as Error).name === "TimeoutError";
}

/** What has ended. The error itself is the cause, and its text has advice of its own. */
function endOf(reason: Error): string {
  if (hasCode(reason, "SSH_HOST_KEY_MISMATCH")) return causeText(reason);
  return hasCode(reason, "SSH_CONNECTION_LOST")
    ? "the connection has ended"
    : "the helper on the host has ended";
}
