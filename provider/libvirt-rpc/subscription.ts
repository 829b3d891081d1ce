import type { EventKind } from "./event-router";
import type { Procedure } from "./procedures";
import type { RpcConnection } from "./rpc-connection";
import type { XdrWriter } from "./xdr-writer";

/** How one kind of event is asked for. */
export interface SubscriptionSpec<E> {
  readonly kind: EventKind<E>;
  readonly register: Procedure;
  readonly registerArgs: (writer: XdrWriter) => unknown;
  readonly deregister: Procedure;
}

/**
 * Ends a subscription: the listener is not called again from this moment on; the promise resolves when
 * libvirtd knows it too, or the connection is gone. A second call does nothing.
 */
export type Unsubscribe = (signal?: AbortSignal) => Promise<void>;

/**
 * Registers a callback with libvirtd and routes its events. If the registration is aborted while libvirtd
 * works on it, it is taken back as soon as its reply arrives.
 */
export async function subscribe<E>(
  connection: RpcConnection,
  spec: SubscriptionSpec<E>,
  listener: (event: E) => void,
  signal?: AbortSignal,
): Promise<Unsubscribe> {
  const { kind } = spec;
  const deregister = (callbackId: number, deregisterSignal?: AbortSignal) =>
    connection.call(
      {
        procedure: spec.deregister,
        args: (writer) => writer.i32(callbackId),
        result: () => undefined,
      },
      deregisterSignal,
    );

  connection.events.beginRegistration(kind);
  const callbackId = await connection.call(
    {
      procedure: spec.register,
      args: spec.registerArgs,
      result: (reader) => {
        const id = reader.i32();
        if (!signal?.aborted) connection.events.add(kind, id, listener);
        return id;
      },
      onAbandonedResult: (id) => void deregister(id).catch(() => undefined),
      onOver: () => connection.events.endRegistration(kind),
    },
    signal,
  );

  let ended = false;
  return async (deregisterSignal) => {
    if (ended) return;
    ended = true;
    connection.events.remove(kind, callbackId);
    try {
      await deregister(callbackId, deregisterSignal);
    } catch (error) {
      if (!connection.hasEnded) throw error;
    }
  };
}
