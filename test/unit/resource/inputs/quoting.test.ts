import fc from "fast-check";
import { findInputFailures } from "../../../../provider/resource";
import { lenient, valid, withNode } from "./arbitrary-inputs";

/** Told from everything else that a message may hold, as a text and as a number. */
const SECRET = "hunter2";
const NUMBER = 907134455;

/**
 * The values in which a configuration may hold a credential; `pulumi config set --path` makes numbers of
 * digits.
 */
const shapes: readonly (readonly [string, unknown])[] = [
  ["a text", SECRET],
  ["a number", NUMBER],
  ["a negative number", -NUMBER],
  ["a fraction", NUMBER / 1000],
  ["a list of texts", [SECRET]],
  ["a list of numbers", [NUMBER]],
  ["an object with a text", { a: SECRET }],
  ["an object with a number", { a: NUMBER }],
  ["an object named after it", { [SECRET]: 1 }],
  ["an object numbered after it", { [NUMBER]: true }],
  ["a nested list", [[[{ a: [NUMBER, SECRET] }]]]],
];

/** All that may be known of a connection, and names that it does not have. */
const fields = (
  "host user password privateKey privateKeyPassword agentSocketPath hostKey knownHostsFile proxy " +
  "privatKey passwort Password pass key token __proto__ constructor 0 proxies"
).split(" ");
const hops = [[], ["proxy"], ["proxy", "proxy"]];
const paths = [
  ...hops,
  ...hops.flatMap((hop) => fields.map((field) => [...hop, field])),
  ...["port", "dialErrorLimit", "perDialTimeout", "strictHostKeyChecking"].flatMap((field) => [
    [field, "deeper"],
    [field, "0"],
  ]),
].map((path) => ["connection", ...path]);

const base = {
  ...valid,
  connection: { host: "hv1", proxy: { host: "j1", proxy: { host: "j2" } } },
};

/** What Pulumi prints of a failure: property, reason, and the whole value of a property at the top. */
function printedOf(inputs: Record<string, unknown>): string {
  const failures = findInputFailures(inputs, lenient);
  return failures
    .map(({ property, reason }) => `${property} {${JSON.stringify(inputs[property])}}: ${reason}`)
    .join("\n");
}

const leaks = (printed: string): boolean =>
  printed.includes(SECRET) || printed.includes(String(NUMBER)) || printed.includes(String(NUMBER / 1000));

describe("a value at or below a credential", () => {
  const table = paths.flatMap((path) =>
    shapes.map(([what, value]) => [path.join("."), what, path, value] as const),
  );

  it.each(table)("%s as %s is quoted nowhere", (_path, _what, path, value) => {
    const printed = printedOf(putAt(base, path, value) as Record<string, unknown>);
    expect(leaks(printed)).toBe(false);
  });

  it("is refused by name if it is a number, to lead to the cure", () => {
    const printed = printedOf({ ...valid, connection: { host: "hv1", password: NUMBER } });
    expect(printed).toContain("connection.password is not valid");
    expect(printed).toContain("it is a number");
  });

  it.each([
    ["the connection", (secret: unknown) => ({ connection: secret })],
    ["the device", (secret: unknown) => ({ device: { host: "hv1", password: secret } })],
    ["the functions", (secret: unknown) => ({ functions: [{ password: secret }] })],
    ["the functions, as they are", (secret: unknown) => ({ functions: { password: secret } })],
    ["the map", (secret: unknown) => ({ functionMap: { password: secret }, device: undefined })],
    ["the guest", (secret: unknown) => ({ guest: [{ password: secret }] })],
    ["an argument that there is not", (secret: unknown) => ({ conection: { password: secret } })],
    ["the timeouts", (secret: unknown) => ({ timeouts: [{ password: secret }] })],
    ["adopt", (secret: unknown) => ({ adopt: { password: secret } })],
    ["the token", (secret: unknown) => ({ ownerToken: { password: secret } })],
  ])("is quoted nowhere where a connection was written in place of %s", (_what, misplace) => {
    for (const secret of [SECRET, NUMBER, [NUMBER], { a: SECRET }]) {
      const printed = printedOf({ ...valid, ...misplace(secret) });
      expect(printed).not.toBe("");
      expect(leaks(printed)).toBe(false);
    }
  });

  it("is quoted nowhere, if its name is like none that there is", () => {
    const name = fc.stringMatching(/^[A-Za-z0-9+/=-]{6,40}$/).map((text) => `S3CRET${text}`);
    fc.assert(
      fc.property(name, fc.constantFrom(...hops), (secret, hop) => {
        const inputs = withNode(base, ["connection", ...hop, secret], 1) as Record<string, unknown>;
        const printed = printedOf(inputs);
        expect(printed).toContain("unknown argument");
        expect(printed).not.toContain(secret);
      }),
    );
  });
});

describe("a value that is no credential", () => {
  it.each([
    [["port"], 70000, "70000"],
    [["proxy", "port"], 0.5, "0.5"],
    [["dialErrorLimit"], 0, "0"],
    [["proxy", "proxy", "perDialTimeout"], -1, "-1"],
    [["strictHostKeyChecking"], "off", `"off"`],
    [["strictHostKeyChecking"], true, "true"],
  ])("below connection, %j, is quoted", (path, value, quoted) => {
    const printed = printedOf(withNode(base, ["connection", ...path], value));
    expect(printed).toContain(`is ${quoted};`);
  });

  it.each(["privatKey", "passwort", "hots", "username", "hostname", "identityFile", "PASSWORD", "timeout"])(
    "and is a name like one that there is, %s, is quoted",
    (name) => {
      expect(printedOf({ ...valid, connection: { host: "hv1", [name]: 1 } })).toContain(
        `unknown argument "${name}" in connection`,
      );
    },
  );
});

/** Puts a value at a path, whatever is on the way. */
function putAt(node: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const fields = typeof node === "object" && node !== null ? (node as Record<string, unknown>) : {};
  const inner = Object.hasOwn(fields, key) ? fields[key] : undefined;
  const entries = Object.entries(fields).filter(([name]) => name !== key);
  return Object.fromEntries([...entries, [key, putAt(inner, rest, value)]]);
}
