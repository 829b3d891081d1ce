import { providerError } from "../../../errors";
import { readXml, type XmlElement } from "./xml-reader";

export type { XmlElement } from "./xml-reader";

/**
 * Reads a document of libvirt's.
 *
 * @returns what has the root for its only child.
 * @throws ProviderError XML_UNREADABLE when it is none; the document is not shown.
 */
export function parseXml(text: string, what: string): XmlElement {
  const root = readXml(text);
  if (typeof root === "string") throw providerError("XML_UNREADABLE", { what, reason: root });
  return element("", {}, [root]);
}

/** An element to be written, in no namespace; an attribute that is undefined is left out. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | undefined>> = {},
  content: readonly (XmlElement | string)[] = [],
): XmlElement {
  const given = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  return { name, namespace: "", writtenName: name, attributes: new Map(given), content };
}

/** The text of an element, names as they are written, every value escaped. ASCII, where the names are. */
export function writeXml({ writtenName, attributes, content }: XmlElement): string {
  const values = [...attributes].map(([name, value]) => ` ${name}="${escape(value, /[<>&"\t\n\r]/g)}"`);
  const inner = content.map((one) => (typeof one === "string" ? escape(one, /[<>&\r]/g) : writeXml(one)));
  const start = `<${writtenName}${values.join("")}`;
  return inner.length === 0 ? `${start}/>` : `${start}>${inner.join("")}</${writtenName}>`;
}

/** As libxml2 has it in a document without an encoding, which does it for attributes alone. */
function escape(value: string, special: RegExp): string {
  const names: Readonly<Record<string, string>> = { "<": "lt", ">": "gt", "&": "amp", '"': "quot" };
  return value
    .replace(special, (one) => `&${names[one] ?? `#${one.charCodeAt(0)}`};`)
    .replace(/[\u{80}-\u{fffd}\u{10000}-\u{10ffff}]/gu, (one) => `&#x${hex(one.codePointAt(0) ?? 0)};`);
}

function hex(code: number): string {
  return code.toString(16).toUpperCase();
}

/** All children of this name, in no namespace where none is said. */
export function children(parent: XmlElement, name: string, namespace = ""): XmlElement[] {
  return elementsOf(parent).filter((one) => one.name === name && one.namespace === namespace);
}

/** All children that are elements. */
export function elementsOf({ content }: XmlElement): XmlElement[] {
  return content.filter((one) => typeof one !== "string");
}

const nothing = element("");

/** The first child of this name, in no namespace; empty if there is none. */
export function child(parent: XmlElement, ...path: readonly string[]): XmlElement {
  let current = parent;
  for (const name of path) current = children(current, name)[0] ?? nothing;
  return current;
}

/** The value of an attribute; undefined if the element has none of this name. */
export function attribute({ attributes }: XmlElement, name: string): string | undefined {
  return attributes.get(name);
}

/** The element's own text; undefined if it has none. */
export function textOf({ content }: XmlElement): string | undefined {
  const texts = content.filter((one) => typeof one === "string");
  return texts.length === 0 ? undefined : texts.join("");
}

/**
 * Every element in no namespace at any depth, in the order of the document, for a search by attributes.
 *
 * @param isClosed what is not looked into
 */
export function descendants(
  parent: XmlElement,
  isClosed: (element: XmlElement) => boolean = () => false,
): XmlElement[] {
  const found: XmlElement[] = [];
  const look = (within: XmlElement): void => {
    for (const one of elementsOf(within)) {
      if (one.namespace !== "") continue;
      found.push(one);
      if (!isClosed(one)) look(one);
    }
  };
  look(parent);
  return found;
}
