/**
 * What a peer may claim. The figures are libvirt's own (its virnetprotocol.x and remote_protocol.x, the
 * same since 1.2), so nothing that a real libvirtd sends is refused.
 */

/** Longest string, in bytes: VIR_NET_MESSAGE_STRING_MAX. */
export const MAX_STRING_BYTES = 4_194_304;

/** Bytes of the length word that starts each message; the word counts itself. */
export const LENGTH_WORD_BYTES = 4;

/** Program, version, procedure, type, serial, status: four bytes each. */
export const HEADER_BYTES = 24;

/** Longest message with its length word: VIR_NET_MESSAGE_MAX does not count the word. */
export const MAX_MESSAGE_BYTES = 33_554_432 + LENGTH_WORD_BYTES;

/** Most domains in one list: REMOTE_DOMAIN_LIST_MAX. */
export const MAX_DOMAINS = 16_384;

/** Most node devices in one list: REMOTE_NODE_DEVICE_LIST_MAX. */
export const MAX_NODE_DEVICES = 65_536;

/** Most authentication types in one list: REMOTE_AUTH_TYPE_LIST_MAX. */
export const MAX_AUTH_TYPES = 20;

/**
 * Most events kept for a callback whose number is not known yet (the event overtook the reply to the
 * registration). Our own figure: a busy guest makes some dozens a second, the window is one round trip.
 */
export const MAX_EARLY_EVENTS = 1_000;

/** Most bytes of such events, of one kind together. Our own figure: an event has some hundred bytes. */
export const MAX_EARLY_EVENT_BYTES = 1_048_576;

/**
 * Longest JSON of one event of QEMU's, in bytes. Our own figure: events have some hundred bytes, the longest
 * some thousand; at the protocol's four megabytes a flood of them, parsed, would fill the memory.
 */
export const MAX_EVENT_DETAILS_BYTES = 65_536;

/**
 * Longest time for one call; then the connection is ended. A call that is waited for without a deadline,
 * because it may be pinning a guest's memory, takes minutes at the worst (a terabyte at a gigabyte a second:
 * 17); a libvirtd that has been silent for an hour will not answer any more.
 */
export const MAX_CALL_MS = 3_600_000;
