/**
 * libxml2's own limit (xmlParserMaxDepth): libvirt reads no deeper document, and so never writes one.
 */
export const MAX_XML_DEPTH = 256;

/**
 * Most elements, attributes, comments and the like of one document. The description of a guest with a thousand disks has some 25,000, the
 * capabilities of a host with 2,048 processors some 15,000. libvirt's protocol itself would let a million through,
 * which cost seconds and half a gigabyte.
 */
export const MAX_XML_PARTS = 80_000;

/** What XML 1.0 does not allow anywhere; escape sequences begin with one of these. */
// eslint-disable-next-line no-control-regex -- these are what has to be kept out
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const skipped = /<\?[^]*?\?>|<!--[^]*?-->/y;
const cdata = /<!\[CDATA\[[^]*?\]\]>/y;
const text = /[^<]+/y;
const closing = /<\/([^\s<>/"'=]+)\s*>/y;
const opening = /<([^\s<>/"'=!?&]+)/y;
const attributeForm = /\s+[^\s<>/"'=]+\s*=\s*(?:"[^"<]*"|'[^'<]*')/y;
const tooManyParts = `more than ${MAX_XML_PARTS} elements and attributes`;
const endOfTag = /\s*(\/?)>/y;

/**
 * Finds what is wrong with the form of a document that claims to be XML: cut off, elements that do not match, more than
 * one root, text beside it, control characters, too deep, too many parts. The parser behind `parseXml` lets all of that
 * pass and guesses. A document type is wrong as well: libvirt writes none, and entities are declared there.
 *
 * Reads each character once.
 *
 * @returns what is wrong, without a word of the document; undefined where nothing is.
 */
export function findMalformation(document: string): string | undefined {
  if (forbidden.test(document)) return "a character that XML does not allow";
  const open: string[] = [];
  let parts = 0;
  let hasRoot = false;
  let at = 0;
  const take = (form: RegExp): RegExpExecArray | null => {
    form.lastIndex = at;
    const found = form.exec(document);
    if (found !== null) at = form.lastIndex;
    return found;
  };
  while (at < document.length) {
    if (parts > MAX_XML_PARTS) return tooManyParts;
    const words = take(text);
    if (words !== null) {
      if (open.length === 0 && words[0].trim() !== "") return "text outside the root element";
      continue;
    }
    parts += 1;
    if (take(skipped) !== null) continue;
    if (take(cdata) !== null) {
      if (open.length === 0) return "text outside the root element";
      continue;
    }
    const closed = take(closing);
    if (closed !== null) {
      if (open.pop() !== closed[1]) return "an end tag without its start";
      continue;
    }
    const name = take(opening)?.[1];
    if (name === undefined) return "a tag that is none, is cut off, or declares a document type";
    if (open.length === 0 && hasRoot) return "more than one root element";
    hasRoot = true;
    while (parts <= MAX_XML_PARTS && take(attributeForm) !== null) parts += 1;
    if (parts > MAX_XML_PARTS) return tooManyParts;
    const end = take(endOfTag);
    if (end === null) return "a tag that is cut off, or an attribute that is none";
    if (end[1] === "") open.push(name);
    if (open.length > MAX_XML_DEPTH) return `elements more than ${MAX_XML_DEPTH} deep`;
  }
  if (!hasRoot) return "no element";
  return open.length > 0 ? "an end before that of its elements" : undefined;
}
