/** QEMU answered a command with an error. Match by class; by text only where QEMU gives nothing else. */
export class QmpError extends Error {
  override readonly name = "QmpError";
  /** QMP's error class, e.g. `GenericError`, `DeviceNotFound`. */
  readonly errorClass: string;
  readonly description: string;

  constructor(errorClass: string, description: string) {
    super(`QEMU: ${description}`);
    this.errorClass = errorClass;
    this.description = description;
  }
}

/** What came back is not an answer of QMP. */
export class QmpProtocolError extends Error {
  override readonly name = "QmpProtocolError";
}

/** The monitor's connection has ended: whether a command under way was carried out is unknown. */
export class QmpDisconnectedError extends Error {
  override readonly name = "QmpDisconnectedError";
}
