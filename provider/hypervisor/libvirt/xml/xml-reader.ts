/**
 * libxml2's own limit (xmlParserMaxDepth): libvirt reads no deeper document, and so never writes one.
 */
export const MAX_XML_DEPTH = 256;

/**
 * Most elements, attributes, comments and the like of one document. The description of a guest with a
 * thousand disks has some 25,000, the capabilities of a host with 2,048 processors some 15,000. libvirt's
 * protocol itself would let a million through, which cost seconds and half a gigabyte.
 */
export const MAX_XML_PARTS = 80_000;

/** One element of a document. Names are data, whatever they are: none is ever a key of an object. */
export interface XmlElement {
  /** The name without its prefix; the whole of it where the prefix stands for nothing, as libxml2 has it. */
  readonly name: string;
  /** URI of its namespace; empty for none. */
  readonly namespace: string;
  /** As it is written, with the prefix. */
  readonly writtenName: string;
  /** By their names as they are written, declarations of namespaces among them. */
  readonly attributes: ReadonlyMap<string, string>;
  /** Elements and texts, in their order. */
  readonly content: readonly (XmlElement | string)[];
}

/** An element that is being read. */
interface OpenElement extends XmlElement {
  readonly content: (XmlElement | string)[];
  /** Prefixes that it declares; the empty one stands for no prefix. */
  readonly declared: readonly string[];
}

const noAttributes: ReadonlyMap<string, string> = new Map();
/** Bound to `xml` by the standard, without a declaration. */
const XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace";

/**
 * What XML 1.0 does not allow anywhere, not by a reference either; escape sequences begin with one of these.
 */
// eslint-disable-next-line no-control-regex -- these are what has to be kept out
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const skipped = /<\?[^]*?\?>|<!--[^]*?-->/y;
const cdata = /<!\[CDATA\[([^]*?)\]\]>/y;
const text = /[^<]+/y;
const closing = /<\/([^\s<>/"'=]+)\s*>/y;
const opening = /<([^\s<>/"'=!?&]+)/y;
const attributeForm = /\s+([^\s<>/"'=]+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const endOfTag = /\s*(\/?)>/y;
const references = /&(?:#0*(\d{1,7})|#x0*([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));/g;
const noReference = /&(?!(?:#0*\d{1,7}|#x0*[0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos);)/;
/** In no document: see {@link forbidden}. */
const NO_CHARACTER = "\0";
const named = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" } as const;

/** What is wrong with a document, without a word of it. */
class Malformation extends Error {}

/**
 * Reads a document that claims to be XML. What is cut off, elements that do not match, more than one root,
 * text beside it, control characters, attributes twice, references to nothing, too deep, too many parts: all
 * that is no document. A document type is wrong as well: libvirt writes none, and entities are declared
 * there.
 *
 * Namespaces are resolved, and references decoded, once. Reads each character once.
 *
 * @returns the root; a text of what is wrong, without a word of the document.
 */
export function readXml(document: string): XmlElement | string {
  try {
    return new XmlReader(document).read();
  } catch (error) {
    if (error instanceof Malformation) return error.message;
    throw error;
  }
}

/**
 * Decodes references to characters, and to the five entities that XML has by itself.
 *
 * @returns undefined where something is no reference, or refers to what is no character of XML.
 */
export function decodeReferences(value: string): string | undefined {
  if (!value.includes("&")) return value;
  if (noReference.test(value)) return undefined;
  const meant = value.replace(
    references,
    (_all, decimal?: string, hex?: string, entity?: keyof typeof named) => {
      if (entity !== undefined) return named[entity];
      const code = decimal !== undefined ? Number.parseInt(decimal, 10) : Number.parseInt(hex ?? "", 16);
      return isCharacter(code) ? String.fromCodePoint(code) : NO_CHARACTER;
    },
  );
  return meant.includes(NO_CHARACTER) ? undefined : meant;
}

/** A character of XML 1.0: no surrogate, no other than white space among the control characters. */
function isCharacter(code: number): boolean {
  if (Number.isNaN(code) || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
  return !forbidden.test(String.fromCodePoint(code));
}

class XmlReader {
  readonly #document: string;
  readonly #open: OpenElement[] = [];
  /** What each prefix stands for, the innermost last. */
  readonly #namespaces = new Map<string, string[]>([["xml", [XML_NAMESPACE]]]);
  #at = 0;
  #parts = 0;
  #root: XmlElement | undefined;

  constructor(document: string) {
    this.#document = document;
  }

  read(): XmlElement {
    if (forbidden.test(this.#document)) throw new Malformation("a character that XML does not allow");
    while (this.#at < this.#document.length) this.#readPart();
    if (this.#root === undefined) throw new Malformation("no element");
    if (this.#open.length > 0) throw new Malformation("an end before that of its elements");
    return this.#root;
  }

  #readPart(): void {
    const words = this.#take(text);
    if (words !== null) return this.#addText(decoded(lineEnds(words[0])));
    this.#count();
    if (this.#take(skipped) !== null) return;
    const literal = this.#take(cdata);
    if (literal !== null) {
      if (this.#open.length === 0) throw new Malformation("text outside the root element");
      return this.#addText(lineEnds(literal[1] ?? ""));
    }
    const closed = this.#take(closing);
    if (closed !== null) return this.#close(closed[1]);
    const name = this.#take(opening)?.[1];
    if (name === undefined)
      throw new Malformation("a tag that is none, is cut off, or declares a document type");
    if (this.#open.length === 0 && this.#root !== undefined)
      throw new Malformation("more than one root element");
    this.#openElement(name);
  }

  #addText(words: string): void {
    const parent = this.#open.at(-1);
    if (parent !== undefined) parent.content.push(words);
    else if (words.trim() !== "") throw new Malformation("text outside the root element");
  }

  #openElement(writtenName: string): void {
    const attributes = this.#readAttributes();
    const end = this.#take(endOfTag);
    if (end === null) throw new Malformation("a tag that is cut off, or an attribute that is none");
    const declared = this.#declare(attributes);
    const element = { ...this.#resolve(writtenName), writtenName, attributes, content: [], declared };
    const parent = this.#open.at(-1);
    if (parent === undefined) this.#root = element;
    else parent.content.push(element);
    this.#open.push(element);
    if (end[1] !== "") this.#close(writtenName);
    else if (this.#open.length > MAX_XML_DEPTH)
      throw new Malformation(`elements more than ${MAX_XML_DEPTH} deep`);
  }

  #close(writtenName: string | undefined): void {
    const element = this.#open.pop();
    if (element === undefined || element.writtenName !== writtenName)
      throw new Malformation("an end tag without its start");
    for (const prefix of element.declared) this.#namespaces.get(prefix)?.pop();
  }

  #readAttributes(): ReadonlyMap<string, string> {
    let attributes: Map<string, string> | undefined;
    for (;;) {
      const found = this.#take(attributeForm);
      if (found === null) return attributes ?? noAttributes;
      this.#count();
      const [, name = "", double, single = ""] = found;
      attributes ??= new Map();
      if (attributes.has(name)) throw new Malformation("an attribute twice");
      // white space as such is a blank in an attribute; by a reference it is what it is
      attributes.set(name, decoded(lineEnds(double ?? single).replace(/[\t\n]/g, " ")));
    }
  }

  #declare(attributes: ReadonlyMap<string, string>): readonly string[] {
    const declared: string[] = [];
    for (const [name, uri] of attributes) {
      const prefix = name === "xmlns" ? "" : name.startsWith("xmlns:") ? name.slice(6) : undefined;
      if (prefix === undefined) continue;
      const uris = this.#namespaces.get(prefix);
      if (uris === undefined) this.#namespaces.set(prefix, [uri]);
      else uris.push(uri);
      declared.push(prefix);
    }
    return declared;
  }

  #resolve(writtenName: string): { readonly name: string; readonly namespace: string } {
    const colon = writtenName.indexOf(":");
    const prefix = colon > 0 ? writtenName.slice(0, colon) : "";
    const namespace = this.#namespaces.get(prefix)?.at(-1);
    if (namespace === undefined) return { name: writtenName, namespace: "" };
    return { name: colon > 0 ? writtenName.slice(colon + 1) : writtenName, namespace };
  }

  #take(form: RegExp): RegExpExecArray | null {
    form.lastIndex = this.#at;
    const found = form.exec(this.#document);
    if (found !== null) this.#at = form.lastIndex;
    return found;
  }

  #count(): void {
    this.#parts += 1;
    if (this.#parts > MAX_XML_PARTS)
      throw new Malformation(`more than ${MAX_XML_PARTS} elements and attributes`);
  }
}

function lineEnds(value: string): string {
  return value.includes("\r") ? value.replace(/\r\n?/g, "\n") : value;
}

function decoded(value: string): string {
  const found = decodeReferences(value);
  if (found === undefined) throw new Malformation("a reference to no character");
  return found;
}
