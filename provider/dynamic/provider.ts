import type {
  CheckResult,
  ConfigureRequest,
  CreateResult,
  DiffResult,
  ReadResult,
  ResourceProvider,
  UpdateResult,
} from "@pulumi/pulumi/dynamic";
import { causeText, providerError, hasCode, printable, ProviderError } from "../errors";
import {
  attach,
  AttachFailure,
  detach,
  newIncarnation,
  actualStateOf,
  type Hypervisor,
  type Progress,
  type ActualState,
} from "../apply";
import { Deadline } from "../async";
import { attachmentIdOf, findOwned, refuseAnothers, type Observation } from "../plan";
import {
  addressesOf,
  changedArguments,
  composeState,
  findInputFailures,
  hasUnknown,
  identityOf,
  isOtherTarget,
  isOtherHost,
  isSameState,
  withSpelling,
  normaliseInputs,
  parseCheckedInputs,
  parseState,
  queryForPlug,
  priorOf,
  timeoutsOf,
  desiredOf,
  type AttachmentInputs,
  type AttachmentState,
} from "../resource";
import { credentialChecks } from "../connections/credential-checks";
import { readAmbientCredentials } from "../connections/credentials";
import { Hypervisors, type OpenOptions } from "../connections/hypervisor-pool";
import { describePreview, look, PREVIEW_TIMEOUT_SECONDS, type Made } from "../operations/preview";
import { Operations } from "../operations/running-operations";
import { toPublicError } from "../operations/public-error";
import { PartialFailure } from "./partial-failure";
import { madeInOf, guestLocatorOf } from "../connections/guest-locator";
import { stateAfterFailure } from "../operations/state-after-failure";
import { toEngineProperties } from "./engine-values";

type Properties = Readonly<Record<string, unknown>>;

/** Names that are Pulumi's own among the properties. */
const PROVIDER_KEY = "__provider";
const NOT_KNOWN_YET = "some arguments are not known yet; the plan will be made at apply";
/**
 * The engine asks the same of a create and of a replacement (`pulumi up --replace`), and does not tell which it is. A
 * replacement deletes first what a create finds standing.
 */
const IF_REPLACED =
  "If this replaces what the stack has, that is deleted first: the guest is without the device until the last plug.";
/** A look of `read` may take as long as an attach by default: it is all that a refresh does. */
const READ_SECONDS = 60;

/**
 * The methods that the shim in every state calls, for ever: this class is the only thing behind the
 * subpath `./provider`.
 */
export class MultifunctionPciProvider implements Required<ResourceProvider> {
  readonly #hypervisors: Hypervisors;
  readonly #operations: Operations;

  constructor(operations = new Operations(), hypervisors = new Hypervisors()) {
    this.#operations = operations;
    this.#hypervisors = hypervisors;
  }

  /**
   * Takes the credentials of the stack's configuration: today's, or in a destroy or refresh without `--run-program` those
   * of the last `up`.
   *
   * The SDK calls this once, and lets the methods that were asked for meanwhile run without waiting for it
   * (docs/internals/pulumi.md). So all of it is done before the first await: when the SDK has called, it is configured.
   */
  async configure({ config }: ConfigureRequest): Promise<void> {
    this.#hypervisors.targets.ambient = readAmbientCredentials(config, process.env);
  }

  /**
   * Everything wrong at once; the owner token of the old inputs stays, so that an aliased rename keeps it. Of a create
   * nothing else is called in a preview, so the plan for it is told here.
   */
  async check(olds: Properties, news: Properties): Promise<CheckResult> {
    const { [PROVIDER_KEY]: _, ...own } = news;
    const oldToken = olds["ownerToken"];
    const inputs = typeof oldToken === "string" ? { ...own, ownerToken: oldToken } : own;
    const { targets } = this.#hypervisors;
    const places = await targets.hopsOf(inputs["connection"]);
    const failures = findInputFailures(inputs, credentialChecks(targets.ambient, places));
    const checked = toEngineProperties(normaliseInputs(inputs));
    if (failures.length === 0 && oldToken === undefined) await this.#previewCreate(checked);
    return { inputs: checked, failures };
  }

  /** Tells what a create would do, best effort: it may be for a guest that the same program makes. */
  async #previewCreate(inputs: Properties): Promise<void> {
    const say = progressOf(String(inputs["ownerToken"]));
    if (hasUnknown(inputs)) return say(NOT_KNOWN_YET);
    const found = await this.#operations.run(PREVIEW_TIMEOUT_SECONDS, (signal) =>
      look(this.#hypervisors, undefined, parseCheckedInputs(inputs), signal),
    );
    for (const line of describePreview(found, "create")) say(line);
    if (found.kind === "planned" && found.plan.takesOver !== undefined) say(`  ${IF_REPLACED}`);
  }

  diff(_id: string, olds: Properties, news: Properties): Promise<DiffResult> {
    return withoutStack(news, () => this.#diff(olds, news));
  }

  async #diff(olds: Properties, news: Properties): Promise<DiffResult> {
    const oldInputs = parseCheckedInputs(olds);
    const say = progressOf(oldInputs.ownerToken);
    // a replacement always deletes first: the new one could not have the functions otherwise
    const answer = (changes: boolean, replaces: string[] = []): DiffResult => ({
      changes,
      replaces,
      deleteBeforeReplace: true,
    });
    const { [PROVIDER_KEY]: _, ...own } = news;
    if (hasUnknown(own)) {
      say(NOT_KNOWN_YET);
      return answer(true);
    }
    const newInputs = parseCheckedInputs(news);
    const state = parseState(olds);
    const found = await this.#operations.run(PREVIEW_TIMEOUT_SECONDS, (signal) =>
      look(this.#hypervisors, { state, inputs: oldInputs }, newInputs, signal),
    );
    const otherNames = "otherNames" in found ? found.otherNames : [];
    const changed = changedArguments(oldInputs, withSpelling(newInputs, oldInputs, otherNames));
    const differs =
      found.kind === "planned"
        ? found.plan.steps.length > 0 || !isSameState(state, found.actual)
        : found.kind === "refused";
    if (differs || changed.length > 0 || found.kind !== "planned")
      for (const line of describePreview(found, changed.length > 0 ? "change" : "no change")) say(line);
    if (found.kind === "another") return answer(true, changed.length > 0 ? changed : ["guest"]);
    return answer(differs || changed.length > 0);
  }

  async create(inputs: Properties): Promise<CreateResult> {
    const checked = parseCheckedInputs(inputs);
    const id = attachmentIdOf(checked.ownerToken);
    try {
      const actual = await this.#attach(checked, undefined);
      return { id, outs: toEngineProperties(composeState(ownInputs(inputs), actual)) };
    } catch (error) {
      if (!(error instanceof AttachFailure) || error.actual === undefined)
        throw toPublicError(error, hostOf(inputs));
      throw new PartialFailure(id, composeState(ownInputs(inputs), error.actual), error);
    }
  }

  read(id: string, props: Properties): Promise<ReadResult> {
    return withoutStack(props, () =>
      this.#operations.run(READ_SECONDS, (signal) => this.#read(id, props, signal)),
    );
  }

  async #read(id: string, props: Properties, asked: AbortSignal): Promise<ReadResult> {
    const inputs = parseCheckedInputs(props);
    const state = parseState(props);
    const { signal } = Deadline.start("look at the host", READ_SECONDS, asked);
    const prior = priorOf(state);
    const hypervisor = await this.#openForState(inputs, state, { signal });
    const query = { addresses: addressesOf(inputs, prior) };
    const observation = await hypervisor.host.observe(query, signal);
    refuseAnotherHost(inputs, state, observation);
    // "gone" would have the next up make it anew: two stacks would take it from each other in turns
    refuseAnothers(observation, findOwned(observation, inputs.ownerToken), prior);
    const { ownerToken } = inputs;
    const request = { observation, ownerToken, prior, progress: progressOf(ownerToken) };
    const actual = await actualStateOf(hypervisor, request, signal);
    if (actual === undefined) return { id: "", props: {} };
    const own = ownInputs(props);
    return {
      id,
      props: toEngineProperties(composeState(own, actual)),
      inputs: toEngineProperties(own),
    };
  }

  async update(id: string, olds: Properties, news: Properties): Promise<UpdateResult> {
    const newInputs = parseCheckedInputs(news);
    const state = parseState(olds);
    try {
      const actual = await this.#attach(newInputs, { state, inputs: parseCheckedInputs(olds) });
      return { outs: toEngineProperties(composeState(ownInputs(news), actual)) };
    } catch (error) {
      if (!(error instanceof AttachFailure)) throw toPublicError(error, hostOf(news));
      throw new PartialFailure(id, stateAfterFailure(ownInputs(olds), ownInputs(news), state, error), error);
    }
  }

  delete(_id: string, props: Properties): Promise<void> {
    return withoutStack(props, () => this.#delete(props));
  }

  async #delete(props: Properties): Promise<void> {
    const inputs = parseCheckedInputs(props);
    const state = parseState(props);
    const prior = priorOf(state);
    const progress = progressOf(inputs.ownerToken);
    const limitSeconds = timeoutsOf(inputs).detachSeconds;
    await this.#operations.run(limitSeconds, async (signal) => {
      const opening = this.#openForState(inputs, state, { signal, progress, willLock: true });
      const hypervisor = await opening.catch((cause: unknown) => forgetUnreachable(state, progress, cause));
      if (hypervisor === undefined) return;
      await detach(hypervisor, {
        ownerToken: inputs.ownerToken,
        query: { addresses: addressesOf(inputs, prior) },
        guestUuid: state.guestUuid,
        prior,
        verify: (observation) => refuseAnotherHost(inputs, state, observation),
        limitSeconds,
        progress,
        signal,
      });
    });
  }

  /** Ends every connection; for tests and tools, since Pulumi ends the process. */
  async close(): Promise<void> {
    await this.#hypervisors.close();
  }

  async #attach(inputs: AttachmentInputs, made: Made | undefined): Promise<ActualState> {
    const state = made?.state;
    const { attachSeconds, detachSeconds } = timeoutsOf(inputs);
    const progress = progressOf(inputs.ownerToken);
    const prior = state && priorOf(state);
    const limitSeconds = state === undefined ? attachSeconds : attachSeconds + detachSeconds;
    const undoSeconds = attachSeconds + detachSeconds;
    return this.#operations.run(limitSeconds + undoSeconds, async (signal) => {
      const locator = guestLocatorOf(inputs, undefined, made && madeInOf(made.state, made.inputs));
      const hypervisor = await this.#hypervisors.open(locator, { signal, progress, willLock: true });
      return attach(hypervisor, {
        desired: { ...desiredOf(inputs), fresh: newIncarnation() },
        query: queryForPlug(inputs, prior),
        limitSeconds,
        undoSeconds,
        progress,
        signal,
        ...(prior && { prior }),
        ...(state && { verify: (observation) => refuseAnother(inputs, state, observation) }),
      });
    });
  }

  /** The guest that the attachment was made in, by its UUID: its name may be another guest's by now. */
  #openForState(inputs: AttachmentInputs, state: AttachmentState, options: OpenOptions): Promise<Hypervisor> {
    return this.#hypervisors.open(guestLocatorOf(inputs, state.guestUuid), options);
  }
}

/** Pulumi prints the stack of what check, diff, read and delete throw; of an error for users it is noise. */
async function withoutStack<T>(properties: Properties, method: () => Promise<T>): Promise<T> {
  try {
    return await method();
  } catch (cause) {
    const error = toPublicError(cause, hostOf(properties));
    if (error instanceof ProviderError) error.stack = "";
    throw error;
  }
}

/** The host that the arguments name, for messages. */
function hostOf({ connection }: Properties): string {
  const host: unknown = (connection as { readonly host?: unknown } | undefined)?.host;
  return typeof host === "string" ? host : "the host";
}

/** Set to 1, a delete forgets what it cannot reach: for hosts that no longer exist. Off by default. */
const FORGET_VARIABLE = "MULTIFUNCTION_PCI_FORGET_UNREACHABLE";

/** A host that does not answer is no proof that its functions are free: only the user can know that it is gone. */
function forgetUnreachable(state: AttachmentState, progress: Progress, cause: unknown): undefined {
  if (!hasCode(cause, "SSH_DIAL_FAILED")) throw cause;
  const reason = causeText(cause);
  if (process.env[FORGET_VARIABLE] === "1") {
    progress(`forgotten without a look at the host, as ${FORGET_VARIABLE} asks: ${reason}`);
    return undefined;
  }
  const functions = [...state.attached, ...state.held].map((one) => one.hostAddress);
  const { guestUuid } = state;
  throw providerError(
    "HOST_NOT_VERIFIED",
    { functions, guestUuid, reason, variable: FORGET_VARIABLE },
    cause,
  );
}

/**
 * Lines of progress, each with the name of its resource, because all resources share one output. They quote the host
 * and the guest, and whatever those say stays within its line.
 */
function progressOf(ownerToken: string): Progress {
  const name = ownerToken.slice(ownerToken.lastIndexOf("/") + 1);
  return (line) => console.log(printable(`${name}: ${line}`));
}

/** The inputs among the properties of a state, as they are written: no default is filled in. */
function ownInputs(properties: Properties): Partial<AttachmentInputs> {
  const names = Object.keys(parseCheckedInputs(properties));
  return Object.fromEntries(names.map((name) => [name, properties[name]]));
}

function refuseAnotherHost(inputs: AttachmentInputs, state: AttachmentState, observation: Observation): void {
  if (!isOtherHost(state, identityOf(observation, inputs.ownerToken))) return;
  throw providerError("ANOTHER_HOST", {
    host: inputs.connection.host,
    expected: state.hostUuid,
    actual: observation.hostUuid,
    expectedKey: state.hostKeyFingerprint ?? undefined,
    actualKey: observation.hostKeyFingerprint,
  });
}

function refuseAnother(inputs: AttachmentInputs, state: AttachmentState, observation: Observation): void {
  if (!isOtherTarget(state, identityOf(observation, inputs.ownerToken))) return;
  refuseAnotherHost(inputs, state, observation);
  const { name, uuid } = observation.guest;
  throw providerError("ANOTHER_GUEST", { guest: name, expected: state.guestUuid, actual: uuid });
}
