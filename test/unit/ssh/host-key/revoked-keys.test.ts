import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { isKrl, readKrl } from "../../../../provider/ssh/host-key/key-revocation-list";
import { readRevokedKeys } from "../../../../provider/ssh/host-key/revoked-keys";
import { findPublicKeyInText, type PublicKey } from "../../../../provider/ssh/keys/public-key";
import { findRsaBits } from "../../../../provider/ssh/keys/rsa-bits";
import { publicLine, Workspace } from "../../../support/sshd";
import { withinBounds } from "../../../support/within-bounds";

const workspace = new Workspace();
afterAll(() => workspace.remove());
const keyOf = (path: string): PublicKey => {
  const [type = "", base64 = ""] = publicLine(path).split(" ");
  const key = findPublicKeyInText(type, base64);
  if (key === undefined) throw new Error(`no key: ${path}`);
  return key;
};
const revoked = workspace.generateKey("revoked");
const another = workspace.generateKey("another");
const krlOf = (name: string, ...lines: readonly string[]): string => {
  const spec = workspace.write(`${name}.spec`, `${lines.join("\n")}\n`);
  const file = join(workspace.path, name);
  execFileSync("ssh-keygen", ["-q", "-k", "-f", file, spec]);
  return file;
};
const reasonOf = (file: string): string => {
  try {
    readRevokedKeys([file], "hv1");
    return "read";
  } catch (error) {
    return String(error);
  }
};

describe("RevokedHostKeys", () => {
  it("of several files finds a key in each, and names the file", () => {
    const list = workspace.write("list", `# none\n${publicLine(another)} comment\n`);
    const krl = krlOf("krl", publicLine(revoked), `sha1: ${publicLine(another)}`);
    const keys = readRevokedKeys([list, krl], "hv1");
    expect(keys.findSource(keyOf(revoked))).toBe(krl);
    expect(keys.findSource(keyOf(another))).toBe(list);
    expect(readRevokedKeys([krl], "hv1").findSource(keyOf(another))).toBe(krl);
    expect(readRevokedKeys([list], "hv1").findSource(keyOf(revoked))).toBeUndefined();
  });

  it("with a KRL of certificates alone revokes no plain key", () => {
    const authority = workspace.generateKey("authority");
    const spec = workspace.write("serials.spec", "serial: 1-100\nid: host\n");
    const file = join(workspace.path, "serials");
    execFileSync("ssh-keygen", ["-q", "-k", "-f", file, "-s", `${authority}.pub`, spec]);
    expect(readRevokedKeys([file], "hv1").findSource(keyOf(revoked))).toBeUndefined();
  });

  it.each([
    ["is not there", () => join(workspace.path, "gone"), /names .*gone, which cannot be read \(ENOENT\)/],
    ["is a folder", () => workspace.path, /cannot be read \(EISDIR\)/],
    ["has a line that is no key", () => workspace.write("odd", `${publicLine(revoked)}\nodd\n`), /line 2/],
  ])("that %s is an error, since nobody can tell then", (_what, file, reason) => {
    expect(reasonOf(file())).toMatch(reason);
    expect(reasonOf(file())).toContain("SSH_CONFIG_UNSUPPORTED");
  });
});

describe("a KRL", () => {
  const whole = readFileSync(krlOf("whole", publicLine(revoked), `hash: SHA256:${"A".repeat(43)}`));

  it("that is cut off anywhere is never taken for a shorter one", () => {
    const header = 8 + 4 + 24 + 4 + 4;
    // a KRL does not say how long it is: between two sections it is whole, for ssh as well
    const between = header + 5 + whole.readUInt32BE(header + 1);
    for (let length = header + 1; length < whole.length; length += length === between - 1 ? 2 : 1)
      expect([length, readKrl(whole.subarray(0, length))]).toEqual([length, expect.any(String)]);
  });

  it.each([
    ["another version", (krl: Buffer) => krl.writeUInt32BE(2, 8), /version/],
    ["a section that is not known", (krl: Buffer) => krl.writeUInt8(77, 44), /section that is not known/],
    ["a signature", (krl: Buffer) => krl.writeUInt8(4, 44), /signature/],
    ["a length beyond its end", (krl: Buffer) => krl.writeUInt32BE(0xffffffff, 45), /cut off/],
  ])("with %s is refused", (_what, spoil, reason) => {
    const krl = Buffer.from(whole);
    spoil(krl);
    expect(readKrl(krl)).toMatch(reason);
  });

  it("never throws, whatever follows its head", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const krl = Buffer.concat([whole.subarray(0, 8), Buffer.from(bytes)]);
        expect(isKrl(krl)).toBe(true);
        expect(["string", "object"]).toContain(typeof readKrl(krl));
      }),
    );
  });

  it("of many empty entries is read in bounded time", async () => {
    const empty = Buffer.concat([
      whole.subarray(0, 44),
      Buffer.from([2, 0, 0x0f, 0x42, 0x40]),
      Buffer.alloc(1e6),
    ]);
    await withinBounds({ seconds: 2, mebibytes: 200 }, () => expect(readKrl(empty)).toHaveProperty("blobs"));
  });
});

describe("the size of a key", () => {
  it("is that of an RSA key's modulus, and unknown of others", () => {
    const rsa = workspace.generateKey("rsa", "-t", "rsa", "-b", "2048");
    expect(findRsaBits(keyOf(rsa))).toBe(2048);
    expect(findRsaBits(keyOf(revoked))).toBeUndefined();
  });

  it("is never an exception, whatever stands behind the type", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const blob = Buffer.concat([Buffer.from([0, 0, 0, 7]), Buffer.from("ssh-rsa"), Buffer.from(bytes)]);
        expect(() => findRsaBits({ type: "ssh-rsa", base64: blob.toString("base64") })).not.toThrow();
      }),
    );
  });
});
