import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { findOpensshSettings } from "../../../../provider/ssh/config/openssh-settings";
import { findJumps } from "../../../../provider/ssh/config/proxy-jump";
import { expandPath, splitCommand } from "../../../../provider/ssh/config/tokens";

const recording = readFileSync(join(__dirname, "fixtures", "ssh-g-openssh-9.2.txt"), "utf8");
const local = {
  home: "/root",
  localUser: "root",
  localUserId: 0,
  localHostName: "desk.example.com",
  environment: { SSH_AUTH_SOCK: "/run/agent", KEYS: "/srv/keys" },
};
const settingsOf = (...lines: readonly string[]) =>
  findOpensshSettings(["hostname hv1", "user root", "port 22", ...lines].join("\n"), "hv1", local);

describe("what ssh -G prints", () => {
  it("is read from a recording, with what it leaves as it is written replaced", () => {
    expect(findOpensshSettings(recording, "hv1", local)).toMatchObject({
      hostName: "hv1.example.com",
      port: 2222,
      user: "operator",
      identityFiles: ["/root/.ssh/id_hv1_operator", "/srv/my keys/id"],
      hasIdentitiesOnly: true,
      identityAgent: "/root/.agent-operator",
      userKnownHostsFiles: ["/root/.ssh/kh_hv1.example.com", "/srv/known hosts"],
      hostKeyAlias: "hv1-alias",
      jumps: [
        { host: "j1", port: 2200, user: "a" },
        { host: "j2", port: 44, user: "b" },
      ],
      unfollowed: [
        { keyword: "IdentityFile", reason: expect.stringContaining("${NOT_SET} is not set") as string },
      ],
    });
  });

  it("names no identity file, agent, known_hosts file or proxy where it says none", () => {
    const said = ["identityfile none", "identityagent none", "proxyjump none", "proxycommand none"];
    expect(settingsOf(...said, "userknownhostsfile none")).toStrictEqual({
      hostName: "hv1",
      port: 22,
      user: "root",
      identityFiles: [],
      hasIdentitiesOnly: false,
      identityAgent: "none",
      userKnownHostsFiles: ["none"],
      jumps: [],
      certificateFiles: [],
      areKeysOffered: true,
      hostKeyRules: {},
      route: {},
      unfollowed: [],
    });
  });

  it.each([
    ["SSH_AUTH_SOCK", "/run/agent"],
    ["$SSH_AUTH_SOCK", "/run/agent"],
    ["$UNSET", undefined],
    ["~/agent", "/root/agent"],
  ])("finds the agent named as %s", (written, path) => {
    expect(settingsOf(`identityagent ${written}`)?.identityAgent).toBe(path);
  });

  it("is no answer without host name, user and port", () => {
    for (const text of ["", "hostname hv1\nuser root", "hostname hv1\nuser root\nport 0", "junk"])
      expect(findOpensshSettings(text, "hv1", local)).toBeUndefined();
  });

  it("never throws, whatever it is", () => {
    fc.assert(
      fc.property(fc.string(), (junk) =>
        expect(() => settingsOf(junk, `identityfile ${junk}`)).not.toThrow(),
      ),
    );
  });
});

describe("a path with tokens", () => {
  const tokens = { h: "hv1.example.com", n: "hv1", p: "2222", d: "/root" };
  it.each([
    ["~/.ssh/id_%n", "/root/.ssh/id_hv1"],
    ["~", "/root/"],
    ["/a~/b", "/a~/b"],
    ["%d/%h/%p/%%/%%h", "/root/hv1.example.com/2222/%/%h"],
    ["${KEYS}/id$HOME", "/srv/keys/id$HOME"],
    ["${PERCENT}/id", "%n/id"],
  ])("%s is %s", (written, text) => {
    const environment = { KEYS: "/srv/keys", PERCENT: "%n" };
    expect(expandPath(written, "/root", tokens, environment)).toEqual({ text });
  });

  it.each([
    ["${UNSET}/id", "${UNSET} is not set"],
    ["${UNCLOSED", "${UNCLOSED is not set"],
    ["${}", "${} is not set"],
    ["/srv/%C", "%C stands for nothing"],
    ["/srv/%constructor", "%c stands for nothing"],
    ["/srv/100%", "% stands for nothing"],
    ["~other/id", "~other is another user's home"],
  ])("%s is a problem, not another path", (written, problem) => {
    const expansion = expandPath(written, "/root", tokens, { KEYS: "/srv/keys" });
    expect(expansion).toEqual({ problem: expect.stringContaining(problem) as string });
  });
});

describe("what ssh -G leaves as it is written", () => {
  it("is replaced by option, with the hash that this ssh makes of the connection", () => {
    const hash = "5299dff204efc288b7cff32d33b65b5a6bd04f4d";
    const settings = settingsOf(
      `controlpath ${hash}`,
      "hostkeyalias rack",
      "identityfile /k/%C/%k/%j",
      "certificatefile ~/%u-cert.pub",
      "revokedhostkeys ~/revoked %h",
      "globalknownhostsfile ~/as/it/is /etc/%h",
      "proxyjump a,%r@jump-%h:22",
    );
    expect(settings).toMatchObject({
      identityFiles: [`/k/${hash}/rack/jump-%h`],
      certificateFiles: ["/root/root-cert.pub"],
      hostKeyRules: {
        revokedHostKeys: ["/root/revoked hv1"],
        globalKnownHostsFiles: ["~/as/it/is", "/etc/%h"],
      },
      jumps: [{ host: "a" }, { user: "root", host: "jump-hv1", port: 22 }],
      unfollowed: [],
    });
  });

  it.each([
    ["identityfile /k/%Z", "IdentityFile", "%Z"],
    ["certificatefile ${UNSET}", "CertificateFile", "UNSET"],
    ["identityagent /a/%Z", "IdentityAgent", "%Z"],
    ["revokedhostkeys /r/%Z", "RevokedHostKeys", "%Z"],
    ["knownhostscommand /bin/x %Z", "KnownHostsCommand", "%Z"],
    ["knownhostscommand bin/x", "KnownHostsCommand", "absolute"],
    ['knownhostscommand /bin/x "a', "KnownHostsCommand", "quote"],
    ["proxycommand nc %l", "ProxyCommand", "%l"],
    ["proxycommand -", "ProxyCommand", "standard input"],
    ["proxyjump %C@jump", "ProxyJump", "%C"],
  ])("and cannot be replaced is named: %s", (line, keyword, reason) => {
    expect(settingsOf(line)?.unfollowed).toEqual([
      { keyword, reason: expect.stringContaining(reason) as string },
    ]);
  });

  it("names ProxyUseFdpass, and only beside a ProxyCommand", () => {
    expect(settingsOf("proxyusefdpass yes")?.unfollowed).toEqual([]);
    expect(settingsOf("proxyusefdpass yes", "proxycommand nc %h %p")).toMatchObject({
      route: {},
      unfollowed: [{ reason: expect.stringContaining("ProxyUseFdpass") as string }],
    });
  });
});

describe("a command without a shell", () => {
  it.each([
    ["/bin/x %H", ["/bin/x", "%H"]],
    [`/bin/x  "a b"\t'c "d"'`, ["/bin/x", "a b", 'c "d"']],
    ['/bin/a\\ b \\"x \\n', ["/bin/a b", '"x', "\\n"]],
    ['/bin/x "" e', ["/bin/x", "", "e"]],
    ["/bin/x 'open", undefined],
    ["  ", []],
  ])("%s is %j", (command, argv) => {
    expect(splitCommand(command)).toEqual(argv);
  });
});

describe("ProxyJump", () => {
  it.each([
    ["none", []],
    ["", []],
    ["jump", [{ host: "jump" }]],
    ["me@jump:2222", [{ host: "jump", port: 2222, user: "me" }]],
    ["me@corp@jump", [{ host: "jump", user: "me@corp" }]],
    ["ssh://me@jump:22/", [{ host: "jump", port: 22, user: "me" }]],
    ["[fe80::1]:22, second", [{ host: "fe80::1", port: 22 }, { host: "second" }]],
    ["jump:0", undefined],
    ["jump:65536", undefined],
    ["a,,b", undefined],
    ["me@", undefined],
  ])("%s is %j", (written, jumps) => {
    expect(findJumps(written)).toEqual(jumps);
  });
});
