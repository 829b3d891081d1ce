import { createPrivateKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { utils, type ParsedKey } from "ssh2";
import { formatKeyBlock, type KeyBlock } from "./key-block";
import { convertIt, makeAnother, type KeyProblem } from "./key-problem";
import { opensshTextOfEd25519 } from "./openssh-text";

/** PKCS#8, PKCS#1 and SEC 1: what OpenSSL writes, and `ssh-keygen -m PEM` or `-m PKCS8`. */
const LABELS: ReadonlySet<string> = new Set([
  "PRIVATE KEY",
  "ENCRYPTED PRIVATE KEY",
  "RSA PRIVATE KEY",
  "EC PRIVATE KEY",
]);

/** The curves of SSH (RFC 5656 section 10.1), by OpenSSL's names. */
const SSH_CURVES: ReadonlySet<string> = new Set(["prime256v1", "secp384r1", "secp521r1"]);

const NAMES: Readonly<Record<string, string>> = {
  "rsa-pss": "an RSA key for PSS alone",
  dsa: "a DSA key",
  ed448: "an Ed448 key",
  x25519: "an X25519 key",
  x448: "an X448 key",
  dh: "a Diffie-Hellman key",
};

/** Whether a block is in one of the forms that {@link parseOpensslKey} reads. */
export function isOpensslKey({ label }: KeyBlock): boolean {
  return LABELS.has(label);
}

/**
 * Reads a key in a form of OpenSSL's. ssh2 reads some of them itself, but neither PKCS#8 nor parameters of a
 * curve that are written out.
 */
export function parseOpensslKey(
  block: KeyBlock,
  passphrase: string | undefined,
): ParsedKey | { readonly problem: KeyProblem } {
  const isEncrypted = block.label.startsWith("ENCRYPTED") || block.headers.some(isEncryptionHeader);
  if (isEncrypted && passphrase === undefined) return { problem: { kind: "passphrase-missing" } };
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: formatKeyBlock(block), ...(passphrase !== undefined && { passphrase }) });
  } catch (error) {
    return { problem: problemOf(error, isEncrypted) };
  }
  return formForSsh2(key);
}

function isEncryptionHeader(line: string): boolean {
  return /^(?:Proc-Type:.*ENCRYPTED|DEK-Info:)/.test(line);
}

/** OpenSSL tells a wrong passphrase by what the decrypted bytes look like, in many ways. */
function problemOf(error: unknown, isEncrypted: boolean): KeyProblem {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (code === "ERR_OSSL_EVP_UNSUPPORTED")
    return convertIt(
      "encrypted in a way that OpenSSL has given up",
      "openssl pkcs8 -topk8 -v2 aes256 -provider legacy -provider default -in KEY -out NEW",
    );
  if (isEncrypted) return { kind: "passphrase-wrong" };
  return {
    kind: "unusable",
    reason: 'it is damaged: OpenSSL cannot read it ("openssl pkey -in KEY -noout" says more)',
  };
}

function formForSsh2(key: KeyObject): ParsedKey | { readonly problem: KeyProblem } {
  const { asymmetricKeyType: type = "", asymmetricKeyDetails: details } = key;
  if (type === "rsa") return parsed(key.export({ type: "pkcs1", format: "pem" }) as string);
  if (type === "ed25519") return parsed(opensshTextOfEd25519(key.export({ format: "jwk" })));
  if (type === "ec" && SSH_CURVES.has(details?.namedCurve ?? "")) return parsed(namedCurveText(key));
  const name = type === "ec" ? `a key of the curve ${details?.namedCurve ?? "?"}` : NAMES[type];
  return { problem: makeAnother(name ?? `a key of type ${type}`, "with which sshd lets nobody in") };
}

/** With the curve by its name, also where its parameters were written out. */
function namedCurveText(key: KeyObject): string {
  const jwk: JsonWebKey = key.export({ format: "jwk" });
  return createPrivateKey({ key: jwk, format: "jwk" }).export({ type: "sec1", format: "pem" }) as string;
}

function parsed(text: string): ParsedKey | { readonly problem: KeyProblem } {
  const key = utils.parseKey(text) as ParsedKey | readonly ParsedKey[] | Error;
  const one = Array.isArray(key) ? (key as readonly ParsedKey[])[0] : (key as ParsedKey | Error);
  if (one !== undefined && !(one instanceof Error)) return one;
  return { problem: { kind: "unusable", reason: "its parts do not fit together" } };
}
