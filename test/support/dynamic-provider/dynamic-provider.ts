import { spawn, type ChildProcess } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import * as grpc from "@grpc/grpc-js";
import { runtime } from "@pulumi/pulumi";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct, type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import { shim } from "../../../sdk/nodejs/shim";
import { SilentListener } from "./silent-listener";

const repository = path.resolve(__dirname, "../../..");
const project = "protocol-test";
const urn = `urn:pulumi:test::${project}::pulumi-nodejs:dynamic/pci:MultifunctionPciAttachment::nic`;

/** What the engine sends in place of a value that a preview does not know. */
export const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Properties as they travel: JSON values. */
export type Properties = Readonly<Record<string, unknown>>;

/** An error that a method answered with. */
export class RpcError extends Error {
  override readonly name = "RpcError";

  constructor(
    message: string,
    /**
     * The id, properties and reasons of a partial failure: the engine keeps the state. Else the state is
     * lost.
     */
    readonly partial: PartialFailure | undefined,
  ) {
    super(message);
  }
}

/** What an error of create or update says about the resource that exists all the same. */
export interface PartialFailure {
  readonly id: string;
  readonly properties: Properties;
  readonly reasons: readonly string[];
}

/** One failed check. */
export interface Failure {
  readonly property: string;
  readonly reason: string;
}

/** How the process is started. */
export interface StartOptions {
  /** Working directory, from which the shim's `require` resolves. Default: the repository. */
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * The process that Pulumi starts for dynamic resources, without the CLI: spawned with the address of an
 * engine, asked for its port, and driven over gRPC as the engine does. The engine is a listener that accepts
 * and says nothing.
 *
 * @example
 * await using provider = await DynamicProvider.start();
 * await provider.configure({ "protocol-test:sshKey": key });
 * const { failures } = await provider.check({}, { connection: { host: "" } });
 */
export class DynamicProvider {
  private constructor(
    private readonly child: ChildProcess,
    private readonly engine: SilentListener,
    private readonly client: ResourceProviderClient,
    private readonly providerText: string,
    private readonly output: string[],
    /** Settles with the exit code (null: a signal) when the process has ended. */
    readonly ended: Promise<number | null>,
  ) {}

  /** Starts the process and connects to it. */
  static async start(options: StartOptions = {}): Promise<DynamicProvider> {
    const providerText = await serializedShim();
    const engine = await SilentListener.listen();
    const script = require.resolve("@pulumi/pulumi/cmd/dynamic-provider");
    const child = spawn(process.execPath, [script, `127.0.0.1:${engine.port}`], {
      cwd: options.folder ?? repository,
      env: {
        ...process.env,
        PULUMI_NODEJS_PROJECT: project,
        PULUMI_NODEJS_STACK: "test",
        // what this machine's ssh_config says of 127.0.0.1 is not what is tested
        MULTIFUNCTION_PCI_SSH_CONFIG: "none",
        ...options.env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const output: string[] = [];
    const { stdout, stderr } = child;
    const port = await new Promise<string>((resolve, reject) => {
      // The first line is the port; all others are what the provider prints.
      createInterface({ input: stdout }).on("line", (line) => {
        if (/^\d+$/.test(line) && output.length === 0) resolve(line);
        else output.push(line);
      });
      createInterface({ input: stderr }).on("line", (line) => output.push(line));
      child.once("error", reject);
      void ended.then((code) => reject(new Error(`ended with ${String(code)}:\n${output.join("\n")}`)));
    });
    const client = new ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    return new DynamicProvider(child, engine, client, providerText, output, ended);
  }

  /** Starts it and configures it with nothing, as the engine does for a stack that has no configuration. */
  static async startConfigured(options: StartOptions = {}): Promise<DynamicProvider> {
    const provider = await DynamicProvider.start(options);
    await provider.configure({});
    return provider;
  }

  /** The process id, for a test that stops or kills it. */
  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Lines that the process printed on either stream so far, its port left out. */
  get printed(): readonly string[] {
    return this.output;
  }

  /** Stops reading what the process prints, as when `pulumi` is killed: its next line meets a broken pipe. */
  breakOutput(): void {
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
  }

  /** Ends the engine's side: its listener and all of its connections, as when `pulumi` is killed. */
  loseEngine(): Promise<void> {
    return this.engine[Symbol.asyncDispose]();
  }

  /**
   * Ends the connections to the engine, which goes on listening, as it does with a silent one after two
   * minutes.
   */
  hangUp(): void {
    this.engine.hangUp();
  }

  /** Resolves when the provider has a connection to the engine's address. */
  engineWatched(): Promise<void> {
    return this.engine.connected();
  }

  /** @param config - Full keys, e.g. `protocol-test:sshKey`. */
  async configure(config: Readonly<Record<string, string>>): Promise<void> {
    const request = new messages.ConfigureRequest();
    request.setArgs(struct(config));
    request.setAcceptsecrets(true);
    request.setAcceptresources(true);
    await this.call<messages.ConfigureResponse>((done) => this.client.configure(request, done));
  }

  async check(olds: Properties, news: Properties): Promise<{ inputs: Properties; failures: Failure[] }> {
    const request = new messages.CheckRequest();
    request.setUrn(urn);
    request.setOlds(this.withProvider(olds));
    request.setNews(this.withProvider(news));
    const response = await this.call<messages.CheckResponse>((done) => this.client.check(request, done));
    return {
      inputs: properties(response.getInputs()),
      failures: response.getFailuresList().map((f) => f.toObject()),
    };
  }

  async diff(
    id: string,
    olds: Properties,
    news: Properties,
  ): Promise<{ changes: "none" | "some" | "unknown"; replaces: string[]; deleteBeforeReplace: boolean }> {
    const request = new messages.DiffRequest();
    request.setId(id);
    request.setUrn(urn);
    request.setOlds(this.withProvider(olds));
    request.setNews(this.withProvider(news));
    const response = await this.call<messages.DiffResponse>((done) => this.client.diff(request, done));
    const { DIFF_NONE, DIFF_SOME } = messages.DiffResponse.DiffChanges;
    const changes = response.getChanges();
    return {
      changes: changes === DIFF_NONE ? "none" : changes === DIFF_SOME ? "some" : "unknown",
      replaces: response.getReplacesList(),
      deleteBeforeReplace: response.getDeletebeforereplace(),
    };
  }

  /** @throws {RpcError} */
  async create(inputs: Properties): Promise<{ id: string; outs: Properties }> {
    const request = new messages.CreateRequest();
    request.setUrn(urn);
    request.setProperties(this.withProvider(inputs));
    const response = await this.call<messages.CreateResponse>((done) => this.client.create(request, done));
    return { id: response.getId(), outs: properties(response.getProperties()) };
  }

  /** @returns a blank id if the resource is gone. */
  async read(id: string, props: Properties): Promise<{ id: string; props: Properties; inputs: Properties }> {
    const request = new messages.ReadRequest();
    request.setId(id);
    request.setUrn(urn);
    request.setProperties(this.withProvider(props));
    const response = await this.call<messages.ReadResponse>((done) => this.client.read(request, done));
    return {
      id: response.getId(),
      props: properties(response.getProperties()),
      inputs: properties(response.getInputs()),
    };
  }

  /** @throws {RpcError} */
  async update(id: string, olds: Properties, news: Properties): Promise<{ outs: Properties }> {
    const request = new messages.UpdateRequest();
    request.setId(id);
    request.setUrn(urn);
    request.setOlds(this.withProvider(olds));
    request.setNews(this.withProvider(news));
    const response = await this.call<messages.UpdateResponse>((done) => this.client.update(request, done));
    return { outs: properties(response.getProperties()) };
  }

  /** @throws {RpcError} never with `partial`: delete has no such channel. */
  async delete(id: string, props: Properties): Promise<void> {
    const request = new messages.DeleteRequest();
    request.setId(id);
    request.setUrn(urn);
    request.setProperties(this.withProvider(props));
    await this.call<Empty>((done) => this.client.delete(request, done));
  }

  /**
   * What the engine sends at the first interrupt. Pulumi's own code answers; the provider never hears of it.
   */
  async cancel(): Promise<void> {
    await this.call<Empty>((done) => this.client.cancel(new Empty(), done));
  }

  /** Ends the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    this.child.kill("SIGKILL");
    await this.ended;
    await this.engine[Symbol.asyncDispose]();
  }

  private withProvider(values: Properties): Struct {
    return struct({ ...values, __provider: this.providerText });
  }

  private call<T>(
    send: (done: (error: grpc.ServiceError | null, response: T) => void) => unknown,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      send((error, response) => {
        if (error) reject(new RpcError(error.details, partialFailure(error)));
        else resolve(response);
      });
    });
  }
}

let text: Promise<string> | undefined;

/** The shim's text, made as `pulumi.dynamic.Resource` makes it. */
export function serializedShim(): Promise<string> {
  const asResourceDoes = (provider: unknown) =>
    runtime.serializeFunction(() => provider, { allowSecrets: true }).then((serialized) => serialized.text);
  text ??= asResourceDoes(shim);
  return text;
}

/** Reads `grpc-status-details-bin`: a google.rpc.Status that holds an ErrorResourceInitFailed. */
function partialFailure(error: grpc.ServiceError): PartialFailure | undefined {
  const [details] = error.metadata.get("grpc-status-details-bin");
  if (!Buffer.isBuffer(details)) return undefined;
  const [detail] = Status.deserializeBinary(details).getDetailsList();
  if (!detail) return undefined;
  const failed = messages.ErrorResourceInitFailed.deserializeBinary(detail.getValue_asU8());
  return {
    id: failed.getId(),
    properties: properties(failed.getProperties()),
    reasons: failed.getReasonsList(),
  };
}

function struct(values: Properties): Struct {
  return Struct.fromJavaScript(values as Record<string, JavaScriptValue>);
}

function properties(values: Struct | undefined): Properties {
  const { __provider: _provider, ...rest } = (values?.toJavaScript() ?? {}) as Record<string, unknown>;
  return rest;
}
