import { existsSync } from "node:fs";
import { block, type Case, type Expected, type Places } from "../case";

/** The usual block, without its identity file. */
const bare = (at: Places, ...lines: readonly string[]): readonly string[] =>
  block(at, {}, ...lines).filter((line, index) => index <= lines.length || !line.startsWith("IdentityFile"));

const files = (
  title: string,
  lines: (at: Places) => readonly string[],
  expected: Expected,
  says?: RegExp,
): Case => ({
  title,
  config: (at) => bare(at, ...lines(at)),
  expected,
  ...(says !== undefined && { says }),
});

/** Eight keys, of which the server knows the last. */
const fillAgent = async (at: Places): Promise<string> => {
  const others = Array.from({ length: 7 }, (_, index) => `${at.folder}/other-${index}`);
  for (const path of others.filter((one) => !existsSync(one)))
    at.keygen("-q", "-t", "ed25519", "-N", "", "-f", path);
  return at.agent("agent-many", ...others, at.key("second"));
};
const agent = (
  title: string,
  lines: (at: Places) => readonly string[],
  expected: Expected,
  says?: RegExp,
): Case => ({
  ...files(title, (at) => [`IdentityAgent ${at.folder}/agent-many`, ...lines(at)], expected, says),
  prepare: fillAgent,
});

export const userKeys: readonly Case[] = [
  files(
    "several identity files, the second of which is right",
    (at) => [`IdentityFile ${at.key("stranger")}`, `IdentityFile ${at.key("second")}`],
    { userKey: "second" },
  ),
  files("an RSA key", (at) => [`IdentityFile ${at.key("rsa")}`], { userKey: "rsa" }),
  files("an ECDSA key", (at) => [`IdentityFile ${at.key("ecdsa")}`], { userKey: "ecdsa" }),
  files("a stranger's key", (at) => [`IdentityFile ${at.key("stranger")}`], "refused", /SSH_AUTH_REFUSED/),
  files("no identity file", () => ["IdentityFile none"], "refused", /SSH_AUTH_REFUSED/),
  files(
    "PubkeyAuthentication no",
    (at) => ["PubkeyAuthentication no", `IdentityFile ${at.key("client")}`],
    "refused",
    /SSH_AUTH_REFUSED/,
  ),
  files(
    "PreferredAuthentications without keys",
    (at) => ["PreferredAuthentications password,keyboard-interactive", `IdentityFile ${at.key("client")}`],
    "refused",
  ),
  files(
    "PreferredAuthentications with keys",
    (at) => ["PreferredAuthentications password,publickey", `IdentityFile ${at.key("client")}`],
    {},
  ),
  files(
    "PubkeyAcceptedAlgorithms without the first key's",
    (at) => [
      "PubkeyAcceptedAlgorithms -ssh-ed25519*",
      `IdentityFile ${at.key("client")}`,
      `IdentityFile ${at.key("rsa")}`,
    ],
    { userKey: "rsa" },
  ),
  files(
    "PubkeyAcceptedAlgorithms without any key's",
    (at) => ["PubkeyAcceptedAlgorithms ecdsa-sha2-nistp521", `IdentityFile ${at.key("client")}`],
    "refused",
  ),
  files(
    "RequiredRSASize above the user's key",
    (at) => ["RequiredRSASize 3072", `IdentityFile ${at.key("rsa")}`],
    "refused",
  ),
  files(
    "the public half of a key that is nowhere",
    (at) => [`IdentityFile ${at.write("nowhere.pub", `${at.publicKey("client")}\n`)}`],
    "refused",
  ),
  agent(
    "an agent with many keys, the right one last",
    () => ["IdentityFile none"],
    "refused",
    /SSH_AUTH_REFUSED/,
  ),
  agent(
    "an agent with many keys, and the file of the right one",
    (at) => [`IdentityFile ${at.key("second")}`],
    { userKey: "second" },
  ),
  agent(
    "an agent with many keys, and the public half of the right one",
    (at) => [`IdentityFile ${at.write("second-half.pub", `${at.publicKey("second")}\n`)}`],
    { userKey: "second" },
  ),
  agent(
    "an agent with many keys, and IdentitiesOnly",
    (at) => ["IdentitiesOnly yes", `IdentityFile ${at.key("client")}`],
    {},
  ),
  agent(
    "an agent, and IdentitiesOnly with a stranger's key",
    (at) => ["IdentitiesOnly yes", `IdentityFile ${at.key("stranger")}`],
    "refused",
  ),
  agent(
    "an agent, and PubkeyAcceptedAlgorithms without its keys'",
    (at) => ["PubkeyAcceptedAlgorithms rsa-sha2-512", `IdentityFile ${at.key("rsa")}`],
    { userKey: "rsa" },
  ),
  files("IdentityAgent none", (at) => ["IdentityAgent none", `IdentityFile ${at.key("client")}`], {}),
  files(
    "IdentityAgent that is not there",
    (at) => [`IdentityAgent ${at.folder}/no-agent`, `IdentityFile ${at.key("client")}`],
    {},
  ),
  {
    ...files(
      "an agent of the environment's variable",
      () => ["IdentityAgent $ORACLE_AGENT", "IdentityFile none"],
      { userKey: "second" },
    ),
    prepare: async (at) => (process.env["ORACLE_AGENT"] = await at.agent("agent-variable", at.key("second"))),
  },
];

const certified = { userKey: "certified certificate" };
const forRoot = ["-n", "root"];

/** A certificate beside a copy of its key, and the lines that name it. */
const certificate = (
  title: string,
  options: readonly string[],
  lines: (at: Places, key: string) => readonly string[],
  expected: Expected,
  says?: RegExp,
  key = "certified",
): Case => ({
  title: `a certificate ${title}`,
  config: (at) => {
    const name = `certified-${title.replace(/\W+/g, "-")}`;
    return bare(at, ...lines(at, at.certificate(key, name, ...options)));
  },
  expected,
  ...(says !== undefined && { says }),
});

export const certificates: readonly Case[] = [
  certificate("beside its key", forRoot, (_, key) => [`IdentityFile ${key}`], certified),
  certificate(
    "by CertificateFile",
    forRoot,
    (at, key) => [`CertificateFile ${key}-cert.pub`, `IdentityFile ${at.key("certified")}`],
    certified,
  ),
  certificate(
    "by CertificateFile with a token, for root",
    forRoot,
    (at, key) => [
      `CertificateFile ~/..${key.replace(/root$/, "%r")}-cert.pub`,
      `IdentityFile ${at.key("certified")}`,
    ],
    certified,
  ),
  certificate(
    "without its key",
    forRoot,
    (at, key) => [`CertificateFile ${key}-cert.pub`, `IdentityFile ${at.key("stranger")}`],
    "refused",
    /no certificate .*SSH_AUTH_REFUSED/s,
  ),
  certificate("for another user", ["-n", "carol"], (_, key) => [`IdentityFile ${key}`], "refused"),
  certificate(
    "that has expired",
    [...forRoot, "-V", "20200101:20210101"],
    (_, key) => [`IdentityFile ${key}`],
    "refused",
  ),
  certificate("of a host", [...forRoot, "-h"], (_, key) => [`IdentityFile ${key}`], "refused"),
  certificate(
    "that PubkeyAcceptedAlgorithms does not name",
    forRoot,
    (_, key) => ["PubkeyAcceptedAlgorithms ssh-ed25519", `IdentityFile ${key}`],
    "refused",
  ),
  certificate(
    "that is not there",
    forRoot,
    (at) => [`CertificateFile ${at.folder}/no-cert.pub`, `IdentityFile ${at.key("client")}`],
    {},
  ),
  certificate(
    "of an RSA key",
    forRoot,
    (_, key) => ["PubkeyAcceptedAlgorithms rsa-sha2-512-cert-v01@openssh.com", `IdentityFile ${key}`],
    { userKey: "rsa certificate" },
    undefined,
    "rsa",
  ),
  certificate(
    "of an ECDSA key",
    forRoot,
    (_, key) => ["PubkeyAcceptedAlgorithms *-cert-v01@openssh.com", `IdentityFile ${key}`],
    { userKey: "ecdsa certificate" },
    undefined,
    "ecdsa",
  ),
  {
    ...certificate(
      "in an agent",
      forRoot,
      (at) => [`IdentityAgent ${at.folder}/agent-certified`, "IdentityFile none"],
      certified,
    ),
    prepare: (at) => at.agent("agent-certified", at.certificate("certified", "in-agent", ...forRoot)),
  },
  {
    ...certificate(
      "in a file, its key in an agent",
      forRoot,
      (at, key) => [
        `IdentityAgent ${at.folder}/agent-key`,
        `CertificateFile ${key}-cert.pub`,
        "IdentityFile none",
      ],
      certified,
    ),
    prepare: (at) => at.agent("agent-key", at.key("certified")),
  },
  {
    ...certificate(
      "of an RSA key in an agent",
      forRoot,
      (at) => [
        `IdentityAgent ${at.folder}/agent-rsa`,
        "IdentityFile none",
        "PubkeyAcceptedAlgorithms rsa-sha2-512-cert-v01@openssh.com",
      ],
      { userKey: "rsa certificate" },
    ),
    prepare: (at) => at.agent("agent-rsa", at.certificate("rsa", "rsa-in-agent", ...forRoot)),
  },
];
