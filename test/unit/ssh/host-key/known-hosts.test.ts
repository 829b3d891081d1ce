import { createHmac, randomBytes } from "node:crypto";
import fc from "fast-check";
import {
  formatKnownHostsLine,
  isNamedBy,
  knownHostsName,
  lookUpHost,
  parseKnownHosts,
} from "../../../../provider/ssh/host-key/known-hosts";
import { findPublicKey, type PublicKey } from "../../../../provider/ssh/keys/public-key";

/** A public key of the wire form, of any type and content. */
function keyOf(type: string, content: Buffer): PublicKey {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  const key = findPublicKey(Buffer.concat([length, Buffer.from(type), content]));
  if (key === undefined) throw new Error("not a key");
  return key;
}

const ed25519 = keyOf("ssh-ed25519", Buffer.alloc(36, 1));
const rsa = keyOf("ssh-rsa", Buffer.alloc(260, 2));
const line = (hosts: string, key = ed25519) => `${hosts} ${key.type} ${key.base64}`;
const hashOf = (name: string, salt = randomBytes(20)) =>
  `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")}`;

describe("parseKnownHosts", () => {
  it("reads plain lines with comments, tabs and CRLF, and says where each stands", () => {
    const text = [`# mine`, ``, `\thv1\tssh-ed25519 ${ed25519.base64} root@hv1\r`, line("hv2", rsa)].join(
      "\n",
    );
    expect(parseKnownHosts(text, "kh")).toEqual([
      { hosts: "hv1", key: ed25519, isRevoked: false, source: "kh:3" },
      { hosts: "hv2", key: rsa, isRevoked: false, source: "kh:4" },
    ]);
  });

  it("marks revoked lines and certificate authorities, and skips unknown markers", () => {
    const text = [`@revoked ${line("hv1")}`, `@cert-authority ${line("*")}`, `@new ${line("hv1")}`].join(
      "\n",
    );
    expect(parseKnownHosts(text, "kh")).toEqual([
      { hosts: "hv1", key: ed25519, isRevoked: true, source: "kh:1" },
      { hosts: "*", key: ed25519, isRevoked: false, isAuthority: true, source: "kh:2" },
    ]);
  });

  it.each([
    ["a lone word", "hv1"],
    ["a key without a host", `ssh-ed25519 ${ed25519.base64}`],
    ["a key under the name of another type", `hv1 ssh-rsa ${ed25519.base64}`],
    ["something that is not base64", "hv1 ssh-ed25519 !!!"],
    ["a cut key", `hv1 ssh-ed25519 ${ed25519.base64.slice(0, 10)}`],
    ["an old SSH-1 key", "hv1 1024 35 1234567890"],
  ])("skips %s", (_what, text) => {
    expect(parseKnownHosts(text, "kh")).toEqual([]);
  });

  it("reads back whatever was formatted, and never throws on junk", () => {
    const host = fc.stringMatching(/^[a-z0-9][a-z0-9.:-]{0,30}$/);
    const content = fc.uint8Array({ minLength: 1, maxLength: 80 });
    const port = fc.integer({ min: 1, max: 65535 });
    fc.assert(
      fc.property(host, port, content, fc.string(), (name, number, bytes, junk) => {
        const key = keyOf("ssh-ed25519", Buffer.from(bytes));
        const text = `${junk.replaceAll("\n", "")}\n${formatKnownHostsLine(name, number, key)}\n`;
        const { trusted } = lookUpHost(parseKnownHosts(text, "kh"), name.toUpperCase(), number);
        expect(trusted.map((entry) => entry.key)).toContainEqual(key);
      }),
    );
  });
});

describe("isNamedBy", () => {
  it.each([
    ["hv1", "hv1", true],
    ["HV1", "hv1", true],
    ["hv1,10.0.0.1", "10.0.0.1", true],
    ["hv1", "hv11", false],
    ["hv?", "hv1", true],
    ["hv?", "hv", false],
    ["hv*.example", "hv1.rack.example", true],
    ["*.example", "example", false],
    ["*.example,!bad.example", "bad.example", false],
    ["!bad.example,*.example", "good.example", true],
    ["!bad.example", "good.example", false],
    ["[hv1]:2222", "[hv1]:2222", true],
    ["[hv1]:2222", "hv1", false],
    ["[*]:2222", "[hv1]:2222", true],
    ["hv[12]", "hv1", false],
    ["hv1", "h", false],
    ["**", "", true],
    ["", "hv1", false],
  ])("matches %s against %s: %s", (hosts, name, expected) => {
    expect(isNamedBy(hosts, name)).toBe(expected);
  });

  it("finds a hashed name, and no other", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (name, other) => {
        expect(isNamedBy(hashOf(name), name)).toBe(true);
        if (other !== name) expect(isNamedBy(hashOf(name), other)).toBe(false);
      }),
    );
  });

  it.each(["|1|", "|1|AAAA|AAAA", "|2|x|y", `${hashOf("hv1")}|x`])("takes %s for nobody's hash", (hosts) => {
    expect(isNamedBy(hosts, "hv1")).toBe(false);
  });

  it("agrees with a regular expression on every pattern of wildcards", () => {
    const letters = fc.constantFrom("a", "b", ".", "*", "?");
    const pattern = fc.array(letters, { maxLength: 8 }).map((all) => all.join(""));
    const name = fc.array(fc.constantFrom("a", "b", "."), { maxLength: 10 }).map((all) => all.join(""));
    fc.assert(
      fc.property(pattern, name, (written, host) => {
        const source = written.replaceAll(".", "\\.").replaceAll("*", ".*").replaceAll("?", ".");
        expect(isNamedBy(written, host)).toBe(new RegExp(`^${source}$`).test(host));
      }),
      { numRuns: 1000 },
    );
  });

  it("takes no time to speak of for a pattern made to be slow", () => {
    const startedAt = Date.now();
    expect(isNamedBy("*a".repeat(500), "a".repeat(2000) + "b")).toBe(false);
    expect(Date.now() - startedAt).toBeLessThan(500);
  });
});

describe("lookUpHost", () => {
  it("keeps several keys of one host, and revoked ones apart", () => {
    const text = [line("hv1"), line("hv1", rsa), `@revoked ${line("hv1", rsa)}`].join("\n");
    const known = lookUpHost(parseKnownHosts(text, "kh"), "hv1", 22);
    expect(known.trusted.map(({ source }) => source)).toEqual(["kh:1", "kh:2"]);
    expect(known.revoked.map(({ source }) => source)).toEqual(["kh:3"]);
  });

  it("falls back to the bare name on another port, after the port's line", () => {
    const bare = parseKnownHosts(line("hv1"), "kh");
    expect(lookUpHost(bare, "hv1", 2222).trusted).toHaveLength(1);
    const both = parseKnownHosts([line("hv1"), line("[hv1]:2222", rsa)].join("\n"), "kh");
    expect(lookUpHost(both, "hv1", 2222).trusted.map(({ key }) => key)).toEqual([rsa]);
    expect(lookUpHost(both, "hv1", 22).trusted.map(({ key }) => key)).toEqual([ed25519]);
  });

  it("does not let a line for a port speak for port 22", () => {
    expect(lookUpHost(parseKnownHosts(line("[hv1]:2222"), "kh"), "hv1", 22).trusted).toEqual([]);
  });

  it("knows an IPv6 address with and without a port", () => {
    expect(knownHostsName("FD00::1", 22)).toBe("fd00::1");
    expect(knownHostsName("fd00::1", 2222)).toBe("[fd00::1]:2222");
  });
});
