/** One block of a text in the textual encoding of keys (RFC 7468, RFC 1421). */
export interface KeyBlock {
  /** What stands behind BEGIN: `RSA PRIVATE KEY`. */
  readonly label: string;
  /** Lines such as `DEK-Info: …` in front of the data; those of a key that is encrypted the old way. */
  readonly headers: readonly string[];
  /** Base64, without blanks. */
  readonly data: string;
  /** Whether its last line, `-----END …-----`, is there. */
  readonly isWhole: boolean;
}

const BEGIN = "-----BEGIN ";
const DASHES = "-----";
const LINE_LENGTH = 64;

/**
 * The first private key of a text; without one, its first block of any other kind. OpenSSL and people put
 * more into a file than the key: parameters, certificates, attributes, what `openssl -text` prints.
 *
 * Line ends may be those of Windows, lost to blanks, or written as `\n`, as environment variables and YAML
 * leave them; lines may be indented.
 *
 * @returns undefined if there is no block at all
 */
export function findKeyBlock(text: string): KeyBlock | undefined {
  const blocks = keyBlocks(text);
  return blocks.find(({ label }) => label.endsWith("PRIVATE KEY")) ?? blocks[0];
}

/** The block as ssh2 and OpenSSL take it. */
export function formatKeyBlock({ label, headers, data }: KeyBlock): string {
  const lines = data.match(new RegExp(`.{1,${LINE_LENGTH}}`, "g")) ?? [];
  const head = headers.length === 0 ? [] : [...headers, ""];
  return [`${BEGIN}${label}${DASHES}`, ...head, ...lines, `${DASHES}END ${label}${DASHES}`].join("\n");
}

function keyBlocks(text: string): readonly KeyBlock[] {
  const [, ...pieces] = text.split(BEGIN);
  return pieces.flatMap((piece) => {
    const labelEnd = piece.indexOf(DASHES);
    const label = piece.slice(0, Math.max(labelEnd, 0));
    if (!/^[A-Z0-9 ]{1,40}$/.test(label)) return [];
    const body = piece.slice(labelEnd + DASHES.length);
    const end = body.indexOf(`${DASHES}END ${label}${DASHES}`);
    return [{ label, isWhole: end >= 0, ...contentOf(end < 0 ? body : body.slice(0, end)) }];
  });
}

function contentOf(body: string): Pick<KeyBlock, "headers" | "data"> {
  const lines = body
    .replace(/\\r|\\n/g, "\n")
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const isHeader = (line: string): boolean => line.includes(":");
  return {
    headers: lines.filter(isHeader),
    data: lines
      .filter((line) => !isHeader(line))
      .join("")
      .replace(/\s+/g, ""),
  };
}
