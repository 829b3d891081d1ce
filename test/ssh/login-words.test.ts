import type { ProviderError } from "../../provider/errors";
import type { SshConnection } from "../../provider/ssh";
import { openHelper } from "../support/open-helper";
import { Bench } from "../support/sshd";
import { rejectionOf } from "../support/within-bounds";
import { InProcessServer } from "./support/in-process-server";

jest.setTimeout(60_000);

describe("an account that runs no command", () => {
  const bench = new Bench();
  afterAll(() => bench.tearDown());

  const connect = async (...config: readonly string[]): Promise<SshConnection> => {
    const sshd = await bench.startSshd({ config });
    return bench.pool().acquire(sshd.target(bench.login));
  };
  const withBashrc = async (text: string): Promise<SshConnection> => {
    const file = bench.workspace.write(`bashrc-${text.length}`, text);
    const sshd = await bench.startSshd({ inPlaceOf: [["/root/.bashrc", file]] });
    return bench.pool().acquire(sshd.target(bench.login));
  };
  const refusalOf = async (connection: SshConnection, seconds = 20): Promise<ProviderError> =>
    (await rejectionOf(
      openHelper(connection).lock(["group-5"], AbortSignal.timeout(seconds * 1000)),
    )) as ProviderError;

  it.each([
    ["nologin", "/usr/sbin/nologin", "This account is currently not available."],
    ["a forced command", "sh -c 'echo Backups only; exit 3'", "exit code 3: Backups only"],
    ["one that complains", "sh -c 'echo go away >&2; exit 1'", "go away"],
    ["a menu", `sh -c 'echo "1) status"; echo "2) quit"; read -r choice; exit 1'`, "1) status 2) quit"],
    ["an end without a word", "false", "it ended with exit code 1"],
  ])("because of %s is told with the first words it printed", async (_what, command, words) => {
    const error = await refusalOf(await connect(`ForceCommand ${command}`));
    expect(error.code).toBe("SSH_HELPER_FAILED");
    expect(error.message).toContain(words);
  });

  it.each([
    ["waits", "echo Choose a colour:; sleep 100", "Choose a colour:"],
    ["loops", "for n in {1..200}; do sleep 0.2; done", ""],
  ])("because its .bashrc %s is told as a login that does not end", async (_what, script, words) => {
    const error = await refusalOf(await withBashrc(`${script}\n`), 3);
    expect(error.code).toBe("SSH_LOGIN_UNFINISHED");
    expect(error.message).toContain("does not end");
    expect(error.message).toContain(words);
    expect(error.message).not.toContain("Another operation");
    expect(error.cure).toContain(".bashrc");
  });

  it("does not end for a survey, and for a menu that asks forever", async () => {
    const connection = await connect(`ForceCommand sh -c 'echo Menu; sleep 60'`);
    const error = (await rejectionOf(
      openHelper(connection).readFacts(AbortSignal.timeout(2000)),
    )) as ProviderError;
    expect(error.code).toBe("SSH_LOGIN_UNFINISHED");
    expect(error.message).toContain("had printed: Menu");
  });

  it("is left as it is by whoever is interrupted meanwhile", async () => {
    const connection = await connect(`ForceCommand sleep 60`);
    const stop = new AbortController();
    const reading = rejectionOf(openHelper(connection).readFacts(stop.signal));
    const interrupted = new Error("interrupted");
    stop.abort(interrupted);
    expect(await reading).toBe(interrupted);
  });

  it("through a server that is no sshd names that server", async () => {
    const server = await InProcessServer.listen({
      config: { ident: "Go" },
      onExec: (channel) => {
        // what helper.sh says without an sshd among its ancestors
        channel.write("\nfail start cannot find the sshd process that serves this connection\n");
      },
    });
    const error = await refusalOf(await server.pool().acquire(server.target()));
    expect(error.code).toBe("SSH_SERVER_UNSUPPORTED");
    expect(error.message).toContain("(Go) is not served");
    expect(error.cure).toContain("Use the host's sshd");
    await server.close();
  });
});

describe("a banner before the login", () => {
  const bench = new Bench();
  afterAll(() => bench.tearDown());
  const withBanner = async (bytes: number): Promise<SshConnection> => {
    const line = "All that is done here is written down.\n";
    const file = bench.workspace.write(`banner-${bytes}`, line.repeat(bytes / line.length));
    const sshd = await bench.startSshd({ config: [`Banner ${file}`] });
    return bench.pool().acquire(sshd.target(bench.login));
  };

  it("of thirty kilobytes is read, and not shown", async () => {
    expect((await withBanner(30_000)).isOpen).toBe(true);
  });

  it("of a hundred kilobytes is named in the refusal", async () => {
    const error = (await rejectionOf(withBanner(100_000))) as ProviderError;
    expect(error.code).toBe("SSH_HANDSHAKE_FAILED");
    expect(error.cure).toContain("Banner none");
  });
});

describe("sessions of a connection", () => {
  const bench = new Bench();
  afterAll(() => bench.tearDown());

  it.each([1, 0])("are used up at MaxSessions %d, which the refusal names", async (sessions) => {
    const sshd = await bench.startSshd({ config: [`MaxSessions ${sessions}`] });
    const connection = await bench.pool().acquire(sshd.target(bench.login));
    if (sessions === 1) await connection.exec("sleep 60");
    const error = (await rejectionOf(connection.exec("true"))) as ProviderError;
    expect(error.code).toBe("SSH_CHANNEL_REFUSED");
    expect(error.cure).toContain("MaxSessions");
    expect(error.message).not.toMatch(/forwarding|listens/);
  });

  it("are no matter of channels to sockets", async () => {
    const sshd = await bench.startSshd({ config: ["MaxSessions 1"] });
    const connection = await bench.pool().acquire(sshd.target(bench.login));
    const error = (await rejectionOf(connection.openUnixSocket("/run/nobody.sock"))) as ProviderError;
    expect(error.message).toContain("nobody listens there");
    expect(error.message).not.toContain("MaxSessions");
  });

  it("in which no command runs are told as such", async () => {
    const server = await InProcessServer.listen({});
    const connection = await server.pool().acquire(server.target());
    const error = (await rejectionOf(connection.exec("true"))) as ProviderError;
    expect(error.message).toContain("runs no command");
    expect(error.cure).toContain("shell");
    await server.close();
  });
});
