import { dialDelayMs } from "../../../../provider/ssh/transport/dial";
import { parsePrivateKey, type PrivateKeyText } from "../../../../provider/ssh/keys/private-key";
import { labelOf, poolKeyOf, type SshTarget } from "../../../../provider/ssh/config/target";

const target: SshTarget = {
  host: "hv1",
  port: 22,
  user: "root",
  dialErrorLimit: 10,
  perDialTimeoutSeconds: 15,
  strictHostKeyChecking: "yes",
};

describe("a target", () => {
  it("has a label without credentials, with an IPv6 address in brackets", () => {
    expect(labelOf({ ...target, password: "hunter2" })).toBe("root@hv1:22");
    expect(labelOf({ ...target, host: "fd00::1" })).toBe("root@[fd00::1]:22");
  });

  it("has a key that differs with every credential, and shows none of them", () => {
    const variants: readonly SshTarget[] = [
      target,
      { ...target, password: "hunter2" },
      { ...target, privateKey: "hunter2" },
      { ...target, privateKey: "k", privateKeyPassword: "hunter2" },
      { ...target, user: "operator" },
      { ...target, port: 2222 },
      { ...target, hostKey: "SHA256:x" },
      { ...target, proxy: target },
      { ...target, proxy: { ...target, password: "hunter2" } },
    ];
    const keys = variants.map(poolKeyOf);
    expect(new Set(keys).size).toBe(variants.length);
    expect(keys.join()).not.toContain("hunter2");
    expect(poolKeyOf({ ...target })).toBe(keys[0]);
  });
});

describe("the delay between dials", () => {
  it("doubles from a quarter of a second to ten seconds", () => {
    expect([0, 1, 2, 3, 4, 5, 6, 100].map(dialDelayMs)).toEqual([
      250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000,
    ]);
  });
});

describe("a private key that cannot be used", () => {
  const given = (text: string): PrivateKeyText => ({
    text,
    source: "connection.privateKey",
    passphraseSource: "connection.privateKeyPassword",
  });

  it("is described without a word of it", () => {
    const text =
      "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0LXNlY3JldA==\n-----END OPENSSH PRIVATE KEY-----";
    for (const key of [text, "hunter2-hunter2", "/root/.ssh/hunter2"]) {
      const attempt = () => parsePrivateKey(given(key), "root@hv1:22");
      expect(attempt).toThrow(expect.objectContaining({ code: "SSH_KEY_UNUSABLE" }) as Error);
      expect(attempt).not.toThrow(/hunter2|c2VjcmV0/);
    }
  });
});
