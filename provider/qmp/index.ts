export { QmpConnection, type QmpEnd } from "./qmp-connection";
export { QmpDisconnectedError, QmpError, QmpProtocolError } from "./qmp-error";
export type { QmpArguments, QmpEvent, QmpListener, QmpMonitor } from "./qmp-monitor";
export {
  ANONYMOUS_PATH,
  findObjectType,
  findProperty,
  listProperties,
  listVfioPaths,
  PERIPHERAL_PATH,
  qemuIdAt,
  vfioPathsIn,
  type QomProperty,
} from "./qom";
export { isRecord, parseQmpReply } from "./reply";
