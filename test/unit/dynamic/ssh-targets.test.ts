import { sshTargetOf } from "../../../provider/dynamic/ssh-target";

describe("the connection arguments", () => {
  const agent = process.env["SSH_AUTH_SOCK"];
  afterEach(() => {
    if (agent === undefined) delete process.env["SSH_AUTH_SOCK"];
    else process.env["SSH_AUTH_SOCK"] = agent;
  });

  it("have the defaults of @pulumi/command, and the agent of the environment", () => {
    process.env["SSH_AUTH_SOCK"] = "/run/agent";
    expect(sshTargetOf({ host: "hv1" })).toEqual({
      host: "hv1",
      port: 22,
      user: "root",
      dialErrorLimit: 10,
      perDialTimeoutSeconds: 15,
      strictHostKeyChecking: "yes",
      agentSocketPath: "/run/agent",
    });
  });

  it("go without an agent where there is none", () => {
    delete process.env["SSH_AUTH_SOCK"];
    expect(sshTargetOf({ host: "hv1" })).not.toHaveProperty("agentSocketPath");
    process.env["SSH_AUTH_SOCK"] = "";
    expect(sshTargetOf({ host: "hv1" })).not.toHaveProperty("agentSocketPath");
  });

  it("are taken as they are where they are given, zero and -1 included, behind every jump host", () => {
    const given = {
      host: "hv1",
      port: 2222,
      user: "operator",
      password: "p",
      privateKey: "k",
      privateKeyPassword: "kp",
      agentSocketPath: "/own",
      dialErrorLimit: -1,
      perDialTimeout: 0,
      hostKey: "SHA256:x",
      knownHostsFile: "/kh",
      strictHostKeyChecking: "no" as const,
    };
    const { perDialTimeout, ...rest } = given;
    const expected = { ...rest, perDialTimeoutSeconds: perDialTimeout };
    const nested = { ...given, proxy: { ...given, host: "j1", proxy: { ...given, host: "j2" } } };
    expect(sshTargetOf(nested)).toEqual({
      ...expected,
      proxy: { ...expected, host: "j1", proxy: { ...expected, host: "j2" } },
    });
  });
});
