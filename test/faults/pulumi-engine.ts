import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "../../lab";
import type { Properties } from "../support/dynamic-provider";
import { expectSuccess, PulumiProject, type RunningCommand } from "../support/pulumi/pulumi-project";
import type { Gate } from "./gate";
import type { Arguments, Operation } from "./operations";

const RESOURCE_TYPE = "pulumi-nodejs:dynamic/pci:MultifunctionPciAttachment";
/** A provider that is left alone ends a minute after its own limits at the latest. */
const PROVIDER_END_MS = 240_000;

const program = `
import * as pulumi from "@pulumi/pulumi";
import { MultifunctionPciAttachment } from "pulumi-multifunction-pci";
const config = new pulumi.Config();
new MultifunctionPciAttachment("nic", {
  connection: {
    host: config.require("host"),
    port: config.requireNumber("port"),
    user: "root",
    privateKey: config.requireSecret("sshKey"),
    hostKey: config.require("hostKey"),
  },
  guest: { domain: "guest1" },
  timeouts: { attachSeconds: 60, detachSeconds: 30 },
  ...config.requireObject<{ device: string }>("arguments"),
});
`;

/** The real CLI and one stack, whose state is put back together with the lab's. */
export class PulumiEngine {
  private constructor(private readonly project: PulumiProject) {}

  /**
   * @param states the lab's saved states, with what is attached in each: an `up` finds there what its owner
   * has attached, and learns it, so that the stack's state fits
   */
  static async open(
    lab: Lab,
    port: number,
    states: readonly { readonly key: string; readonly desired: Arguments }[],
  ): Promise<PulumiEngine> {
    // the names that make the owner's token that of the other cases
    const engine = new PulumiEngine(await PulumiProject.create({ source: program, name: "faults" }));
    const { host, hostKey, privateKey } = lab.ssh;
    await engine.project.setSecret({ sshKey: privateKey });
    await engine.project.setConfig({ host, port: String(port), hostKey });
    engine.project.saveState("nothing");
    for (const { key, desired } of states) {
      await lab.restore(key);
      engine.project.restoreState("nothing");
      await engine.want(desired);
      expectSuccess(await engine.project.up());
      engine.project.saveState(key);
    }
    return engine;
  }

  close(): Promise<void> {
    return this.project[Symbol.asyncDispose]();
  }

  restore(key = "nothing"): void {
    this.project.restoreState(key);
  }

  /** What the program asks for from now on. */
  want(desired: Arguments): Promise<void> {
    return this.project.setConfig({ arguments: JSON.stringify(desired) });
  }

  /** Starts the command that carries an operation out, stopped at each step. */
  start({ after }: Operation, gate: Gate): RunningCommand {
    return this.project.startWith(gate.environment, after ? "up" : "destroy");
  }

  /** Resolves when no provider of this stack lives any more. */
  async providersEnded(): Promise<void> {
    const endsAt = Date.now() + PROVIDER_END_MS;
    while (this.project.providerProcesses().length > 0) {
      if (Date.now() > endsAt) throw new Error("the provider does not end");
      await sleep(200);
    }
  }

  /** What Pulumi's own documents tell a user to do after an update that was cut off; says what that was. */
  async recover(wasKilled: boolean): Promise<string[]> {
    const done: string[] = [];
    if (wasKilled) {
      expectSuccess(await this.project.cancel());
      done.push("cancel");
    }
    const { pending_operations: pending = [] } = await this.project.stackExport();
    if (pending.length > 0) {
      expectSuccess(await this.project.refresh("--clear-pending-creates"));
      done.push("refresh --clear-pending-creates");
    }
    return done;
  }

  /** The same program again: the attachment's outputs, once a preview has nothing more to do. */
  async up(): Promise<Properties> {
    expectSuccess(await this.project.up());
    expectSuccess(await this.project.preview("--expect-no-changes"));
    const { resources = [], pending_operations: pending = [] } = await this.project.stackExport();
    if (pending.length > 0) throw new Error("the stack has pending operations after up");
    const outputs = resources.find((one) => one.type === RESOURCE_TYPE)?.outputs;
    if (outputs === undefined) throw new Error("the stack has no attachment after up");
    return outputs;
  }

  async destroy(): Promise<void> {
    expectSuccess(await this.project.destroy());
    const { resources = [], pending_operations: pending = [] } = await this.project.stackExport();
    if (pending.length > 0 || resources.some((one) => one.type === RESOURCE_TYPE))
      throw new Error("the stack is not empty after destroy");
  }
}
