import { readDomain } from "./domain";
import { LibvirtError } from "./errors";
import type { XdrReader } from "./xdr-reader";

const UUID_BYTES = 16;

/**
 * Reads what follows the header of an error reply (virNetMessageError). Everything after the level repeats
 * the message or is unused in libvirt; it is read all the same, so that a wrong message is seen to be one.
 *
 * @throws LibvirtProtocolError when the bytes do not hold an error.
 */
export function readErrorReply(reader: XdrReader, procedure: string): LibvirtError {
  const code = reader.i32();
  const domain = reader.i32();
  const message = reader.optionalString();
  reader.i32(); // level: warning or error
  reader.optional(() => readDomain(reader));
  for (let str = 1; str <= 3; str++) reader.optionalString();
  for (let int = 1; int <= 2; int++) reader.i32();
  reader.optional(() => {
    reader.string(); // a network: its name
    reader.fixedOpaque(UUID_BYTES);
  });
  reader.end();
  return new LibvirtError({ code, domain, libvirtMessage: message ?? "(no message)", procedure });
}
