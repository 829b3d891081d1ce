import { hostname } from "node:os";
import { block, knownHosts, knownLine, type Case, type Places } from "../case";

/** A host that is known by the lines of one file alone. */
const known = (
  title: string,
  lines: (at: Places) => string,
  expected: Case["expected"],
  besides: Partial<Case> & { readonly first?: (at: Places) => readonly string[] } = {},
): Case => {
  const { first = () => [], ...rest } = besides;
  return {
    title,
    config: (at) => {
      const file = at.write(`kh.${title.replace(/\W+/g, "-")}`, lines(at));
      return block(at, {}, `UserKnownHostsFile ${file}`, ...first(at));
    },
    expected,
    ...rest,
  };
};

const main = (at: Places, key = "host-ed25519"): string => knownLine(at, "main", key);

const hashed = (at: Places, name: string, line: string): string => {
  const file = at.write(name, line);
  at.keygen("-q", "-H", "-f", file);
  return file;
};

export const knownHostsFiles: readonly Case[] = [
  {
    title: "several user's files, the last of which knows it",
    config: (at) => {
      const empty = at.write("kh-empty", "");
      const files = `"${empty}" "${at.folder}/kh-gone" "${at.write("kh with blanks", main(at))}"`;
      return block(at, {}, `UserKnownHostsFile ${files}`);
    },
    expected: {},
  },
  {
    title: "several global files, the last of which knows it",
    config: (at) => {
      const files = `${at.write("global-1", "")} ${at.folder}/gone ${at.write("global-3", main(at))}`;
      return block(at, {}, "UserKnownHostsFile /dev/null", `GlobalKnownHostsFile ${files}`);
    },
    expected: {},
  },
  {
    title: "no file at all",
    config: (at) => block(at, {}, "UserKnownHostsFile none"),
    expected: "refused",
    says: /SSH_HOST_KEY_UNKNOWN/,
  },
  {
    title: "a hashed name",
    config: (at) => block(at, {}, `UserKnownHostsFile ${hashed(at, "kh-hashed", main(at))}`),
    expected: {},
  },
  {
    title: "a hashed name of another host",
    config: (at) => {
      const line = `[127.0.0.1]:1 ${at.publicKey("host-ed25519")}\n`;
      return block(at, {}, `UserKnownHostsFile ${hashed(at, "kh-hashed-other", line)}`);
    },
    expected: "refused",
  },
  known("a pattern", (at) => `[127.0.0.*]:${at.port("main")} ${at.publicKey("host-ed25519")}\n`, {}),
  known(
    "a pattern that rules the host out",
    (at) => `*,!*127.0.0.1* ${at.publicKey("host-ed25519")}\n`,
    "refused",
  ),
  known("the bare name, for another port", (at) => `127.0.0.1 ${at.publicKey("host-ed25519")}\n`, {}),
  known(
    "a comment, rubbish and tabs beside the line",
    (at) => `# a\n@odd x\nx\n\t\n ${main(at).replace(" ", "\t")}`,
    {},
  ),
  known("another key", (at) => main(at, "stranger"), "refused", { says: /SSH_HOST_KEY_MISMATCH/ }),
  known("a key of another type alone", (at) => main(at, "host-rsa"), { hostKey: "host-rsa" }),
  known("keys of two types", (at) => main(at, "host-ecdsa") + main(at, "host-rsa"), {
    hostKey: "host-ecdsa",
  }),
  known(
    "a wrong key of one type, the right one of another",
    (at) => main(at, "stranger") + main(at, "host-rsa"),
    "refused",
  ),
  known(
    "@revoked, after the line that trusts it",
    (at) => `${main(at)}@revoked * ${at.publicKey("host-ed25519")}\n`,
    "refused",
    {
      says: /SSH_HOST_KEY_REVOKED/,
    },
  ),
  known(
    "@revoked for another host",
    (at) => `${main(at)}@revoked other ${at.publicKey("host-ed25519")}\n`,
    {},
  ),
  known("a key that is @revoked in a global file", (at) => main(at), "refused", {
    first: (at) => [
      `GlobalKnownHostsFile ${at.write("global-revoked", `@revoked * ${at.publicKey("host-ed25519")}\n`)}`,
    ],
    says: /SSH_HOST_KEY_REVOKED/,
  }),
  known(
    "a HostKeyAlias",
    (at) => `rack-1 ${at.publicKey("host-ed25519")}\n`,
    {},
    { first: () => ["HostKeyAlias rack-1"] },
  ),
  known(
    "a HostKeyAlias in capitals",
    (at) => `rack-1 ${at.publicKey("host-ed25519")}\n`,
    {},
    { first: () => ["HostKeyAlias RACK-1"] },
  ),
  known("a HostKeyAlias that is not known", main, "refused", { first: () => ["HostKeyAlias rack-2"] }),
  {
    title: "an IPv6 literal with a port",
    host: "::1",
    config: (at) => block(at, { alias: "::1", server: "main6" }),
    expected: { server: "main6", from: "::1" },
  },
  {
    title: "an IPv6 literal without its port",
    host: "::1",
    config: (at) => {
      const file = at.write("kh-bare6", `::1 ${at.publicKey("host-ed25519")}\n`);
      return block(at, { alias: "::1", server: "main6" }, `UserKnownHostsFile ${file}`);
    },
    expected: { server: "main6", from: "::1" },
  },
  {
    title: "an IPv6 literal, written at length",
    host: "0:0::0001",
    config: (at) =>
      block(at, { alias: "*", server: "main6" }).map((line) => line.replace("HostName ::1", "HostName %h")),
    expected: { server: "main6", from: "::1" },
  },
  known(
    "a host whose name is written with capitals",
    (at) => `[localhost]:${at.port("main")} ${at.publicKey("host-ed25519")}\n`,
    {},
    {
      first: () => ["HostName LOCALHOST", "AddressFamily inet"],
    },
  ),
];

/** RevokedHostKeys with this file. */
const revoked = (
  title: string,
  file: (at: Places) => string,
  expected: Case["expected"],
  says?: RegExp,
): Case => ({
  title: `RevokedHostKeys: ${title}`,
  config: (at) => block(at, {}, `RevokedHostKeys ${file(at)}`),
  expected,
  ...(says !== undefined && { says }),
});

const krl = (at: Places, name: string, what: string): string => {
  const file = `${at.folder}/${name}`;
  at.keygen("-q", "-k", "-f", file, at.write(`${name}.spec`, what));
  return file;
};
const line = (at: Places, key: string): string => `${at.publicKey(key)} comment\n`;

export const revokedHostKeys: readonly Case[] = [
  revoked(
    "a list with the key",
    (at) => at.write("revoked", `# all\n\n${line(at, "stranger")}  ${line(at, "host-ed25519")}`),
    "refused",
    /SSH_HOST_KEY_REVOKED/,
  ),
  revoked(
    "a list with others",
    (at) => at.write("revoked-others", line(at, "stranger") + line(at, "host-rsa")),
    {},
  ),
  revoked("none", () => "none", {}),
  revoked(
    "a file that is not there",
    (at) => `${at.folder}/no-such-list`,
    "refused",
    /RevokedHostKeys.*ENOENT/,
  ),
  revoked(
    "a list with rubbish",
    (at) => at.write("revoked-rubbish", `not a key\n`),
    "refused",
    /line 1 is no public key/,
  ),
  revoked("an empty list", (at) => at.write("revoked-empty", ""), {}),
  revoked(
    "a KRL with the key",
    (at) => krl(at, "krl", line(at, "host-ed25519")),
    "refused",
    /SSH_HOST_KEY_REVOKED/,
  ),
  revoked(
    "a KRL with its hash",
    (at) =>
      krl(at, "krl-sha256", `hash: ${at.keygen("-lf", `${at.key("host-ed25519")}.pub`).split(" ")[1]}\n`),
    "refused",
    /SSH_HOST_KEY_REVOKED/,
  ),
  revoked(
    "a KRL with its SHA-1",
    (at) => krl(at, "krl-sha1", `sha1: ${line(at, "host-ed25519")}`),
    "refused",
    /SSH_HOST_KEY_REVOKED/,
  ),
  revoked(
    "a KRL with other keys",
    (at) => krl(at, "krl-others", line(at, "stranger") + `sha1: ${line(at, "host-rsa")}`),
    {},
  ),
  revoked("an empty KRL", (at) => krl(at, "krl-empty", ""), {}),
  {
    title: "RevokedHostKeys, though the key is known",
    config: (at) =>
      block(
        at,
        {},
        "HostKeyAlgorithms rsa-sha2-512",
        `RevokedHostKeys ${at.write("revoked-rsa", line(at, "host-rsa"))}`,
        `UserKnownHostsFile ${at.write("kh-rsa", main(at, "host-rsa"))}`,
      ),
    expected: "refused",
    says: /SSH_HOST_KEY_REVOKED/,
  },
];

const allKnown = (at: Places): string =>
  `UserKnownHostsFile ${at.write("kh-all", main(at) + main(at, "host-rsa") + main(at, "host-ecdsa"))}`;
const algorithms = (
  title: string,
  list: string,
  expected: Case["expected"],
  besides: Partial<Case> = {},
): Case => ({
  title: `HostKeyAlgorithms: ${title}`,
  config: (at) => block(at, {}, `HostKeyAlgorithms ${list}`, allKnown(at)),
  expected,
  ...besides,
});

export const hostKeyAlgorithms: readonly Case[] = [
  algorithms("one alone", "rsa-sha2-256", { hostKey: "host-rsa" }),
  algorithms("in their order", "ecdsa-sha2-nistp256,ssh-ed25519", { hostKey: "host-ecdsa" }),
  algorithms("without one", "-ssh-ed25519*", { hostKey: "host-ecdsa" }),
  algorithms("one first", "^rsa-sha2-512", { hostKey: "host-rsa" }),
  algorithms("one more", "+ssh-rsa", {}),
  algorithms("one that the host does not have", "ecdsa-sha2-nistp521", "refused", {
    says: /SSH_HOST_KEY_NOT_ALLOWED.*|HostKeyAlgorithms/,
  }),
  algorithms("certificates alone", "ssh-ed25519-cert-v01@openssh.com", "refused", {
    says: /SSH_HOST_KEY_NOT_ALLOWED/,
  }),
  {
    title: "HostKeyAlgorithms, of which the first is not known",
    config: (at) => block(at, {}, "HostKeyAlgorithms rsa-sha2-512,ssh-ed25519"),
    expected: "refused",
    differs: { row: "Order of `HostKeyAlgorithms`", expected: {} },
  },
  {
    title: "RequiredRSASize above the host's key",
    config: (at) => block(at, {}, "HostKeyAlgorithms rsa-sha2-512", "RequiredRSASize 3072", allKnown(at)),
    expected: "refused",
    says: /SSH_HOST_KEY_NOT_ALLOWED/,
  },
  {
    title: "RequiredRSASize of the host's key",
    config: (at) => block(at, {}, "HostKeyAlgorithms rsa-sha2-512", "RequiredRSASize 2048", allKnown(at)),
    expected: { hostKey: "host-rsa" },
  },
];

const command = (
  title: string,
  script: (at: Places) => string,
  expected: Case["expected"],
  says?: RegExp,
): Case => ({
  title: `KnownHostsCommand ${title}`,
  config: (at) => {
    const path = at.script(`command-${title.replace(/\W+/g, "-")}`, script(at));
    return block(at, {}, "UserKnownHostsFile none", `KnownHostsCommand ${path} %H`);
  },
  expected,
  ...(says !== undefined && { says }),
});

export const knownHostsCommand: readonly Case[] = [
  command("that knows the host", (at) => `cat <<X\n${main(at)}X`, {}),
  command(
    "that knows another type of key",
    (at) => `cat <<X\n${main(at, "host-rsa")}127.0.0.1 ${at.publicKey("host-rsa")}\nX`,
    {
      hostKey: "host-rsa",
    },
  ),
  command("that knows nothing", () => "true", "refused", /SSH_HOST_KEY_UNKNOWN.*|KnownHostsCommand/),
  command(
    "that knows another host",
    (at) => `echo '[127.0.0.2]:22 ${at.publicKey("host-ed25519")}'`,
    "refused",
    /SSH_HOST_KEY_UNKNOWN/,
  ),
  command(
    "that knows the bare name alone",
    (at) => `echo '127.0.0.1 ${at.publicKey("host-ed25519")}'`,
    "refused",
    /SSH_HOST_KEY_UNKNOWN/,
  ),
  command(
    "that revokes the key",
    (at) => `cat <<X\n${main(at)}@revoked * ${at.publicKey("host-ed25519")}\nX`,
    "refused",
    /SSH_HOST_KEY_REVOKED/,
  ),
  command(
    "that fails",
    (at) => `cat <<X\n${main(at)}X\necho no directory >&2; exit 3`,
    "refused",
    /no directory.*SSH_KNOWN_HOSTS_COMMAND_FAILED/s,
  ),
  {
    title: "KnownHostsCommand that is not there, beside a file that knows the host",
    config: (at) => block(at, {}, `KnownHostsCommand ${at.folder}/no-such-command %H`),
    expected: {},
    differs: {
      row: "`KnownHostsCommand` that cannot be run",
      expected: "refused",
      says: /SSH_KNOWN_HOSTS_COMMAND_FAILED/,
    },
  },
  {
    title: "KnownHostsCommand none",
    config: (at) => block(at, {}, "KnownHostsCommand none"),
    expected: {},
  },
];

export const strictness: readonly Case[] = [
  {
    title: "StrictHostKeyChecking accept-new, and a host that is not known",
    config: (at) => block(at, {}, "StrictHostKeyChecking accept-new", "UserKnownHostsFile /dev/null"),
    expected: {},
    differs: {
      row: "`StrictHostKeyChecking`",
      expected: "refused",
      says: /SSH_HOST_KEY_UNKNOWN|is not known/,
    },
  },
  {
    title: "StrictHostKeyChecking no, and a key that has changed",
    config: (at) =>
      block(
        at,
        {},
        "StrictHostKeyChecking no",
        `UserKnownHostsFile ${at.write("kh-changed", main(at, "stranger"))}`,
      ),
    expected: {},
    differs: { row: "`StrictHostKeyChecking`", expected: "refused", says: /SSH_HOST_KEY_MISMATCH/ },
  },
  {
    title: "StrictHostKeyChecking yes",
    config: (at) => block(at, {}, "StrictHostKeyChecking yes"),
    expected: {},
  },
  {
    title: "NoHostAuthenticationForLocalhost, and a host that is not known",
    config: (at) => block(at, {}, "NoHostAuthenticationForLocalhost yes", "UserKnownHostsFile none"),
    expected: {},
    differs: { row: "`NoHostAuthenticationForLocalhost`", expected: "refused", says: /SSH_HOST_KEY_UNKNOWN/ },
  },
  {
    title: "VerifyHostKeyDNS, and a host that is not known",
    config: (at) => block(at, {}, "VerifyHostKeyDNS yes", "UserKnownHostsFile none"),
    expected: "refused",
    says: /SSH_HOST_KEY_UNKNOWN/,
  },
  {
    title: "CheckHostIP, on the loopback",
    config: (at) => {
      const lines = `[localhost]:${at.port("main")} ${at.publicKey("host-ed25519")}\n${main(at, "stranger")}`;
      const file = at.write("kh-check-ip", lines);
      return block(
        at,
        {},
        "CheckHostIP yes",
        "HostName localhost",
        "AddressFamily inet",
        `UserKnownHostsFile ${file}`,
      );
    },
    expected: {},
  },
  {
    title: "a host certificate whose authority is known, and the key too",
    config: (at) => {
      const file = at.write(
        "kh-authority-and-key",
        `@cert-authority * ${at.publicKey("host-ca")}\n` + knownLine(at, "certified", "certified-host"),
      );
      return block(at, { server: "certified" }, `UserKnownHostsFile ${file}`);
    },
    expected: { server: "certified", hostKey: "certified-host" },
  },
  {
    title: "a host certificate whose authority alone is known",
    config: (at) => {
      const file = at.write("kh-authority", `@cert-authority * ${at.publicKey("host-ca")}\n`);
      return block(at, { server: "certified" }, `UserKnownHostsFile ${file}`);
    },
    expected: { server: "certified", hostKey: "certified-host" },
    differs: {
      row: "Certificates of hosts",
      expected: "refused",
      says: /@cert-authority in .*SSH_HOST_KEY_UNKNOWN/,
    },
  },
  {
    title: "a host certificate of an authority that is not known",
    config: (at) =>
      block(
        at,
        { server: "certified" },
        `UserKnownHostsFile ${at.write("kh-no-authority", `@cert-authority * ${at.publicKey("stranger")}\n`)}`,
      ),
    expected: "refused",
  },
  {
    title: "a host that knows itself by another name than this machine's",
    config: (at) => block(at, { alias: hostname() }, `UserKnownHostsFile ${knownHosts(at)}`),
    host: hostname(),
    expected: {},
  },
];
