import type { Guest, GuestEnumeration, GuestListener, GuestState, UnplugAnswer } from "../../provider/apply";
import type { GuestSlot } from "../../provider/pci";
import type { GuestRunState, PlugTarget } from "../../provider/plan";
import { hear, type Heard } from "./heard";

/** One line of a script: the command that must come now, what answers it, and what is heard around it. */
export interface ScriptLine {
  /**
   * `listen`, `stop listening`, `qom-list`, `device_del ID`, `device_add ID`, `query-pci`, `query-status`,
   * `registers ID`.
   */
  readonly expect: string;
  /**
   * Ids for `qom-list`, an answer for `device_del`, a state for `query-status` and for `registers`; an Error
   * is thrown.
   */
  readonly reply?: readonly string[] | UnplugAnswer | GuestRunState | GuestState | Error;
  /** Milliseconds until the reply. */
  readonly delayMs?: number;
  /** Heard before the reply. */
  readonly before?: readonly Heard[];
  /** Heard after the reply, this much later. */
  readonly after?: readonly { readonly afterMs: number; readonly event: Heard }[];
}

/**
 * A guest that follows a script to the letter: a command that is not the next of the script fails there and
 * then, and {@link ScriptedGuest.finish} fails where lines are left over.
 */
export class ScriptedGuest implements Guest {
  readonly #script: ScriptLine[];
  readonly #unexpected: string[] = [];
  #listener: GuestListener | undefined;

  constructor(...script: readonly ScriptLine[]) {
    this.#script = [...script];
  }

  async plug(target: PlugTarget, _slot: GuestSlot): Promise<void> {
    await this.#answer(`device_add ${target.qemuId}`);
  }

  async requestUnplug(qemuId: string, signal: AbortSignal): Promise<UnplugAnswer> {
    const reply = await this.#answer(`device_del ${qemuId}`, signal);
    return typeof reply === "string" ? (reply as UnplugAnswer) : "requested";
  }

  async isEnumerated(bus: string, signal: AbortSignal): Promise<boolean> {
    await this.#answer(`query-pci ${bus}`, signal);
    return true;
  }

  async runState(signal: AbortSignal): Promise<GuestRunState> {
    const reply = await this.#answer("query-status", signal);
    return reply === undefined ? "running" : (reply as GuestRunState);
  }

  async deviceIds(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const reply = await this.#answer("qom-list", signal);
    return new Set(Array.isArray(reply) ? reply : []);
  }

  async readEnumeration(_qemuIds: readonly string[], signal: AbortSignal): Promise<GuestEnumeration> {
    await this.#answer("query-pci", signal);
    return { guestConfigured: true };
  }

  async guestStates(qemuIds: readonly string[], signal: AbortSignal): Promise<readonly GuestState[]> {
    const reply = await this.#answer(`registers ${qemuIds.join(" ")}`, signal);
    return qemuIds.map(() => (typeof reply === "string" ? (reply as GuestState) : "unknown"));
  }

  async listen(listener: GuestListener, signal: AbortSignal): Promise<() => Promise<void>> {
    this.#listener = listener;
    await this.#answer("listen", signal);
    return async () => {
      this.#listener = undefined;
      await this.#answer("stop listening");
    };
  }

  /** Heard now. */
  say(heard: Heard): void {
    if (this.#listener !== undefined) hear(this.#listener, heard);
  }

  finish(): void {
    expect({ unexpected: this.#unexpected, unused: this.#script.map((line) => line.expect) }).toEqual({
      unexpected: [],
      unused: [],
    });
  }

  async #answer(command: string, signal?: AbortSignal): Promise<ScriptLine["reply"]> {
    signal?.throwIfAborted();
    const [line] = this.#script;
    if (line?.expect !== command) {
      this.#unexpected.push(`${command} where ${line?.expect ?? "nothing"} was expected`);
      throw new Error(`unexpected: ${command}`);
    }
    this.#script.shift();
    for (const event of line.before ?? []) this.say(event);
    if (line.delayMs !== undefined) await sleep(line.delayMs);
    else await Promise.resolve();
    for (const { afterMs, event } of line.after ?? []) setTimeout(() => this.say(event), afterMs);
    if (line.reply instanceof Error) throw line.reply;
    return line.reply;
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
