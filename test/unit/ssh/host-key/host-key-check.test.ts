import { hostKeyAlgorithms, hostKeyTypesFor } from "../../../../provider/ssh/host-key/host-key-algorithms";
import type { ExpectedKey } from "../../../../provider/ssh/host-key/host-key-argument";
import { assessHostKey, type HostKeyPolicy } from "../../../../provider/ssh/host-key/host-key-check";
import { findPublicKey, type PublicKey } from "../../../../provider/ssh/keys/public-key";

function keyOf(type: string, fill: number): PublicKey {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  const key = findPublicKey(Buffer.concat([length, Buffer.from(type), Buffer.alloc(36, fill)]));
  if (key === undefined) throw new Error("not a key");
  return key;
}

const mine = keyOf("ssh-ed25519", 1);
const other = keyOf("ssh-ed25519", 2);
const rsa = keyOf("ssh-rsa", 3);
const known = (key: PublicKey): ExpectedKey => ({ kind: "key", key, source: "kh:1" });
const policy = (fields: Partial<HostKeyPolicy>): HostKeyPolicy => ({
  host: "hv1",
  port: 22,
  label: "root@hv1:22",
  expected: [],
  revoked: [],
  strictness: "yes",
  userFile: "kh",
  asked: ["kh"],
  ...fields,
});

describe("judgeHostKey", () => {
  const strictnesses = ["yes", "accept-new", "no"] as const;
  const table = {
    yes: { known: "accept", unknown: "refuse", changed: "refuse", otherType: "refuse", revoked: "refuse" },
    "accept-new": {
      known: "accept",
      unknown: "accept-and-record",
      changed: "refuse",
      otherType: "refuse",
      revoked: "refuse",
    },
    no: {
      known: "accept",
      unknown: "accept-and-record",
      changed: "accept-without-password",
      otherType: "accept-without-password",
      revoked: "refuse",
    },
  } as const;

  it.each(strictnesses)("decides every case under %s", (strictness) => {
    const judge = (fields: Partial<HostKeyPolicy>) =>
      assessHostKey(policy({ strictness, ...fields }), mine).kind;
    const revoked = [{ hosts: "*", key: mine, isRevoked: true, source: "kh:9" }];
    expect({
      known: judge({ expected: [known(other), known(mine)] }),
      unknown: judge({}),
      changed: judge({ expected: [known(other)] }),
      otherType: judge({ expected: [known(rsa)] }),
      revoked: judge({ expected: [known(mine)], revoked }),
    }).toEqual(table[strictness]);
  });

  it('must have written a new key down under "accept-new", not under "no"', () => {
    expect(assessHostKey(policy({ strictness: "accept-new" }), mine)).toMatchObject({ mustRecord: true });
    expect(assessHostKey(policy({ strictness: "no" }), mine)).toMatchObject({ mustRecord: false });
  });

  it("writes a host on another port as OpenSSH does", () => {
    const verdict = assessHostKey(policy({ strictness: "accept-new", host: "HV1", port: 2222 }), mine);
    expect(verdict).toMatchObject({ line: `[hv1]:2222 ssh-ed25519 ${mine.base64}` });
  });
});

describe("hostKeyTypesFor", () => {
  it("asks first for the types that are known, so known hosts stay known", () => {
    expect(hostKeyTypesFor(policy({ expected: [known(rsa)] }))[0]).toBe("ssh-rsa");
    expect(hostKeyTypesFor(policy({}))[0]).toBe("ssh-ed25519");
    expect([...hostKeyTypesFor(policy({ expected: [known(rsa)] }))].sort()).toEqual(
      [...hostKeyTypesFor(policy({}))].sort(),
    );
  });
});

describe("what OpenSSH's configuration forbids", () => {
  const revokedKeys = { findSource: (key: PublicKey) => (key === mine ? "/etc/ssh/revoked" : undefined) };
  it.each(["yes", "accept-new", "no"] as const)(
    "holds under %s, of a key that is given too",
    (strictness) => {
      const verdict = assessHostKey(policy({ strictness, expected: [known(mine)], revokedKeys }), mine);
      expect(verdict).toMatchObject({ kind: "refuse", error: { code: "SSH_HOST_KEY_REVOKED" } });
      expect(assessHostKey(policy({ expected: [known(other)], revokedKeys }), other).kind).toBe("accept");
    },
  );

  it("is a key of the address against that of the name", () => {
    const entry = (key: PublicKey) => ({ hosts: "192.0.2.1", key, isRevoked: false, source: "kh:9" });
    const of = (key: PublicKey, strictness: "yes" | "no" = "yes") =>
      assessHostKey(
        policy({
          strictness,
          expected: [known(mine)],
          ofAddress: { address: "192.0.2.1", trusted: [entry(key)] },
        }),
        mine,
      );
    expect(of(mine).kind).toBe("accept");
    expect(of(other)).toMatchObject({ kind: "refuse", error: { code: "SSH_HOST_KEY_MISMATCH" } });
    expect(String((of(other) as { error?: Error }).error)).toMatch(/CheckHostIP.*192\.0\.2\.1.*kh:9/);
    expect(of(other, "no").kind).toBe("accept");
  });

  it("are types of keys: known ones come first, in the order of HostKeyAlgorithms", () => {
    const algorithms = [
      "rsa-sha2-256",
      "ecdsa-sha2-nistp384",
      "ssh-ed25519-cert-v01@openssh.com",
      "ssh-ed25519",
    ];
    const limited = policy({ expected: [known(mine)], algorithms });
    expect(hostKeyTypesFor(limited)).toEqual(["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp384"]);
    expect(hostKeyAlgorithms(hostKeyTypesFor(limited), limited)).toEqual([
      "ssh-ed25519",
      "rsa-sha2-256",
      "ecdsa-sha2-nistp384",
    ]);
    expect(hostKeyTypesFor(policy({ algorithms: ["ssh-dss"] }))).toEqual([]);
  });
});
