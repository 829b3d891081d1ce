import XMLBuilder from "fast-xml-builder";
import { XMLParser } from "fast-xml-parser";
import { fail } from "../../errors";
import { findMalformation, MAX_XML_DEPTH } from "./well-formed";

/** One element: its attributes under `@name`, its text under `#text`, its children under their names. */
export interface XmlElement {
  readonly [name: string]: unknown;
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseTagValue: false,
  parseAttributeValue: false,
  removeNSPrefix: true,
  alwaysCreateTextNode: false,
  maxNestedTags: MAX_XML_DEPTH,
  // without it the parser writes the path of every element out as a text, which is most of its time
  jPath: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
});
const builder = new XMLBuilder({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  suppressEmptyNode: true,
  suppressBooleanAttributes: false,
});

/** @throws ProviderError XML_UNREADABLE when a document of libvirt's is not one; the document is not shown. */
export function parseXml(text: string, what: string): XmlElement {
  const reason = findMalformation(text);
  if (reason !== undefined) throw fail("XML_UNREADABLE", { what, reason });
  try {
    return parser.parse(text) as XmlElement;
  } catch (cause) {
    throw fail("XML_UNREADABLE", { what, reason: "a name that is refused" }, cause);
  }
}

/** The text of an element, every value escaped. */
export function writeXml(element: XmlElement): string {
  return builder.build(element);
}

/** All children of this name, none, one or many. */
export function children(element: unknown, name: string): XmlElement[] {
  if (!isElement(element)) return [];
  const found = element[name];
  const list: unknown[] = Array.isArray(found) ? found : found === undefined ? [] : [found];
  return list.map((one) => (isElement(one) ? one : { "#text": one }));
}

/** The first child of this name, empty if there is none. */
export function child(element: unknown, ...path: readonly string[]): XmlElement {
  let current: XmlElement = isElement(element) ? element : {};
  for (const name of path) current = children(current, name)[0] ?? {};
  return current;
}

/** The value of an attribute; undefined if the element has none of this name. */
export function attribute(element: XmlElement, name: string): string | undefined {
  const value = element[`@${name}`];
  return typeof value === "string" ? value : undefined;
}

/** The element's own text. */
export function textOf(element: XmlElement): string | undefined {
  const text = element["#text"];
  return typeof text === "string" ? text : undefined;
}

/**
 * Every element at any depth, for a search by attributes; in the order of the document, as far as the parser keeps it.
 *
 * @param isClosed what is not looked into
 */
export function descendants(
  element: unknown,
  isClosed: (name: string, element: XmlElement) => boolean = () => false,
): { name: string; element: XmlElement }[] {
  const found: { name: string; element: XmlElement }[] = [];
  const look = (parent: XmlElement): void => {
    for (const [name, value] of Object.entries(parent)) {
      if (name.startsWith("@") || name === "#text") continue;
      for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) {
        if (!isElement(one)) continue;
        found.push({ name, element: one });
        if (!isClosed(name, one)) look(one);
      }
    }
  };
  if (isElement(element)) look(element);
  return found;
}

function isElement(value: unknown): value is XmlElement {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
