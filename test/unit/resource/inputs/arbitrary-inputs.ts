import fc from "fast-check";
import { findPciAddress } from "../../../../provider/pci";
import type { AttachmentInputs, ConnectionInputs, CredentialChecks } from "../../../../provider/resource";

/** A judge of credentials that finds no fault, for tests of all other rules. */
export const lenient: CredentialChecks = {
  findPrivateKeyProblem: () => undefined,
  findHostKeyProblem: () => undefined,
};

/** Inputs that check lets pass, as a user of the quickstart writes them. */
export const valid = {
  connection: { host: "hv1", user: "root", privateKey: "a private key", hostKey: "ssh-ed25519 AAAA" },
  guest: { domain: "guest1" },
  device: "0000:01:00",
  functions: [0, 1, 2, 3],
  ownerToken: "organization/project/stack/bcm5719",
};

const hex = (digits: number): fc.Arbitrary<string> =>
  fc.nat({ max: 16 ** digits - 1 }).map((n) => n.toString(16).padStart(digits, "0"));
const slotText = fc
  .tuple(fc.constantFrom("", "0000:", "0001:"), hex(2), fc.nat({ max: 31 }))
  .map(([domain, bus, device]) => `${domain}${bus}:${device.toString(16).padStart(2, "0")}`)
  .chain((text) => fc.constantFrom(text, text.toUpperCase()));
const word = fc.stringMatching(/^[a-zA-Z0-9._-]{1,20}$/);
/** A leading dash would make an option of it. */
const hostName = fc.stringMatching(/^[a-zA-Z0-9._][a-zA-Z0-9._-]{0,19}$/);
const secret = fc.stringMatching(/^[A-Za-z0-9+/=]{12,40}$/).map((text) => `s3cr3t${text}`);

const connection = (depth: number): fc.Arbitrary<ConnectionInputs> =>
  fc.record(
    {
      host: hostName,
      port: fc.integer({ min: 1, max: 65535 }),
      user: word,
      password: secret,
      privateKey: secret,
      privateKeyPassword: secret,
      agentSocketPath: word,
      dialErrorLimit: fc.constantFrom(-1, 1, 10),
      perDialTimeout: fc.constantFrom(0, 15, 1.5),
      hostKey: word,
      knownHostsFile: word,
      strictHostKeyChecking: fc.constantFrom("yes", "accept-new", "no"),
      ...(depth > 0 && { proxy: connection(depth - 1) }),
    },
    { requiredKeys: ["host"] },
  );

const rom = fc.oneof(
  fc.record({ romBar: fc.boolean() }, { requiredKeys: [] }),
  fc.record(
    { romFile: word.map((name) => `/usr/share/vgabios/${name}`), romBar: fc.constant(true) },
    { requiredKeys: ["romFile"] },
  ),
);

const common = {
  connection: connection(2),
  guest: fc.record(
    { domain: word, uri: fc.constantFrom("qemu:///system", "qemu:///session") },
    { requiredKeys: ["domain"] },
  ),
  leftovers: fc.constantFrom("refuse", "hold"),
  guestSlot: fc.record({ bus: word, slot: fc.nat({ max: 31 }) }, { requiredKeys: ["bus"] }),
  adopt: fc.boolean(),
  allowInUse: fc.boolean(),
  persistent: fc.boolean(),
  timeouts: fc.record(
    { attachSeconds: fc.integer({ min: 1, max: 600 }), detachSeconds: fc.integer({ min: 1, max: 600 }) },
    { requiredKeys: [] },
  ),
  ownerToken: word,
};

/** Any inputs that check lets pass: by device or by map, with or without each option. */
export const inputs: fc.Arbitrary<AttachmentInputs> = fc.oneof(
  fc.record(
    {
      ...common,
      device: slotText,
      functions: fc.uniqueArray(fc.nat({ max: 7 }), { minLength: 1 }),
    },
    { requiredKeys: ["connection", "guest", "ownerToken", "device"] },
  ),
  fc.record(
    {
      ...common,
      functionMap: fc
        .uniqueArray(
          fc.tuple(slotText, fc.nat({ max: 7 })).map(([slot, n]) => `${slot}.${n}`),
          {
            minLength: 1,
            maxLength: 8,
            selector: (text) => findPciAddress(text),
          },
        )
        .chain((addresses) =>
          fc.tuple(...addresses.map((one) => rom.map((options) => ({ hostAddress: one, ...options })))),
        )
        .map((entries) => entries.map((one, guestFunction) => ({ ...one, guestFunction }))),
    },
    { requiredKeys: ["connection", "guest", "ownerToken", "functionMap"] },
  ),
);

/** Path of a node in a value of JSON. */
export type NodePath = readonly (string | number)[];

/** Every node of a value, its root aside. */
export function nodesOf(value: unknown, path: NodePath = []): NodePath[] {
  if (typeof value !== "object" || value === null) return path.length === 0 ? [] : [path];
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? (value as unknown[]).map((one, i) => [i, one])
    : Object.entries(value);
  return [
    ...(path.length === 0 ? [] : [path]),
    ...entries.flatMap(([key, one]) => nodesOf(one, [...path, key])),
  ];
}

/** A copy in which one node is another value. */
export function withNode<T>(value: T, path: NodePath, replacement: unknown): T {
  const [key, ...rest] = path;
  if (key === undefined) return replacement as T;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...value }) as Record<
    string | number,
    unknown
  >;
  copy[key] = withNode(copy[key], rest, replacement);
  return copy as T;
}
