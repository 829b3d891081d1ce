/** One call or event of libvirt's protocol. Numbers never change once released. */
export interface Procedure {
  readonly program: number;
  readonly number: number;
  /** As in libvirt's own tables, for error texts. */
  readonly name: string;
}

const REMOTE_PROGRAM = 0x20008086;
const QEMU_PROGRAM = 0x20008087;
const KEEPALIVE_PROGRAM = 0x6b656570;

const remote = (number: number, name: string): Procedure => ({ program: REMOTE_PROGRAM, number, name });
const qemu = (number: number, name: string): Procedure => ({ program: QEMU_PROGRAM, number, name });
const keepalive = (number: number, name: string): Procedure => ({ program: KEEPALIVE_PROGRAM, number, name });

/** Calls and events of the main program (src/remote/remote_protocol.x of libvirt). */
export const Remote = {
  CONNECT_OPEN: remote(1, "CONNECT_OPEN"),
  CONNECT_CLOSE: remote(2, "CONNECT_CLOSE"),
  CONNECT_GET_CAPABILITIES: remote(7, "CONNECT_GET_CAPABILITIES"),
  DOMAIN_GET_XML_DESC: remote(14, "DOMAIN_GET_XML_DESC"),
  DOMAIN_LOOKUP_BY_NAME: remote(23, "DOMAIN_LOOKUP_BY_NAME"),
  DOMAIN_LOOKUP_BY_UUID: remote(24, "DOMAIN_LOOKUP_BY_UUID"),
  AUTH_LIST: remote(66, "AUTH_LIST"),
  AUTH_POLKIT: remote(70, "AUTH_POLKIT"),
  NODE_DEVICE_GET_XML_DESC: remote(114, "NODE_DEVICE_GET_XML_DESC"),
  NODE_DEVICE_DETTACH: remote(118, "NODE_DEVICE_DETTACH"),
  NODE_DEVICE_RE_ATTACH: remote(119, "NODE_DEVICE_RE_ATTACH"),
  CONNECT_GET_LIB_VERSION: remote(157, "CONNECT_GET_LIB_VERSION"),
  DOMAIN_ATTACH_DEVICE_FLAGS: remote(160, "DOMAIN_ATTACH_DEVICE_FLAGS"),
  DOMAIN_DETACH_DEVICE_FLAGS: remote(161, "DOMAIN_DETACH_DEVICE_FLAGS"),
  DOMAIN_GET_STATE: remote(212, "DOMAIN_GET_STATE"),
  DOMAIN_SET_METADATA: remote(264, "DOMAIN_SET_METADATA"),
  DOMAIN_GET_METADATA: remote(265, "DOMAIN_GET_METADATA"),
  CONNECT_LIST_ALL_DOMAINS: remote(273, "CONNECT_LIST_ALL_DOMAINS"),
  CONNECT_LIST_ALL_NODE_DEVICES: remote(285, "CONNECT_LIST_ALL_NODE_DEVICES"),
  DOMAIN_EVENT_REGISTER: remote(316, "CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY"),
  DOMAIN_EVENT_DEREGISTER: remote(317, "CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY"),
  DOMAIN_EVENT_LIFECYCLE: remote(318, "DOMAIN_EVENT_CALLBACK_LIFECYCLE"),
  DOMAIN_EVENT_DEVICE_REMOVED: remote(333, "DOMAIN_EVENT_CALLBACK_DEVICE_REMOVED"),
} as const;

/** Calls and events of the QEMU program (src/remote/qemu_protocol.x of libvirt). */
export const Qemu = {
  MONITOR_COMMAND: qemu(1, "QEMU_DOMAIN_MONITOR_COMMAND"),
  MONITOR_EVENT_REGISTER: qemu(4, "QEMU_CONNECT_DOMAIN_MONITOR_EVENT_REGISTER"),
  MONITOR_EVENT_DEREGISTER: qemu(5, "QEMU_CONNECT_DOMAIN_MONITOR_EVENT_DEREGISTER"),
  MONITOR_EVENT: qemu(6, "QEMU_DOMAIN_MONITOR_EVENT"),
} as const;

/** Messages of the keepalive program (src/rpc/virkeepaliveprotocol.x of libvirt). */
export const Keepalive = {
  PING: keepalive(1, "KEEPALIVE_PING"),
  PONG: keepalive(2, "KEEPALIVE_PONG"),
} as const;
