import type { LibvirtSession } from "../../../../provider/hypervisor/libvirt";
import { LibvirtError, type LibvirtClient, type LibvirtDomain } from "../../../../provider/libvirt-rpc";
import { readRecording } from "../../../support/recordings/guest-recording";

/** One call that must come now, and its answer; an Error is thrown. */
export interface CallLine {
  /** Name of the client's method. */
  readonly call: string;
  /** Must stand in the call's arguments. */
  readonly having?: string;
  readonly reply?: unknown;
}

/** A libvirt error by its number, with words in the host's language. */
export function libvirtError(code: number, libvirtMessage = `words of ${code}`): LibvirtError {
  return new LibvirtError({ code, domain: 10, libvirtMessage, procedure: "X" });
}

export const guest1: LibvirtDomain = { name: "guest1", uuid: "11111111-1111-4111-8111-111111111111", id: 1 };
export const HOST_UUID = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";

/**
 * A libvirt client that follows a script to the letter. Calls that are not the next of the script fail, and
 * so does {@link ScriptedLibvirt.finish} where lines are left over.
 */
export class ScriptedLibvirt {
  readonly signals: (AbortSignal | undefined)[] = [];
  /** Set, its session is one of an older libvirt. */
  olderVersion: string | undefined;
  readonly #script: CallLine[];
  readonly #unexpected: string[] = [];
  /** Ends the connection, as a restart of libvirtd does. */
  end: () => void = () => undefined;
  readonly #closed = new Promise<undefined>((resolve) => (this.end = () => resolve(undefined)));

  constructor(...script: readonly CallLine[]) {
    this.#script = [...script];
  }

  get client(): LibvirtClient {
    return new Proxy<object>(
      {},
      {
        get: (_target, method) => {
          if (method === "then") return undefined;
          if (method === "closed") return this.#closed;
          return (...args: unknown[]) => this.#answer(String(method), args);
        },
      },
    ) as LibvirtClient;
  }

  get session(): LibvirtSession {
    const { client } = this;
    return {
      label: "root@hv1:22",
      client: () => Promise.resolve(client),
      hostUuid: () => Promise.resolve(HOST_UUID),
      olderVersion: () => Promise.resolve(this.olderVersion),
    } as unknown as LibvirtSession;
  }

  finish(): void {
    expect({ unexpected: this.#unexpected, unused: this.#script.map((line) => line.call) }).toEqual({
      unexpected: [],
      unused: [],
    });
  }

  async #answer(method: string, args: readonly unknown[]): Promise<unknown> {
    const last = args.at(-1);
    this.signals.push(last instanceof AbortSignal ? last : undefined);
    const [line] = this.#script;
    const text = JSON.stringify(args.filter((one) => !(one instanceof AbortSignal)));
    if (line?.call !== method || (line.having !== undefined && !text.includes(line.having))) {
      this.#unexpected.push(`${method} ${text} where ${line?.call ?? "nothing"} was expected`);
      throw new Error(`unexpected: ${method}`);
    }
    this.#script.shift();
    await Promise.resolve();
    if (line.reply instanceof Error) throw line.reply;
    return line.reply;
  }
}

/** VIR_CONNECT_LIST_DOMAINS_TRANSIENT, _PERSISTENT, _MANAGEDSAVE and _ACTIVE. */
export const TRANSIENT_DOMAINS = 8;
export const PERSISTENT_DOMAINS = 4;
export const SAVED_DOMAINS = 256;
export const RUNNING_DOMAINS = 1;

/** Answers from a recording, in whatever order it is asked; each answer can be replaced, by an Error too. */
export function recordedLibvirt(
  scenario: string,
  replaced: Readonly<Record<string, unknown>> = {},
): { readonly session: LibvirtSession; readonly asked: string[] } {
  const recording = readRecording(scenario);
  const asked: string[] = [];
  const answers: Record<string, (...args: never[]) => unknown> = {
    lookupDomain: () => guest1,
    listDomains: (flags: number) => (flags === TRANSIENT_DOMAINS || flags === SAVED_DOMAINS ? [] : [guest1]),
    domainState: () => ({ state: "running", reason: 1 }),
    domainXml: (_domain: LibvirtDomain, options: { inactive?: boolean } = {}) =>
      options.inactive ? recording.persistentXml : recording.domainXml,
    nodeDeviceXml: (name: string) => recording.nodeDeviceXml[name] ?? libvirtError(53),
    monitorCommand: (_domain: LibvirtDomain, text: string) => {
      const reply = recording.replies[text];
      if (reply === undefined) throw new Error(`not recorded: ${text}`);
      return JSON.stringify(reply);
    },
  };
  const client = new Proxy<object>(
    {},
    {
      get: (_target, method) => {
        if (method === "then") return undefined;
        return async (...args: never[]): Promise<unknown> => {
          asked.push(String(method));
          await Promise.resolve();
          const name = String(method);
          const given = name in replaced ? replaced[name] : answers[name]?.(...args);
          const reply: unknown =
            typeof given === "function" ? (given as (...a: never[]) => unknown)(...args) : given;
          if (reply instanceof Error) throw reply;
          return reply;
        };
      },
    },
  ) as LibvirtClient;
  const session = {
    label: "root@hv1:22",
    client: () => Promise.resolve(client),
    hostUuid: () => Promise.resolve(HOST_UUID),
    olderVersion: () => Promise.resolve(undefined),
  } as unknown as LibvirtSession;
  return { session, asked };
}
