import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  hostKeyPolicyOf,
  assessHostKey,
  type HostKeyPolicy,
} from "../../../../provider/ssh/host-key/host-key-check";
import { findPublicKey, type PublicKey } from "../../../../provider/ssh/keys/public-key";
import { recordHostKey } from "../../../../provider/ssh/host-key/record-host-key";

function keyOf(fill: number): PublicKey {
  const length = Buffer.alloc(4);
  length.writeUInt32BE("ssh-ed25519".length);
  const key = findPublicKey(Buffer.concat([length, Buffer.from("ssh-ed25519"), Buffer.alloc(36, fill)]));
  if (key === undefined) throw new Error("not a key");
  return key;
}

const mine = keyOf(1);
const other = keyOf(2);
const lineOf = (key: PublicKey) => `hv1 ${key.type} ${key.base64}`;

describe("a new host's key", () => {
  const folder = mkdtempSync(join(tmpdir(), "multifunction-pci-known-hosts-"));
  const file = join(folder, "known_hosts");
  afterAll(() => rmSync(folder, { recursive: true }));
  beforeEach(() => writeFileSync(file, "# mine\nhv2 ssh-rsa broken\n"));

  /** @param strictHostKeyChecking and what another program does when known_hosts is read for the nth time */
  const record = async (
    strictHostKeyChecking: "accept-new" | "no",
    meanwhile: (reading: number) => void = () => undefined,
  ) => {
    let reading = 0;
    const policyNow = (): HostKeyPolicy => {
      meanwhile(++reading);
      const target = { host: "hv1", port: 22, user: "root", dialErrorLimit: 1, perDialTimeoutSeconds: 1 };
      return hostKeyPolicyOf({ ...target, knownHostsFiles: [file], strictHostKeyChecking }, "hv1");
    };
    const verdict = assessHostKey(policyNow(), mine);
    if (verdict.kind !== "accept-and-record") throw new Error(`is ${verdict.kind}`);
    return recordHostKey(verdict, mine, policyNow, new AbortController().signal);
  };
  /** ssh takes no lock: it adds its line whenever it likes. */
  const sshAdds = (key: PublicKey, when: number) => (reading: number) => {
    if (reading === when) appendFileSync(file, `${lineOf(key)}\n`);
  };
  const text = () => readFileSync(file, "utf8");
  const before = "# mine\nhv2 ssh-rsa broken\n";

  it("is written below what is there", async () => {
    expect(await record("accept-new")).toEqual({ kind: "accept" });
    expect(text()).toBe(`${before}${lineOf(mine)}\n`);
  });

  it("is refused where another has been written meanwhile, and not written", async () => {
    expect(await record("accept-new", sshAdds(other, 2))).toMatchObject({
      kind: "refuse",
      error: { code: "SSH_HOST_KEY_MISMATCH" },
    });
    expect(text()).toBe(`${before}${lineOf(other)}\n`);
  });

  it("counts where another is written below it", async () => {
    expect(await record("accept-new", sshAdds(other, 3))).toEqual({ kind: "accept" });
    expect(text()).toBe(`${before}${lineOf(mine)}\n${lineOf(other)}\n`);
  });

  it("is taken back alone, even if another was written above it", async () => {
    const above = (reading: number) => {
      if (reading === 3) writeFileSync(file, `${lineOf(other)}\n${text()}hv9 last\n`);
    };
    expect(await record("accept-new", above)).toMatchObject({ kind: "refuse" });
    expect(text()).toBe(`${lineOf(other)}\n${before}#${lineOf(mine).slice(1)}\nhv9 last\n`);
  });

  it('is let pass without a password under "no" where another has been written meanwhile', async () => {
    expect(await record("no", sshAdds(other, 2))).toEqual({ kind: "accept-without-password" });
    expect(text()).toBe(`${before}${lineOf(other)}\n`);
  });

  it("is not written twice", async () => {
    expect(await record("accept-new", sshAdds(mine, 2))).toEqual({ kind: "accept" });
    expect(text()).toBe(`${before}${lineOf(mine)}\n`);
  });
});
