import type { ProgramArguments, PublicConnection } from "../inspection-input";
import type { Assessment } from "./assess";

/** Stands in the lines where no guest was named. */
const GUEST_TO_NAME = { domain: "NAME-OF-THE-GUEST" } as const;
const WIDTH = 80;

/** How a program comes by what is not to stand in it. */
const CREDENTIALS: Readonly<Record<ProgramArguments["credentials"][number], string>> = {
  privateKey: "// pulumi config set --secret multifunction-pci:privateKey < PRIVATE-KEY-FILE",
  privateKeyPassword: "// pulumi config set --secret multifunction-pci:privateKeyPassword",
  password: "// pulumi config set --secret multifunction-pci:password",
};

/** What every program needs before the lines of a device. */
export function prologueOf({ connection, credentials, guest = GUEST_TO_NAME }: ProgramArguments): string[] {
  return [
    "import {",
    "    MultifunctionPciAttachment, type ConnectionArgs, type GuestArgs,",
    '} from "pulumi-multifunction-pci";',
    ...objectLines("const connection: ConnectionArgs = ", connection),
    ...credentials.map((name) => CREDENTIALS[name]),
    ...objectLines("const guest: GuestArgs = ", guest),
  ];
}

/** The statement that attaches; none where nothing can be attached. */
export function programOf(device: string, assessment: Assessment): string[] {
  const { possible, functions, leftovers, allowInUse } = assessment;
  if (possible === "no") return [];
  const fields = [
    "connection",
    "guest",
    `device: ${literal(device)}`,
    ...(possible === "part" ? [`functions: [${functions.join(", ")}]`] : []),
    ...(leftovers === "hold" ? ['leftovers: "hold"'] : []),
    ...(allowInUse ? ["allowInUse: true"] : []),
  ];
  return [
    `new MultifunctionPciAttachment(${literal(`pci-${device.replaceAll(":", "-")}`)}, {`,
    ...fillLines(fields),
    "});",
  ];
}

/** One line where it fits, else one for each field. */
function objectLines(head: string, fields: PublicConnection): string[] {
  const texts = fieldTexts(fields);
  const line = `${head}{ ${texts.join(", ")} };`;
  return line.length <= WIDTH ? [line] : [`${head}{`, ...texts.map((one) => `    ${one},`), "};"];
}

function fieldTexts(fields: PublicConnection): string[] {
  return Object.entries(fields).map(([name, value]) => {
    const text = typeof value === "object" ? `{ ${fieldTexts(value).join(", ")} }` : literal(value);
    return `${name}: ${text}`;
  });
}

/** Fields side by side, as many as a line takes. */
function fillLines(fields: readonly string[]): string[] {
  const lines: string[] = [];
  for (const field of fields) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + field.length + 2 <= WIDTH - 10)
      lines[lines.length - 1] = `${last} ${field},`;
    else lines.push(`    ${field},`);
  }
  return lines;
}

/** A literal of TypeScript that a terminal shows and does not obey, whatever the text holds. */
function literal(value: string | number): string {
  return JSON.stringify(value).replace(
    /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
