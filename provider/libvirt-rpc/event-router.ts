import { LibvirtProtocolError } from "./errors";
import { MAX_EARLY_EVENT_BYTES, MAX_EARLY_EVENTS } from "./limits";
import type { Procedure } from "./procedures";
import type { XdrReader } from "./xdr-reader";

/** One kind of event: the message that brings it and how its body is read (after the callback's number). */
export interface EventKind<E> {
  readonly message: Procedure;
  readonly read: (reader: XdrReader) => E;
}

interface Channel {
  readonly read: (reader: XdrReader) => unknown;
  readonly listeners: Map<number, (event: unknown) => void>;
  registrations: number;
  early: { callbackId: number; event: unknown }[];
  /** How much came in early since the last time that nothing was early. */
  earlyBytes: number;
}

/**
 * Brings each event to the listener that registered for it.
 *
 * libvirtd sends events from another thread than replies, so the first event may overtake the reply that
 * tells its callback's number: events of unknown callbacks are kept while a registration is under way and
 * handed over, in order, the moment the number is known. At other times they belong to a callback that was
 * just deregistered, and are dropped.
 */
export class EventRouter {
  readonly #channels = new Map<string, Channel>();

  /** To be called before a registration is sent; ends with {@link EventRouter.endRegistration}. */
  beginRegistration<E>(kind: EventKind<E>): void {
    const key = channelKey(kind.message.program, kind.message.number);
    const channel = this.#channels.get(key) ?? {
      read: kind.read,
      listeners: new Map<number, (event: unknown) => void>(),
      registrations: 0,
      early: [],
      earlyBytes: 0,
    };
    channel.registrations++;
    this.#channels.set(key, channel);
  }

  /** To be called once per registration, however it ended. */
  endRegistration<E>(kind: EventKind<E>): void {
    const channel = this.#channel(kind);
    if (--channel.registrations > 0) return;
    channel.early = [];
    channel.earlyBytes = 0;
  }

  /** Calls the listener at once for each event that came before the callback's number was known. */
  add<E>(kind: EventKind<E>, callbackId: number, listener: (event: E) => void): void {
    const channel = this.#channel(kind);
    channel.listeners.set(callbackId, listener as (event: unknown) => void);
    const mine = channel.early.filter((item) => item.callbackId === callbackId);
    channel.early = channel.early.filter((item) => item.callbackId !== callbackId);
    for (const { event } of mine) listener(event as E);
  }

  remove<E>(kind: EventKind<E>, callbackId: number): void {
    this.#channel(kind).listeners.delete(callbackId);
  }

  /**
   * Events of kinds that nobody ever registered for are ignored: a newer daemon may have more of them.
   *
   * @throws LibvirtProtocolError when the body cannot be read, and whatever a listener throws.
   */
  dispatch(program: number, procedure: number, reader: XdrReader): void {
    const channel = this.#channels.get(channelKey(program, procedure));
    if (channel === undefined) return;
    const bytes = reader.remainingBytes;
    const callbackId = reader.i32();
    const event = channel.read(reader);
    reader.end();
    const listener = channel.listeners.get(callbackId);
    if (listener !== undefined) return listener(event);
    if (channel.registrations === 0) return;
    channel.earlyBytes += bytes;
    if (channel.early.length >= MAX_EARLY_EVENTS || channel.earlyBytes > MAX_EARLY_EVENT_BYTES) {
      throw new LibvirtProtocolError(
        `over ${MAX_EARLY_EVENTS} events, or ${MAX_EARLY_EVENT_BYTES} bytes of them, ` +
          `came before their registration's reply`,
      );
    }
    channel.early.push({ callbackId, event });
  }

  #channel<E>(kind: EventKind<E>): Channel {
    const channel = this.#channels.get(channelKey(kind.message.program, kind.message.number));
    if (channel === undefined) throw new Error(`no registration of ${kind.message.name} was begun`);
    return channel;
  }
}

function channelKey(program: number, procedure: number): string {
  return `${program}:${procedure}`;
}
