import type {
  CheckResult,
  ConfigureRequest,
  CreateResult,
  DiffResult,
  ReadResult,
  ResourceProvider,
  UpdateResult,
} from "@pulumi/pulumi/dynamic";
import { readAmbientCredentials } from "../connections/credentials";
import { HypervisorPool } from "../connections/hypervisor-pool";
import { SshTargetResolver } from "../connections/ssh-target-resolver";
import { ProviderError } from "../errors";
import { checkAttachment } from "../operations/check";
import { createAttachment } from "../operations/create";
import { deleteAttachment, FORGET_VARIABLE } from "../operations/delete";
import { diffAttachment } from "../operations/diff";
import type { Connections, OperationContext } from "../operations/operation-context";
import { PartialAttachment } from "../operations/partial-attachment";
import type { Properties } from "../operations/properties";
import { readAttachment } from "../operations/read";
import { RunningOperations } from "../operations/running-operations";
import { updateAttachment } from "../operations/update";
import { toEngineProperties } from "./engine-values";
import { PartialFailure } from "./partial-failure";
import { printLine, progressOf } from "./print-line";

/** Pulumi's own name among the properties. */
const PROVIDER_KEY = "__provider";

type ClosableConnections = Connections & Pick<HypervisorPool, "close">;

/**
 * The methods that the shim in every state calls, for ever: this class is the only thing behind the subpath
 * `./provider`. It translates between Pulumi's dynamic protocol and the operations.
 */
export class MultifunctionPciProvider implements Required<ResourceProvider> {
  readonly #connections: ClosableConnections;
  readonly #running: RunningOperations;

  constructor(running = new RunningOperations(), connections: ClosableConnections = openPool()) {
    this.#running = running;
    this.#connections = connections;
  }

  /**
   * Takes the credentials of the stack's configuration: today's, or in a destroy or refresh without
   * `--run-program` those of the last `up`.
   *
   * The SDK calls this once, and lets the methods that were asked for meanwhile run without waiting for it
   * (docs/internals/pulumi.md). So all of it is done before the first await: when the SDK has called, it is
   * configured.
   */
  async configure({ config }: ConfigureRequest): Promise<void> {
    this.#connections.targets.ambient = readAmbientCredentials(config, process.env);
  }

  /** In a preview nothing else is called for a create, so the plan for it is told here. */
  check(olds: Properties, news: Properties): Promise<CheckResult> {
    return this.#run(news, async (context) => {
      const request = { olds, news: withoutProvider(news), previewsCreate: true };
      const { inputs, failures } = await checkAttachment(context, request);
      return { inputs: toEngineProperties(inputs), failures: [...failures] };
    });
  }

  diff(_id: string, olds: Properties, news: Properties): Promise<DiffResult> {
    return this.#run(olds, async (context) => {
      const { changes, replaces } = await diffAttachment(context, olds, withoutProvider(news));
      return { changes, replaces: [...replaces], deleteBeforeReplace: true };
    });
  }

  create(inputs: Properties): Promise<CreateResult> {
    return this.#run(inputs, async (context) => {
      const { id, properties } = await createAttachment(context, inputs);
      return { id, outs: toEngineProperties(properties) };
    });
  }

  read(id: string, props: Properties): Promise<ReadResult> {
    return this.#run(props, async (context) => {
      const found = await readAttachment(context, props);
      if (found === undefined) return { id: "", props: {} };
      const { properties, inputs } = found;
      return { id, props: toEngineProperties(properties), inputs: toEngineProperties(inputs) };
    });
  }

  update(id: string, olds: Properties, news: Properties): Promise<UpdateResult> {
    return this.#run(news, async (context) => {
      return { outs: toEngineProperties(await updateAttachment(context, { id, olds, news })) };
    });
  }

  delete(_id: string, props: Properties): Promise<void> {
    return this.#run(props, async (context) => {
      const forgetsUnreachable = process.env[FORGET_VARIABLE] === "1";
      await deleteAttachment(context, props, { forgetsUnreachable });
    });
  }

  /** Ends every connection; for tests and tools, since Pulumi ends the process. */
  async close(): Promise<void> {
    await this.#connections.close();
  }

  /** @param properties name the resource, for its lines of progress */
  async #run<T>({ ownerToken }: Properties, method: (context: OperationContext) => Promise<T>): Promise<T> {
    const progress = progressOf(ownerToken);
    try {
      return await method({ connections: this.#connections, running: this.#running, progress });
    } catch (error) {
      throw toEngineError(error);
    }
  }
}

function openPool(): HypervisorPool {
  return new HypervisorPool(new SshTargetResolver({ environment: process.env, say: printLine }));
}

function withoutProvider({ [PROVIDER_KEY]: _, ...own }: Properties): Properties {
  return own;
}

/** Pulumi prints the stack of what a method throws; of an error for users it is noise. */
function toEngineError(error: unknown): unknown {
  if (error instanceof PartialAttachment) return new PartialFailure(error.id, error.properties, error);
  if (error instanceof ProviderError) error.stack = "";
  return error;
}
