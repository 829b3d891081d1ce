export { QmpError, QmpProtocolError } from "./qmp-error";
export type { QmpArguments, QmpEvent, QmpMonitor } from "./qmp-monitor";
export { findObjectType, findProperty, listProperties, PERIPHERAL_PATH, type QomProperty } from "./qom";
export { isRecord, parseQmpReply } from "./reply";
