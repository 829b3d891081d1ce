import { LEDGER_PREFIX, LEDGER_URI } from "../../provider/hypervisor/libvirt/xml/ledger-xml";

/**
 * One element of a guest's metadata as `virDomainSetMetadata` gets it: without its namespace, which libvirt
 * adds.
 */
export interface GivenMetadata {
  readonly uri: string;
  readonly key: string;
  readonly xml: string;
}

interface Node {
  readonly name: string;
  readonly attributes: readonly (readonly [string, string])[];
  readonly content: (Node | string)[];
}

/**
 * A guest's metadata as libvirt keeps and prints them, byte for byte: libxml2 prints what is not ASCII in an
 * attribute as a reference, because the document has no encoding, and in a text as it is. Held to what a real
 * libvirt has printed (test/fixtures/metadata).
 */
export class GuestMetadata {
  readonly #elements: GivenMetadata[] = [];

  constructor(...given: readonly GivenMetadata[]) {
    for (const one of given) this.set(one);
  }

  /** Replaces the element of this namespace, or removes it. */
  set({ uri, key, xml }: { uri: string; key: string; xml: string | undefined }): void {
    const at = this.#elements.findIndex((one) => one.uri === uri);
    if (at >= 0) this.#elements.splice(at, 1);
    if (xml !== undefined) this.#elements.push({ uri, key, xml });
  }

  /** What it answers to the question for one element. */
  element(uri: string): string | undefined {
    const found = this.#elements.find((one) => one.uri === uri);
    if (found === undefined) return undefined;
    const root = read(found.xml);
    const attributes = root.attributes.filter(([, value]) => value !== uri);
    return print({ ...root, attributes: declarationsFirst(attributes) }, "");
  }

  /** The part of the guest's description; nothing where there are no elements. */
  toString(): string {
    if (this.#elements.length === 0) return "";
    const elements = this.#elements.map(({ uri, key, xml }) => {
      const root = read(xml);
      const declared = declarationsFirst([[`xmlns:${key}`, uri], ...root.attributes]);
      return `    ${print(prefixed({ ...root, attributes: declared }, key), "    ")}\n`;
    });
    return `<metadata>\n${elements.join("")}  </metadata>`;
  }
}

/** A guest's metadata with a ledger that was written like this. */
export function ledgerMetadata(xml: string | undefined): GuestMetadata {
  return xml === undefined
    ? new GuestMetadata()
    : new GuestMetadata({ uri: LEDGER_URI, key: LEDGER_PREFIX, xml });
}

/** What libvirt answers to the question for a ledger that was written like this. */
export function ledgerAnswer(xml: string | undefined): string | undefined {
  return ledgerMetadata(xml).element(LEDGER_URI);
}

function declarationsFirst(attributes: Node["attributes"]): Node["attributes"] {
  const isDeclaration = ([name]: readonly [string, string]): boolean => /^xmlns(:|$)/.test(name);
  const declarations = attributes.filter(isDeclaration);
  const [added, ...others] = declarations;
  // libvirt's own declaration comes last
  return [...others, ...(added ? [added] : []), ...attributes.filter((one) => !isDeclaration(one))];
}

/** What has no namespace of its own gets that of the element. */
function prefixed(node: Node, key: string): Node {
  if (node.attributes.some(([name]) => name === "xmlns")) return node;
  return {
    name: node.name.includes(":") ? node.name : `${key}:${node.name}`,
    attributes: node.attributes,
    content: node.content.map((one) => (typeof one === "string" ? one : prefixed(one, key))),
  };
}

function read(xml: string): Node {
  const top: Node = { name: "", attributes: [], content: [] };
  const open = [top];
  for (const [part] of xml.matchAll(/<(?:"[^"]*"|'[^']*'|[^>"'])*>|[^<]+/g)) {
    const parent = open.at(-1);
    if (parent === undefined) throw new Error(`not an element: ${xml}`);
    if (!part.startsWith("<")) {
      if (part.trim() !== "") parent.content.push(decode(part));
      continue;
    }
    if (part.startsWith("</")) {
      open.pop();
      continue;
    }
    const attributes = [...part.matchAll(/\s([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)].map(
      ([, name = "", double, single = ""]) =>
        [name, decode((double ?? single).replace(/[\t\n\r]/g, " "))] as const,
    );
    const node: Node = { name: /^<([^\s/>]+)/.exec(part)?.[1] ?? "", attributes, content: [] };
    parent.content.push(node);
    if (!part.endsWith("/>")) open.push(node);
  }
  const [root] = top.content;
  if (root === undefined || typeof root === "string") throw new Error(`not an element: ${xml}`);
  return root;
}

function print({ name, attributes, content }: Node, indent: string): string {
  const values = attributes.map(([key, value]) => ` ${key}="${encodeAttribute(value)}"`).join("");
  if (content.length === 0) return `<${name}${values}/>`;
  const hasText = content.some((one) => typeof one === "string");
  const inner = content.map((one) => {
    if (typeof one === "string") return encodeText(one);
    return hasText ? print(one, "") : `\n${indent}  ${print(one, `${indent}  `)}`;
  });
  return `<${name}${values}>${inner.join("")}${hasText ? "" : `\n${indent}`}</${name}>`;
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function decode(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (_all, hex?: string, decimal?: string, name = "") =>
      hex !== undefined || decimal !== undefined
        ? String.fromCodePoint(hex !== undefined ? Number.parseInt(hex, 16) : Number(decimal))
        : (entities[name as string] ?? ""),
  );
}

function encodeText(text: string): string {
  return text.replace(/[<>&]/g, named).replaceAll("\r", "&#13;");
}

function encodeAttribute(text: string): string {
  return text
    .replace(/[<>&"]/g, named)
    .replace(/[\t\n\r]/g, (one) => `&#${one.charCodeAt(0)};`)
    .replace(/[^\0-\u007f]/gu, (one) => `&#x${(one.codePointAt(0) ?? 0).toString(16).toUpperCase()};`);
}

function named(character: string): string {
  const name = Object.keys(entities).find((one) => entities[one] === character);
  return `&${name ?? ""};`;
}
