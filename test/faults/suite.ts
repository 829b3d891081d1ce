import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "../../lab";
import { DynamicProvider, RpcError, type Properties } from "../support/dynamic-provider";
import { allFaults, engineFaults, type EngineFault, type Fault, type Victim, type When } from "./faults";
import { Gate } from "./gate";
import { lookAtHost, settledDifferences } from "../support/host-look";
import { operations, verbOf, type Arguments, type Operation, type RecordedStep } from "./operations";
import { PulumiEngine } from "./pulumi-engine";
import { keyOfRow } from "./report";
import { TcpProxy } from "./tcp-proxy";

/** One fault at one place of one operation. */
export interface FaultCase {
  /**
   * `create, during 3: provider killed (-9)`: names the case for good as long as the plan does not change.
   */
  readonly name: string;
  readonly operation: Operation;
  readonly step: RecordedStep;
  readonly when: When;
  readonly fault: Fault | EngineFault;
}

/** What a case showed. */
export interface FaultResult {
  readonly name: string;
  readonly operation: string;
  readonly step: string;
  readonly when: When;
  readonly fault: string;
  /** What the operation under the fault ended with, in the provider's words, shortened. */
  readonly saw: string;
  /** What the user did to get to the wanted state. */
  readonly recovery: string;
  readonly seconds: number;
}

const GUEST = "guest1";
const OWNER = "organization/faults/test/nic";
/** Steps that are announced within this time were begun together. */
const TOGETHER_MS = 100;
const STEP_LIMIT_MS = 120_000;
const OPERATION_LIMIT_MS = 240_000;
/** For what a host does after the last call: sessions end, drivers come back. */
const SETTLE_MS = 30_000;
/** What has been sent is received and begun by then. */
const UNDER_WAY_MS = 150;

/** What an engine remembers of a resource. */
interface State {
  readonly id: string;
  readonly outs: Properties;
}

/** What an engine is left with after one operation. */
interface Outcome {
  readonly state: State | undefined;
  /** What the user is told. */
  readonly saw: string;
}

/** How a case ended. */
interface Recovery {
  /** What the user was told by the operation under the fault. */
  readonly saw: string;
  /** What the user did, in order. */
  readonly done: readonly string[];
}

/**
 * The faults of every step of every operation, each from a fresh hypervisor; see
 * docs/internals/reliability.md.
 */
export class FaultSuite {
  private readonly steps = new Map<string, readonly RecordedStep[]>();
  private readonly states = new Map<string, State>();
  private baseline: readonly string[] = [];
  private engine: PulumiEngine | undefined;

  private constructor(
    private readonly lab: Lab,
    private readonly proxy: TcpProxy,
    private readonly faults: readonly Fault[],
    private readonly log: (line: string) => void,
  ) {}

  /**
   * Runs every operation once, undisturbed, to learn its steps and to save the states that they start from.
   */
  static async prepare(
    lab: Lab,
    options: {
      readonly log: (line: string) => void;
      readonly suspendedMs?: number;
      /** Default: all. Those that others start from must be among them. */
      readonly only?: readonly Operation["name"][];
    },
  ): Promise<FaultSuite> {
    const proxy = await TcpProxy.open(lab.ssh.port);
    const suite = new FaultSuite(lab, proxy, allFaults(options.suspendedMs), options.log);
    await lab.restore();
    suite.baseline = await lookAtHost(lab);
    for (const operation of operations)
      if (options.only?.includes(operation.name) ?? true) await suite.record(operation);
    return suite;
  }

  async close(): Promise<void> {
    await this.engine?.close();
    await this.proxy.close();
  }

  /** Every case that the plans and the faults make. */
  cases(): FaultCase[] {
    return operations.flatMap((operation) => {
      const steps = this.steps.get(operation.name) ?? [];
      return steps.flatMap((step) =>
        (["before", "during"] as const).flatMap((when) =>
          [...this.faults.filter((fault) => fault.at?.(step, steps, when) ?? true), ...engineFaults].map(
            (fault) => ({
              name: `${operation.name}, ${when} ${step.number}: ${fault.name}`,
              operation,
              step,
              when,
              fault,
            }),
          ),
        ),
      );
    });
  }

  /**
   * @throws where the fault did not land in its step, the recovery failed, or something is left or changed.
   */
  async run(one: FaultCase): Promise<FaultResult> {
    const { fault } = one;
    const startedAt = Date.now();
    const { saw, done } = await ("kills" in fault
      ? this.runByPulumi(one, fault)
      : this.runByProvider(one, fault));
    return {
      name: one.name,
      ...guestLocatorOf(one),
      saw,
      recovery: done.join(", ") || "nothing",
      seconds: Math.round((Date.now() - startedAt) / 1000),
    };
  }

  /** Drives the provider's process, as the engine does. */
  private async runByProvider(one: FaultCase, fault: Fault): Promise<Recovery> {
    const { operation } = one;
    await this.goTo(operation);
    const gate = new Gate();
    // the one that recovers is of the next command; it is started ahead, and connects when it is needed
    const [provider, next] = await Promise.all([
      DynamicProvider.startConfigured({ env: gate.environment }),
      DynamicProvider.startConfigured(),
    ]);
    const steps = this.steps.get(operation.name) ?? [];
    const victim: Victim = { lab: this.lab, provider, proxy: this.proxy, operation, steps };
    const done: string[] = [];
    try {
      const working = this.engineRuns(provider, operation);
      // it is awaited later; until then its failure is no accident
      working.catch(() => undefined);
      await this.reach(one, gate, () => fault.inject(victim));
      gate.open();
      const underFault = async (): Promise<Outcome> => {
        const outcome = await within(OPERATION_LIMIT_MS, working, "the operation under the fault");
        await provider[Symbol.asyncDispose]();
        return outcome;
      };
      // where the fault outlasts the recovery, the state is still the one from before
      const first = fault.outlast ? undefined : await underFault();
      await fault.relieve?.(victim);
      const left = first ? first.state : this.stateBefore(operation);
      const state = await this.recover(next, operation, fault, left, done);
      await fault.outlast?.(victim);
      const { saw } = first ?? (await underFault());
      if (fault.outlast && operation.after && state)
        await this.expectAsWanted(next, operation.after, state, "after the sleeper woke up");
      await fault.tidy?.(this.lab, operation);
      await this.destroy(next, state, done);
      await next[Symbol.asyncDispose]();
      await this.expectNothingLeft(fault.guest);
      return { saw, done };
    } catch (cause) {
      const printed = provider.printed.slice(-12).join("\n");
      throw new Error(`${one.name}: ${textOf(cause)}\nrecovery so far: ${done.join(", ")}\n${printed}`, {
        cause,
      });
    } finally {
      await Promise.all([provider[Symbol.asyncDispose](), next[Symbol.asyncDispose]()]);
      gate.close();
      this.proxy.passAnswers();
      this.proxy.cut();
    }
  }

  /** Runs the real CLI, and recovers with its own commands. */
  private async runByPulumi(one: FaultCase, fault: EngineFault): Promise<Recovery> {
    const { operation } = one;
    const { before, after } = operation;
    const engine = await this.pulumi();
    await this.goTo(operation);
    engine.restore(before && keyOf(before));
    const desired = after ?? before;
    if (desired) await engine.want(desired);
    const gate = new Gate();
    const pulumi = engine.start(operation, gate);
    const done: string[] = [];
    try {
      await this.reach(one, gate, () => fault.inject(pulumi));
      gate.open();
      const { lines } = await within(OPERATION_LIMIT_MS, pulumi.finished, "pulumi under the fault");
      await engine.providersEnded();
      done.push(...(await engine.recover(fault.kills)));
      if (after) {
        const outputs = await engine.up();
        done.push("up");
        await this.expectGuestSees(outputs, "after up");
      }
      await engine.destroy();
      done.push("destroy");
      await this.expectNothingLeft("runs");
      const said = lines.map((line) => line.text.trim()).filter((text) => /^(\^C|error:)/.test(text));
      const saw = shortened([...new Set(said)].join(" "));
      return { saw: fault.kills ? "nothing more" : saw, done };
    } catch (cause) {
      const printed = pulumi.lines
        .map((line) => line.text)
        .slice(-20)
        .join("\n");
      throw new Error(`${one.name}: ${textOf(cause)}\nrecovery so far: ${done.join(", ")}\n${printed}`, {
        cause,
      });
    } finally {
      pulumi.kill("SIGKILL");
      gate.close();
      this.proxy.passAnswers();
      this.proxy.cut();
    }
  }

  private async pulumi(): Promise<PulumiEngine> {
    const states = operations.flatMap(({ before }) =>
      before ? [{ key: keyOf(before), desired: before }] : [],
    );
    const saved = states.filter(
      ({ key }, index) => this.states.has(key) && states.findIndex((one) => one.key === key) === index,
    );
    this.engine ??= await PulumiEngine.open(this.lab, this.proxy.port, saved);
    return this.engine;
  }

  private async record(operation: Operation): Promise<void> {
    await this.goTo(operation);
    const gate = new Gate();
    const provider = await DynamicProvider.startConfigured({ env: gate.environment });
    try {
      const announced: { step: RecordedStep; atMs: number }[] = [];
      const working = this.engineRuns(provider, operation);
      const ended = working.then(() => undefined);
      for (;;) {
        const step = await Promise.race([gate.next(STEP_LIMIT_MS), ended]);
        if (step === undefined) break;
        const number = step.number;
        announced.push({ step: { ...step, begunUpTo: number }, atMs: Date.now() });
        gate.letGo();
      }
      const { state, saw } = await working;
      if (announced.length !== announced[0]?.step.count || (operation.after && !state))
        throw new Error(`${operation.name} does not work undisturbed: ${saw}`);
      this.steps.set(
        operation.name,
        announced.map(({ step }, index) => {
          let last = index;
          while (
            announced[last + 1] !== undefined &&
            (announced[last + 1]?.atMs ?? 0) - (announced[last]?.atMs ?? 0) < TOGETHER_MS &&
            verbOf(announced[last + 1]?.step ?? step) === verbOf(step)
          )
            last++;
          return { ...step, begunUpTo: last + 1 };
        }),
      );
      if (operation.after && state && !this.states.has(keyOf(operation.after))) {
        this.states.set(keyOf(operation.after), state);
        await provider[Symbol.asyncDispose]();
        // what is saved must not have a session of the provider's in it
        await sleep(2000);
        await this.lab.save(keyOf(operation.after));
      }
      this.log(`${operation.name}: ${announced.length} steps`);
    } finally {
      await provider[Symbol.asyncDispose]();
      gate.close();
    }
  }

  private async goTo({ before }: Operation): Promise<void> {
    this.proxy.cut();
    await this.lab.restore(before && keyOf(before));
  }

  private stateBefore({ before }: Operation): State | undefined {
    return before && this.states.get(keyOf(before));
  }

  /** Lets the steps before this one pass, and does the fault there. */
  private async reach(one: FaultCase, gate: Gate, inject: () => Promise<void>): Promise<void> {
    const { step, when } = one;
    for (let number = 1; number <= step.number; number++) {
      const stands = await gate.next(STEP_LIMIT_MS);
      if (stands?.number !== number || (number === step.number && stands.text !== step.text))
        throw new Error(`step ${number} was expected, not ${JSON.stringify(stands)}`);
      if (number < step.number) gate.letGo();
    }
    if (when === "before") return inject();
    this.proxy.keepAnswers();
    const sentBefore = this.proxy.sentBytes;
    gate.letGo();
    for (let number = step.number + 1; number <= step.begunUpTo; number++) {
      const stands = await gate.next(STEP_LIMIT_MS);
      if (stands?.number !== number) throw new Error(`step ${number} was to begin with ${step.number}`);
      gate.letGo();
    }
    while (this.proxy.sentBytes === sentBefore) await sleep(5);
    await sleep(UNDER_WAY_MS);
    const tooFar = await gate.next(0);
    if (tooFar) throw new Error(`the step was over before the fault: ${tooFar.text} had begun`);
    await inject();
    this.proxy.passAnswers();
  }

  /** What an engine does for one operation, and the state it keeps afterwards. */
  private async engineRuns(
    provider: DynamicProvider,
    { before, after }: Operation,
    state = before && this.states.get(keyOf(before)),
  ): Promise<Outcome> {
    try {
      if (after === undefined) {
        if (state) await provider.delete(state.id, state.outs);
        return { state: undefined, saw: "it completed" };
      }
      const news = await this.checked(provider, after, state?.outs ?? {});
      if (state === undefined) {
        const { id, outs } = await provider.create(news);
        return { state: { id, outs }, saw: "it completed" };
      }
      const { outs } = await provider.update(state.id, state.outs, news);
      return { state: { id: state.id, outs }, saw: "it completed" };
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      const { partial } = error;
      const saw = shortened(partial?.reasons.join(" ") ?? error.message);
      return { state: partial ? { id: partial.id, outs: partial.properties } : state, saw };
    }
  }

  private async checked(
    provider: DynamicProvider,
    desired: Arguments,
    olds: Properties,
  ): Promise<Properties> {
    const { privateKey, hostKey, host } = this.lab.ssh;
    const { inputs, failures } = await provider.check(olds, {
      connection: { host, port: this.proxy.port, user: "root", privateKey, hostKey },
      guest: { domain: GUEST },
      ownerToken: OWNER,
      timeouts: { attachSeconds: 60, detachSeconds: 30 },
      ...desired,
    });
    if (failures.length > 0) throw new Error(JSON.stringify(failures));
    return inputs;
  }

  /** What Pulumi's recovery comes to: the same program again, by a new provider process. */
  private async recover(
    provider: DynamicProvider,
    operation: Operation,
    fault: Fault,
    state: State | undefined,
    done: string[],
  ): Promise<State | undefined> {
    const { after } = operation;
    if (after === undefined) return state;
    const again = await this.engineRuns(provider, operation, state);
    done.push("up");
    if (fault.guest === "gone") {
      if (!/is shut off|not running|GUEST_NOT_RUNNING/i.test(again.saw))
        throw new Error(`up was to say that the guest does not run, not: ${again.saw}`);
      done[done.length - 1] = "up (refused: the guest does not run)";
      return again.state;
    }
    if (again.saw !== "it completed") throw new Error(`up did not complete: ${again.saw}`);
    if (again.state) await this.expectAsWanted(provider, after, again.state, "after up");
    return again.state;
  }

  /** The provider's own look finds no difference, and the guest sees what it should. */
  private async expectAsWanted(
    provider: DynamicProvider,
    desired: Arguments,
    state: State,
    when: string,
  ): Promise<void> {
    const inputs = await this.checked(provider, desired, state.outs);
    const { changes } = await provider.diff(state.id, state.outs, inputs);
    if (changes !== "none") throw new Error(`${when} there is drift: ${provider.printed.join("\n")}`);
    await this.expectGuestSees(state.outs, when);
  }

  private async expectGuestSees(outs: Properties, when: string): Promise<void> {
    const { attached, slot } = outs as { attached: { guestFunction: number }[]; slot: { bus: string } };
    const bus = Number(slot.bus.replace("pci.", "")).toString(16).padStart(2, "0");
    const expected = attached.map((one) => `0000:${bus}:00.${one.guestFunction}`).sort();
    for (let tries = 0; ; tries++) {
      const seen = (await this.lab.guestPciFunctions(GUEST)).filter((one) => one.startsWith(`0000:${bus}:`));
      if (JSON.stringify(seen) === JSON.stringify(expected)) return;
      if (tries > 20)
        throw new Error(`${when} the guest sees ${seen.join(", ")}, not ${expected.join(", ")}`);
      await sleep(500);
    }
  }

  private async destroy(provider: DynamicProvider, state: State | undefined, done: string[]): Promise<void> {
    if (state === undefined) return;
    const { saw } = await this.engineRuns(provider, { name: "delete" }, state);
    done.push("destroy");
    if (saw !== "it completed") throw new Error(`destroy did not complete: ${saw}`);
  }

  private async expectNothingLeft(guest: Fault["guest"]): Promise<void> {
    const ofTheGuest = new RegExp(`^(state|live|qom) ${GUEST} `);
    const isExpected = (line: string): boolean => guest !== "gone" || !ofTheGuest.test(line);
    const left = await settledDifferences(
      async () => (await lookAtHost(this.lab)).filter(isExpected),
      this.baseline.filter(isExpected),
      SETTLE_MS,
    );
    if (left.length > 0) throw new Error(`left or changed on the host:\n${left.join("\n")}`);
  }
}

function guestLocatorOf(one: FaultCase): Pick<FaultResult, "operation" | "step" | "when" | "fault"> {
  const { operation, step, when, fault } = one;
  const text = `${step.number} ${step.text.replace(OWNER, "its owner")}`;
  return { operation: operation.name, step: text, when, fault: fault.name };
}

/** Which row of the report is this case's. */
export function rowKeyOf(one: FaultCase): string {
  return keyOfRow(guestLocatorOf(one));
}

function keyOf(desired: Arguments): string {
  return Object.keys(desired)
    .map((key) => `${key}-${JSON.stringify(desired[key]).replace(/[^a-z0-9]/gi, "")}`)
    .join("-");
}

/** The first two sentences say what happened; paths and process ids would differ from run to run. */
function shortened(message: string): string {
  const text = message
    .replace(/\s+/g, " ")
    .replaceAll(OWNER, "its owner")
    .replace(/127\.0\.0\.1:\d+/g, "the host");
  return text.length <= 240 ? text : `${text.slice(0, 237)}...`;
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

async function within<T>(limitMs: number, promise: Promise<T>, what: string): Promise<T> {
  const stop = new AbortController();
  const late = sleep(limitMs, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`${what} did not end within ${limitMs / 1000} s`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
  }
}
