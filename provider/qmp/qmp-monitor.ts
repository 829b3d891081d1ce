/** Values that travel over QMP. */
export type QmpArguments = Readonly<Record<string, string | number | boolean>>;

/** An asynchronous message of QEMU, or (`STOPPED`) the news that QEMU has ended. */
export interface QmpEvent {
  /** As QEMU names it, e.g. `DEVICE_DELETED`. */
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A way to one QEMU's monitor. */
export interface QmpMonitor {
  /**
   * Sends a command and waits for its answer. An aborted signal ends the waiting only; whether the
   * command is carried out is then unknown.
   *
   * @throws QmpError what QEMU refuses; QmpProtocolError what is no QMP.
   */
  execute(command: string, args?: QmpArguments, signal?: AbortSignal): Promise<unknown>;
  /** Hears from the moment the promise resolves until the returned function is called. */
  listen(listener: (event: QmpEvent) => void, signal?: AbortSignal): Promise<() => Promise<void>>;
}
