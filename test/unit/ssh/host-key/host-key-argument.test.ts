import { credentialChecks } from "../../../../provider/connections/credential-checks";
import { namesHosts, parseHostKeyArgument } from "../../../../provider/ssh/host-key/host-key-argument";
import { findPublicKey, fingerprintOf, type PublicKey } from "../../../../provider/ssh/keys/public-key";

function keyOf(type: string, fill: number): PublicKey {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  const key = findPublicKey(Buffer.concat([length, Buffer.from(type), Buffer.alloc(36, fill)]));
  if (key === undefined) throw new Error("not a key");
  return key;
}

const mine = keyOf("ssh-ed25519", 1);
const rsa = keyOf("ssh-rsa", 3);
const line = (key: PublicKey) => `${key.type} ${key.base64}`;
const hv1 = { host: "hv1", port: 22 };
const source = "connection.hostKey";
const expectedOf = (text: string, place: { host: string; port: number } | undefined = hv1) =>
  parseHostKeyArgument(text, place, "the host").expected;
const invalid = (reason: RegExp) =>
  expect.objectContaining({
    code: "SSH_HOST_KEY_ARGUMENT_INVALID",
    message: expect.stringMatching(reason) as string,
  }) as Error;

describe("parseHostKeyArgument", () => {
  it("reads lines of ssh-keyscan, with comments and several keys, for their host", () => {
    const text = [
      "# hv1:22 SSH-2.0-OpenSSH_10.0",
      `hv1 ${line(mine)}`,
      `hv1,10.0.0.1 ${line(rsa)} comment\r`,
      `[hv1]:2222 ${line(keyOf("ssh-ed25519", 9))}`,
      "",
    ].join("\n");
    expect(expectedOf(text)).toEqual([
      { kind: "key", key: mine, source },
      { kind: "key", key: rsa, source },
    ]);
    expect(expectedOf(text, { host: "hv1", port: 2222 })).toEqual([
      { kind: "key", key: keyOf("ssh-ed25519", 9), source },
    ]);
  });

  it("reads a key without a host for every host, despite its comment", () => {
    for (const text of [line(mine), `${line(mine)} root@hv2`, ` \t${line(mine)}\r\n`])
      expect(expectedOf(text)).toEqual([{ kind: "key", key: mine, source }]);
  });

  it("reads a fingerprint alone, padded, and within a line of ssh-keygen", () => {
    const fingerprint = fingerprintOf(mine);
    const expected = [{ kind: "fingerprint", fingerprint, source }];
    expect(expectedOf(` ${fingerprint} `)).toEqual(expected);
    expect(expectedOf(`${fingerprint}=`)).toEqual(expected);
    expect(expectedOf(`256 ${fingerprint} root@hv1 (ED25519)`)).toEqual(expected);
    expect(expectedOf(`# Host hv1 found: line 1\nhv1 ED25519 ${fingerprint} `)).toEqual(expected);
  });

  it.each([
    ["another host's", `hv2 ${line(mine)}`, /for hv1: its lines are for hv2\./],
    ["those of several others", `hv2,hv3 ${line(mine)}\n*.lab ${line(rsa)}`, /for hv2,hv3 and \*\.lab\./],
    ["another port's", `[hv1]:2222 ${line(mine)}`, /for hv1: its lines are for \[hv1\]:2222/],
    ["one that negates it", `*,!hv1 ${line(mine)}`, /for hv1/],
    ["a revoked one", `@revoked hv1 ${line(mine)}`, /revoked keys alone/],
    ["one revoked for another", `@revoked hv2 ${line(mine)}`, /for hv2/],
    ["an authority's", `@cert-authority hv1 ${line(mine)}`, /holds no host key/],
    ["one with a marker that is not known", `@new hv1 ${line(mine)}`, /holds no host key/],
    ["another host's fingerprint", `hv2 ED25519 ${fingerprintOf(mine)}`, /for hv2/],
    ["another host's with a fingerprint behind", `hv2 ${line(mine)} ${fingerprintOf(rsa)}`, /for hv2/],
    [
      "a broken one with a fingerprint behind",
      `hv2 ssh-rsa AAAA ${fingerprintOf(mine)}`,
      /holds no host key/,
    ],
    ["a marked fingerprint", `@revoked hv1 ${fingerprintOf(mine)}`, /holds no host key/],
  ])("trusts no key by a line that is %s", (_what, text, reason) => {
    expect(() => expectedOf(text)).toThrow(invalid(reason));
  });

  it("keeps what is revoked for this host beside what is trusted, and only that", () => {
    const text = [line(mine), `@revoked hv1 ${line(mine)}`, `@revoked hv2 ${line(rsa)}`].join("\n");
    const { expected, revoked } = parseHostKeyArgument(text, hv1, "the host");
    expect(expected).toEqual([{ kind: "key", key: mine, source }]);
    expect(revoked).toMatchObject([{ key: mine, source }]);
  });

  it.each(["", "hv1", "SHA256:short", "MD5:00:11", "ssh-ed25519 AAAA", "ssh-rsa " + mine.base64])(
    "refuses %j",
    (text) => {
      expect(() => expectedOf(text)).toThrow(invalid(/holds no host key/));
    },
  );

  it("names few hosts of many", () => {
    const text = Array.from({ length: 400 }, (_, index) => `host-${index} ${line(mine)}`).join("\n");
    expect(() => expectedOf(text)).toThrow(invalid(/host-0 and host-1 .*host-4 and 395 more/));
  });
});

describe("a host key that names hosts", () => {
  it("is judged by its form alone while the host is not known", () => {
    const { findHostKeyProblem } = credentialChecks({});
    expect(findHostKeyProblem(`hv2 ${line(mine)}`, {})).toBeUndefined();
    expect(findHostKeyProblem("hv2", {})).toContain("is not usable");
  });

  it("is refused in check for another host, naming both", () => {
    const connection = { host: "hv1" };
    const { findHostKeyProblem } = credentialChecks({}, new Map([[connection, hv1]]));
    expect(findHostKeyProblem(`hv2 ${line(mine)}`, connection)).toMatch(/no line for hv1.* are for hv2/);
    expect(findHostKeyProblem(`hv1 ${line(mine)}`, connection)).toBeUndefined();
  });

  it.each([
    [`hv1 ${line(mine)}`, true],
    [`${line(mine)} root@hv1`, false],
    [fingerprintOf(mine), false],
    [`hv1 ED25519 ${fingerprintOf(mine)}`, true],
  ])("is told from one that does not: %j", (text, expected) => {
    expect(namesHosts(text)).toBe(expected);
  });
});
