import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Opens the keys that are encrypted. */
export const PASSPHRASE = "correct horse";

/** A key in one of the forms that ssh-keygen and openssl write. */
export interface MadeKey {
  readonly path: string;
  readonly isEncrypted: boolean;
}

type Make = (tool: KeyForge, path: string) => void;
type Command = readonly string[];

const pass = ["-passout", `pass:${PASSPHRASE}`];

/** Makes keys by the tools of this machine, with the public halves beside them. */
export class KeyForge {
  readonly #folder: string;
  #bases = new Map<string, string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  run(program: string, args: Command): void {
    execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  }

  /** One key of each kind, which others are made of. */
  base(kind: string, ...args: Command): string {
    const path = this.#bases.get(kind) ?? join(this.#folder, `base-${kind}`);
    if (!this.#bases.has(kind)) this.run("openssl", [...args, "-out", path]);
    this.#bases.set(kind, path);
    return path;
  }

  rsa(): string {
    return this.base("rsa", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048");
  }

  ec(curve = "P-256"): string {
    return this.base(`ec-${curve}`, "genpkey", "-algorithm", "EC", "-pkeyopt", `ec_paramgen_curve:${curve}`);
  }

  ed25519(): string {
    return this.base("ed25519", "genpkey", "-algorithm", "ED25519");
  }

  make(name: string, make: Make, isEncrypted: boolean): MadeKey {
    const path = join(this.#folder, name.replace(/\W+/g, "-"));
    make(this, path);
    this.#writePublicHalf(path, isEncrypted);
    return { path, isEncrypted };
  }

  /** By openssl and ssh-keygen, so that what is tested does not say itself what is right. */
  #writePublicHalf(path: string, isEncrypted: boolean): void {
    if (readFileSync(path, "latin1").includes("BEGIN OPENSSH")) return;
    const given = isEncrypted ? ["-passin", `pass:${PASSPHRASE}`] : [];
    const der = execFileSync("openssl", ["pkey", "-in", path, ...given, "-pubout", "-outform", "DER"]);
    if (der.length === 44) {
      const name = Buffer.from("\0\0\0\u000bssh-ed25519\0\0\0\u0020", "latin1");
      const blob = Buffer.concat([name, der.subarray(-32)]).toString("base64");
      writeFileSync(`${path}.pub`, `ssh-ed25519 ${blob} made\n`);
      return;
    }
    const pem = execFileSync("openssl", ["pkey", "-in", path, ...given, "-pubout"]);
    writeFileSync(`${path}.pem`, pem);
    writeFileSync(`${path}.pub`, execFileSync("ssh-keygen", ["-i", "-m", "PKCS8", "-f", `${path}.pem`]));
  }
}

const opensslFrom =
  (base: (forge: KeyForge) => string, ...args: Command): Make =>
  (forge, path) =>
    forge.run("openssl", [...args, "-in", base(forge), "-out", path]);

const sshKeygen =
  (...args: Command): Make =>
  (forge, path) =>
    forge.run("ssh-keygen", ["-q", "-C", "made", ...args, "-f", path]);

const rsa = (forge: KeyForge): string => forge.rsa();
const ec = (forge: KeyForge): string => forge.ec();
const ed25519 = (forge: KeyForge): string => forge.ed25519();

/** Forms of keys that log in: name, how each is made. */
export const PLAIN_FORMS: readonly (readonly [string, Make])[] = [
  ["RSA as openssl genpkey writes it", opensslFrom(rsa, "pkey")],
  ["RSA as openssl rsa -traditional writes it", opensslFrom(rsa, "rsa", "-traditional")],
  ["RSA with what openssl rsa -text prints before it", opensslFrom(rsa, "pkey", "-text")],
  ...["P-256", "P-384", "P-521"].map(
    (curve) => [`EC ${curve} in PKCS#8`, opensslFrom((forge) => forge.ec(curve), "pkey")] as const,
  ),
  ["EC with parameters written out, in PKCS#8", opensslFrom(ec, "pkey", "-ec_param_enc", "explicit")],
  [
    "EC by openssl ecparam, with a parameters block",
    (forge, path) => forge.run("openssl", ["ecparam", "-name", "prime256v1", "-genkey", "-out", path]),
  ],
  [
    "EC by openssl ecparam, with parameters written out",
    (forge, path) =>
      forge.run("openssl", [
        ...["ecparam", "-name", "secp384r1", "-genkey", "-param_enc", "explicit", "-out", path],
      ]),
  ],
  ["EC with a compressed point", opensslFrom(ec, "ec", "-conv_form", "compressed")],
  ["EC without its public half", opensslFrom(ec, "ec", "-no_public")],
  ["Ed25519 by openssl genpkey", opensslFrom(ed25519, "pkey")],
  ...["rsa", "ecdsa", "ed25519"].flatMap((type) =>
    ["RFC4716", "PEM", "PKCS8"].map(
      (form) => [`${type} by ssh-keygen -m ${form}`, sshKeygen("-t", type, "-N", "", "-m", form)] as const,
    ),
  ),
];

/** Forms of encrypted keys that log in. */
export const ENCRYPTED_FORMS: readonly (readonly [string, Make])[] = [
  ["RSA in PKCS#8 by AES", opensslFrom(rsa, "pkcs8", "-topk8", ...pass, "-v2", "aes-256-cbc")],
  ["RSA in PKCS#8 by scrypt", opensslFrom(rsa, "pkcs8", "-topk8", ...pass, "-scrypt")],
  ["RSA in PKCS#8 by PBE-SHA1-3DES", opensslFrom(rsa, "pkcs8", "-topk8", ...pass, "-v1", "PBE-SHA1-3DES")],
  ["RSA in the old PEM form by AES", opensslFrom(rsa, "rsa", "-traditional", "-aes256", ...pass)],
  ["EC in PKCS#8", opensslFrom(ec, "pkcs8", "-topk8", ...pass)],
  ["EC in SEC 1 by AES", opensslFrom(ec, "ec", "-aes128", ...pass)],
  ["Ed25519 in PKCS#8", opensslFrom(ed25519, "pkcs8", "-topk8", ...pass)],
  ...["rsa", "ecdsa", "ed25519"].flatMap((type) =>
    ["RFC4716", "PEM", "PKCS8"].map(
      (form) =>
        [`${type} by ssh-keygen -m ${form}`, sshKeygen("-t", type, "-N", PASSPHRASE, "-m", form)] as const,
    ),
  ),
  ...[
    ...["3des-cbc", "aes128-cbc", "aes192-cbc", "aes256-cbc", "aes128-ctr", "aes192-ctr", "aes256-ctr"],
    ...["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"],
  ].map(
    (cipher) =>
      [
        `ed25519 by ssh-keygen -Z ${cipher}`,
        sshKeygen("-t", "ed25519", "-N", PASSPHRASE, "-Z", cipher),
      ] as const,
  ),
];
