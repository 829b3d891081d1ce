/** Values that travel over QMP. */
export type QmpArguments = Readonly<Record<string, string | number | boolean>>;

/** An asynchronous message of QEMU. */
export interface QmpEvent {
  /** As QEMU names it, e.g. `DEVICE_DELETED`. */
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Who listens to a monitor. */
export interface QmpListener {
  onEvent(event: QmpEvent): void;
  /** Nothing more will be heard: QEMU has ended, or the way to it is gone. */
  onEnd(end: "guest-stopped" | "connection-lost"): void;
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
  listen(listener: QmpListener, signal?: AbortSignal): Promise<() => Promise<void>>;
}
