import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ProviderError } from "../../provider/errors";
import { rejectionOf } from "../support/within-bounds";
import { Bench, fingerprint, type Sshd } from "../support/sshd";
import { ENCRYPTED_FORMS, KeyForge, PASSPHRASE, PLAIN_FORMS, type MadeKey } from "./support/key-forms";

jest.setTimeout(60_000);

describe("a private key", () => {
  const bench = new Bench();
  const forge = new KeyForge(bench.workspace.path);
  const made = new Map<string, MadeKey>();
  for (const [name, make] of PLAIN_FORMS) made.set(name, forge.make(`plain ${name}`, make, false));
  for (const [name, make] of ENCRYPTED_FORMS)
    made.set(`encrypted ${name}`, forge.make(`encrypted ${name}`, make, true));
  let sshd: Sshd;

  beforeAll(async () => {
    sshd = await bench.startSshd({ authorizedKeys: [...made.values()].map(({ path }) => path) });
  });
  afterAll(() => bench.tearDown());

  const acquire = (privateKey: string, privateKeyPassword?: string) =>
    bench.pool().acquire(
      sshd.target({
        ...bench.login,
        privateKey,
        ...(privateKeyPassword !== undefined && { privateKeyPassword }),
      }),
    );
  const refusalOf = async (text: string, passphrase?: string): Promise<ProviderError> => {
    const error = (await rejectionOf(acquire(text, passphrase))) as ProviderError;
    expect(error.code).toBe("SSH_KEY_UNUSABLE");
    return error;
  };

  it.each([...made.keys()])("logs in: %s", async (name) => {
    const { path, isEncrypted } = made.get(name)!;
    const before = sshd.log.length;
    const text = readFileSync(path, "utf8");
    const connection = await acquire(text, isEncrypted ? PASSPHRASE : undefined);
    expect(connection.isOpen).toBe(true);
    await sshd.waitForLog(/Accepted publickey/);
    expect(sshd.log.slice(before)).toContain(fingerprint(path));
  });

  it.each([...made.keys()].filter((name) => made.get(name)!.isEncrypted))(
    "says that a wrong passphrase is wrong, and a missing one missing: %s",
    async (name) => {
      const text = readFileSync(made.get(name)!.path, "utf8");
      const wrong = await refusalOf(text, "wrong battery");
      expect(wrong.message).toContain("connection.privateKeyPassword does not open it");
      expect(wrong.message).not.toContain("battery");
      const missing = await refusalOf(text);
      expect(missing.message).toContain("it is encrypted and connection.privateKeyPassword is not given");
    },
  );

  const blocks = [
    "rsa by ssh-keygen -m RFC4716",
    "RSA as openssl genpkey writes it",
    "EC by openssl ecparam, with a parameters block",
    "encrypted RSA in the old PEM form by AES",
    "encrypted ed25519 by ssh-keygen -Z aes256-ctr",
  ];
  const spellings: readonly (readonly [string, (text: string) => string, boolean?])[] = [
    ["the line ends of Windows", (text) => text.replace(/\n/g, "\r\n")],
    ["blanks before each line", (text) => text.replace(/^/gm, "    ")],
    ["a mark of the byte order", (text) => `\ufeff${text}`],
    ["a text before and behind it", (text) => `Bag Attributes\n  friendlyName: hv\n${text}\ntext\n`],
    ["no line break at its end", (text) => text.trimEnd()],
    ["line breaks as an environment variable has them", (text) => text.replace(/\n/g, "\\n")],
    ["the old line ends of a Macintosh", (text) => text.replace(/\n/g, "\r")],
    ["blanks for line breaks", (text) => text.replace(/\n/g, " "), true],
  ];

  it.each(
    spellings.flatMap(([what, spell, isForBlocksWithoutHeaders]) =>
      blocks
        .filter((name) => isForBlocksWithoutHeaders !== true || !name.includes("old PEM"))
        .map((name) => [what, name, spell] as const),
    ),
  )("logs in with %s: %s", async (_what, name, spell) => {
    const { path, isEncrypted } = made.get(name)!;
    const connection = await acquire(spell(readFileSync(path, "utf8")), isEncrypted ? PASSPHRASE : undefined);
    expect(connection.isOpen).toBe(true);
  });

  it("in a key file logs in as one in an argument does", async () => {
    const { path } = made.get("Ed25519 by openssl genpkey")!;
    const { hostKey } = bench.login;
    const target = sshd.target({ hostKey: hostKey ?? "", identityFiles: [path] });
    expect((await bench.pool().acquire(target)).isOpen).toBe(true);
  });

  it("encrypted with chacha20-poly1305 is refused by name, with the command", async () => {
    const path = bench.workspace.generateKey(
      "chacha",
      ...["-N", PASSPHRASE, "-Z", "chacha20-poly1305@openssh.com"],
    );
    const error = await refusalOf(readFileSync(path, "utf8"), PASSPHRASE);
    expect(error.message).toContain("chacha20-poly1305@openssh.com");
    expect(error.message).toContain("ssh-keygen -p -Z aes256-ctr -f KEY");
  });

  it("is what the command of that refusal makes of it", async () => {
    const path = made.get("encrypted ed25519 by ssh-keygen -Z aes256-ctr")!.path;
    const copy = join(bench.workspace.path, "again");
    forge.run("cp", [path, copy]);
    const passphrase = ["-P", PASSPHRASE, "-N", PASSPHRASE];
    forge.run("ssh-keygen", ["-p", ...passphrase, "-Z", "chacha20-poly1305@openssh.com", "-f", copy]);
    forge.run("ssh-keygen", ["-p", ...passphrase, "-Z", "aes256-ctr", "-f", copy]);
    expect((await acquire(readFileSync(copy, "utf8"), PASSPHRASE)).isOpen).toBe(true);
  });

  const openssl = (name: string, ...args: readonly string[]): string => {
    const path = join(bench.workspace.path, name);
    forge.run("openssl", [...args, "-out", path]);
    return readFileSync(path, "utf8");
  };

  it.each<readonly [string, string, readonly string[]]>([
    ["ed448", "an Ed448 key", ["genpkey", "-algorithm", "ED448"]],
    ["x25519", "an X25519 key", ["genpkey", "-algorithm", "X25519"]],
    ["pss", "an RSA key for PSS alone", ["genpkey", "-algorithm", "RSA-PSS"]],
    [
      "secp256k1",
      "a key of the curve secp256k1",
      ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
    ],
  ])("of a kind that SSH does not have (%s) is refused by its name", async (name, words, args) => {
    const error = await refusalOf(openssl(name, ...args));
    expect(error.message).toContain(words);
    expect(error.message).toContain("ssh-keygen -t ed25519");
  });

  it("encrypted as OpenSSL did long ago is refused with the command", async () => {
    const old = openssl(
      "md5des",
      ...["pkcs8", "-topk8", "-v1", "PBE-MD5-DES", "-provider", "legacy", "-provider", "default"],
      ...["-passout", `pass:${PASSPHRASE}`, "-in", made.get("RSA as openssl genpkey writes it")!.path],
    );
    const error = await refusalOf(old, PASSPHRASE);
    expect(error.message).toContain("openssl pkcs8 -topk8 -v2 aes256");
  });

  it.each<readonly [string, (text: string) => string, string]>([
    ["cut off", (text) => text.slice(0, 300), "-----END OPENSSH PRIVATE KEY-----"],
    ["with a letter missing", (text) => text.slice(0, 120) + text.slice(121), "damaged"],
    ["in PuTTY's third form", () => "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "puttygen"],
    [
      "in the form of ssh.com",
      () => "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: x\nAAAA\n---- END SSH2",
      "ssh-keygen -i",
    ],
    [
      "that is a certificate",
      () => "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
      "-----BEGIN CERTIFICATE-----",
    ],
    ["that is a public key", (text) => text, "public key"],
    ["that is the path of a file", () => "/root/.ssh/id_secret", "not the name of a file"],
  ])("%s is refused, and the refusal says so", async (what, change, words) => {
    const { path } = made.get("ed25519 by ssh-keygen -m RFC4716")!;
    const text = readFileSync(what.includes("public") ? `${path}.pub` : path, "utf8");
    const error = await refusalOf(change(text));
    expect(error.message).toContain(words);
    expect(error.message).not.toContain("id_secret");
  });
});
