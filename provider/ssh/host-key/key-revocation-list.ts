import { WireReader } from "../keys/wire";

/** What one file has of revoked keys: wire forms in base64, and hashes of wire forms. */
export interface RevokedEntries {
  readonly blobs: ReadonlySet<string>;
  /** In base64. */
  readonly sha1: ReadonlySet<string>;
  /** In base64. */
  readonly sha256: ReadonlySet<string>;
}

/** The form of a KRL: OpenSSH, PROTOCOL.krl. */
const MAGIC = Buffer.from("SSHKRL\n\0", "latin1");
const FORMAT_VERSION = 1;
const SECTION = { certificates: 1, keys: 2, sha1: 3, signature: 4, sha256: 5, extension: 255 } as const;

/** Whether a file is a KRL, and not a list of keys. */
export function isKrl(content: Buffer): boolean {
  return content.subarray(0, MAGIC.length).equals(MAGIC);
}

/**
 * Reads what a KRL has of plain keys. Certificates are left out, because none is accepted of a host here.
 *
 * @returns what is wrong with it, in words that go on after the file's name
 */
export function readKrl(content: Buffer): RevokedEntries | string {
  try {
    return readSections(content);
  } catch (error) {
    if (error instanceof KrlProblem) return error.message;
    throw error;
  }
}

class KrlProblem extends Error {}

function readSections(content: Buffer): RevokedEntries {
  const reader = readerOf(content.subarray(MAGIC.length));
  if (reader.number() !== FORMAT_VERSION) throw new KrlProblem("a KRL of a version that is not known");
  reader.skip(3 * 8); // version, date and flags
  reader.string(); // reserved
  reader.string(); // comment
  const found = { blobs: new Set<string>(), sha1: new Set<string>(), sha256: new Set<string>() };
  const sets: Readonly<Record<number, Set<string>>> = {
    [SECTION.keys]: found.blobs,
    [SECTION.sha1]: found.sha1,
    [SECTION.sha256]: found.sha256,
  };
  while (!reader.isAtEnd) {
    const type = reader.byte();
    if (type === SECTION.signature)
      throw new KrlProblem("a KRL with a signature, which is not verified here");
    const section = readerOf(reader.string());
    if (type === SECTION.extension) readExtension(section);
    const set = sets[type];
    if (set === undefined && type !== SECTION.certificates && type !== SECTION.extension)
      throw new KrlProblem("a KRL with a section that is not known");
    while (set !== undefined && !section.isAtEnd) set.add(section.string().toString("base64"));
  }
  return found;
}

function readExtension(section: WireReader): void {
  section.string(); // its name
  if (section.byte() !== 0) throw new KrlProblem("a KRL with an extension that is not known and must be");
}

function readerOf(content: Buffer): WireReader {
  return new WireReader(content, () => new KrlProblem("a KRL that is cut off"));
}
