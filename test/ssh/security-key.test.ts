import { join } from "node:path";
import { SecurityKeyAgent, type SecurityKeyType } from "./support/security-key-agent";
import { Bench } from "../support/sshd";

/** FIDO keys, which only an agent can use, against a real sshd. */
const bench = new Bench();
afterAll(() => bench.tearDown());

const types: readonly SecurityKeyType[] = [
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
];

describe.each(types)("a key of type %s in an agent", (type) => {
  let agent: SecurityKeyAgent;
  const path = join(bench.workspace.path, `${type}.sock`);
  const serve = async () => {
    const key = bench.workspace.write(type, "");
    bench.workspace.write(`${type}.pub`, `${agent.publicLine}\n`);
    return bench.startSshd({ authorizedKeys: [key] });
  };
  beforeAll(async () => {
    agent = await SecurityKeyAgent.listen(type, path);
  });
  afterAll(() => agent.close());
  const login = () => ({ hostKey: bench.login.hostKey ?? "", agentSocketPath: path });

  it("logs in, and the connection carries on", async () => {
    const sshd = await serve();
    const connection = await bench.pool().acquire(sshd.target(login()));
    expect(sshd.log).toMatch(
      new RegExp(`Accepted publickey for root .*${type.split("@")[0]?.slice(3, 6) ?? ""}`, "i"),
    );
    expect(agent.signatures).toBe(1);
    const process = await connection.exec("exit 7");
    process.stdio.resume();
    expect(await process.exited).toMatchObject({ code: 7 });
  });

  it("that is not touched is refused, and the message says what the agent did", async () => {
    const sshd = await serve();
    agent.isTouched = false;
    const error = await bench
      .pool()
      .acquire(sshd.target(login()))
      .catch((reason: unknown) => String(reason));
    expect(error).toContain("SSH_AUTH_REFUSED");
    expect(error).toContain(`publickey ${type} SHA256:`);
    expect(error).toContain(`no signature (agent at ${path}): it refused`);
  });
});
