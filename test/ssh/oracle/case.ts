/** A real sshd that cases share: `main` has three host keys, on 127.0.0.1 and (`main6`) on ::1. */
export type ServerName = "main" | "main6" | "jump" | "certified";

/** Where the things are that the configuration of a case names. */
export interface Places {
  readonly folder: string;
  /** Path of a private key. */
  key(name: string): string;
  /** `ssh-ed25519 AAAA…` */
  publicKey(name: string): string;
  port(server: ServerName): number;
  /** Writes a file into the folder. Returns its path. */
  write(name: string, text: string): string;
  /** The same for a script of sh. */
  script(name: string, text: string): string;
  /** Both halves of a key under another name. Returns the path of the private half. */
  copyKey(name: string, as: string): string;
  /** A copy of a key with a certificate beside it (`as-cert.pub`), signed by the authority of users. */
  certificate(key: string, as: string, ...options: readonly string[]): string;
  /** An agent with these private keys, by their paths. Returns its socket's path. */
  agent(as: string, ...keys: readonly string[]): Promise<string>;
  keygen(...args: readonly string[]): string;
}

/** What came of a login. */
export type Outcome =
  | {
      readonly is: "in";
      readonly server: ServerName;
      readonly user: string;
      /** This machine's address, as the server sees it. */
      readonly from: string;
      /** Names of keys; `… certificate` if that is what was accepted. */
      readonly hostKey: string;
      readonly userKey: string;
    }
  | { readonly is: "refused"; readonly why: string };

/** What is expected: fields that are left out are those of {@link USUAL}. */
export type Expected = "refused" | Partial<Omit<Outcome & { readonly is: "in" }, "is">>;

/** One configuration, and what `ssh` and this provider make of it. */
export interface Case {
  readonly title: string;
  readonly config: (at: Places) => readonly string[];
  /** The host that is asked for; default: `hv`. */
  readonly host?: string;
  readonly arguments?: { readonly user?: string; readonly port?: (at: Places) => number };
  /** What `ssh` makes of it; the provider too, unless it differs. */
  readonly expected: Expected;
  /** Where the provider differs on purpose: the row of the table in docs/security.md, and its outcome. */
  readonly differs?: { readonly row: string; readonly expected: Expected; readonly says?: RegExp };
  /** What a refusal of the provider says. */
  readonly says?: RegExp;
  /** What has to be there before: agents. */
  readonly prepare?: (at: Places) => Promise<unknown>;
}

export const USUAL = {
  is: "in",
  server: "main",
  user: "root",
  from: "127.0.0.1",
  hostKey: "host-ed25519",
  userKey: "client",
} as const;

/** The line of a server in known_hosts. */
export function knownLine(at: Places, server: ServerName, key: string, host = "127.0.0.1"): string {
  return `[${host}]:${at.port(server)} ${at.publicKey(key)}\n`;
}

/** A known_hosts file with a key of each server. */
export function knownHosts(at: Places): string {
  return at.write(
    "known_hosts",
    [
      knownLine(at, "main", "host-ed25519"),
      knownLine(at, "main6", "host-ed25519", "::1"),
      knownLine(at, "jump", "jump-ed25519"),
    ].join(""),
  );
}

/** A host block for a server. The first of each keyword wins: lines that are given come before the usual. */
export function block(
  at: Places,
  { alias = "hv", server = "main" }: { readonly alias?: string; readonly server?: ServerName },
  ...lines: readonly string[]
): readonly string[] {
  return [
    `Host ${alias}`,
    ...lines,
    `HostName ${server === "main6" ? "::1" : "127.0.0.1"}`,
    `Port ${at.port(server)}`,
    `IdentityFile ${at.key("client")}`,
    `UserKnownHostsFile ${knownHosts(at)}`,
    "GlobalKnownHostsFile none",
  ];
}
