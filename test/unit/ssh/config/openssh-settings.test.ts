import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { findExpandedPath } from "../../../../provider/ssh/config/expand-path";
import { findOpensshSettings } from "../../../../provider/ssh/config/openssh-settings";
import { findJumps } from "../../../../provider/ssh/config/proxy-jump";

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
    expect(findOpensshSettings(recording, "hv1", local)).toEqual({
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
    });
  });

  it("names no identity file, agent, known_hosts file or proxy where it says none", () => {
    const said = ["identityfile none", "identityagent none", "proxyjump none", "proxycommand none"];
    expect(settingsOf(...said, "userknownhostsfile none")).toEqual({
      hostName: "hv1",
      port: 22,
      user: "root",
      identityFiles: [],
      hasIdentitiesOnly: false,
      identityAgent: "none",
      userKnownHostsFiles: ["none"],
      jumps: [],
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
  const tokens = { ...local, hostAlias: "hv1", hostName: "hv1.example.com", port: 2222, user: "operator" };
  it.each([
    ["~/.ssh/id_%n", "/root/.ssh/id_hv1"],
    ["%d/%h/%p/%r/%u/%i/%l/%L/%%", "/root/hv1.example.com/2222/operator/root/0/desk.example.com/desk/%"],
    ["${KEYS}/id", "/srv/keys/id"],
    ["${UNSET}/id", undefined],
    ["/srv/%C", undefined],
    ["/srv/100%", undefined],
    ["~other/id", undefined],
  ])("%s is %s", (written, path) => {
    expect(findExpandedPath(written, tokens)).toBe(path);
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
