import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AuthContext, KeyboardAuthContext } from "ssh2";
import type { SshTarget } from "../../provider/ssh";
import { rejectionOf } from "../support/within-bounds";
import { InProcessServer } from "./support/in-process-server";
import { own } from "./support/lock-files";
import { openHelper } from "../support/open-helper";
import { Bench, waitUntil, type Sshd } from "../support/sshd";

const PASSWORD = "correct horse";

/** A real sshd with PAM, whose root has a password of the tests' own in a shadow file of their own. */
describe("logins that take several methods", () => {
  const bench = new Bench();
  const { workspace, clientKey } = bench;
  const second = workspace.generateKey("second", "-t", "rsa", "-b", "2048");
  const stranger = workspace.generateKey("stranger");
  const agentSocketPath = join(workspace.path, "agent.sock");
  const pam = workspace.write(
    "pam",
    ["auth required pam_unix.so", "account required pam_unix.so", "password required pam_unix.so"]
      .map((line) => `${line}\n`)
      .join(""),
  );
  const hash = execFileSync("openssl", ["passwd", "-6", PASSWORD], { encoding: "utf8" }).trim();
  let agent: ChildProcess;

  beforeAll(async () => {
    agent = spawn("ssh-agent", ["-D", "-a", agentSocketPath], { stdio: "ignore" });
    await waitUntil("the agent listens", () => existsSync(agentSocketPath));
    const options = { env: { ...process.env, SSH_AUTH_SOCK: agentSocketPath }, stdio: "ignore" as const };
    for (const key of [stranger, clientKey, second]) execFileSync("ssh-add", [key], options);
  });
  afterAll(async () => {
    agent.kill();
    await bench.tearDown();
  });

  /** @param lastChange days from 1970 of the password's last change; 0: to be changed at the next login */
  const startSshd = async (methods: string, lastChange = 20_000): Promise<Sshd> => {
    const shadow = workspace.write(`shadow.${lastChange}`, `root:${hash}:${lastChange}:0:99999:7:::\n`);
    return bench.startSshd({
      authorizedKeys: [clientKey, second],
      inPlaceOf: [
        ["/etc/shadow", shadow],
        ["/etc/pam.d/sshd", pam],
      ],
      config: [
        "UsePAM yes",
        "PasswordAuthentication yes",
        "KbdInteractiveAuthentication yes",
        `AuthenticationMethods ${methods}`,
      ],
    });
  };
  const { hostKey } = bench.login;
  const read = (path: string): string => readFileSync(path, "utf8");
  const given: Readonly<Record<string, Partial<SshTarget>>> = {
    "an argument and an agent": { privateKey: read(clientKey), agentSocketPath },
    "an agent": { agentSocketPath },
    files: { identityFiles: [stranger, clientKey, second] },
    "files, of which the agent has some": { identityFiles: [second, clientKey], agentSocketPath },
  };

  describe.each([
    "publickey",
    "password",
    "keyboard-interactive",
    "publickey,password",
    "password,publickey",
    "publickey,keyboard-interactive",
    "keyboard-interactive,publickey",
    "publickey,publickey",
    "password,keyboard-interactive",
    "keyboard-interactive,password",
    "keyboard-interactive:pam,password,publickey",
    "publickey,password,publickey",
    "password,publickey,publickey",
    "publickey,publickey,password,keyboard-interactive",
    "password,password publickey,keyboard-interactive,publickey",
  ])("in the order %s", (methods) => {
    let sshd: Sshd;
    beforeAll(async () => {
      sshd = await startSshd(methods);
    });

    it.each(Object.keys(given))("are let in with a password and keys of %s", async (source) => {
      const target = sshd.target({ ...given[source], hostKey: hostKey ?? "", password: PASSWORD });
      const connection = await bench.pool().acquire(target);
      expect(connection.isOpen).toBe(true);
    });
  });

  it("say what was accepted and what is missing, where it is", async () => {
    const sshd = await startSshd("password,publickey");
    const target = sshd.target({ hostKey: hostKey ?? "", password: PASSWORD });
    const error = String(await rejectionOf(bench.pool().acquire(target)));
    expect(error).toContain("SSH_AUTH_REFUSED");
    expect(error).toContain("Offered: password; (accepted so far, but the server wants one more method)");
    expect(error).toContain("The server accepts: publickey");
  });

  it("say what is asked if a key is not enough without password", async () => {
    const sshd = await startSshd("publickey,keyboard-interactive");
    const target = sshd.target({ hostKey: hostKey ?? "", privateKey: read(clientKey) });
    const error = String(await rejectionOf(bench.pool().acquire(target)));
    expect(error).toContain("SSH_AUTH_REFUSED");
    expect(error).toContain('it asks "Password:", and no password was given');
  });

  it("end at once where the password has to be changed", async () => {
    const sshd = await startSshd("keyboard-interactive", 0);
    const target = sshd.target({ hostKey: hostKey ?? "", password: PASSWORD });
    const startedAt = Date.now();
    const error = await rejectionOf(bench.pool().acquire(target));
    expect(error).toMatchObject({ code: "SSH_PASSWORD_EXPIRED" });
    expect(String(error)).not.toContain(PASSWORD);
    expect(Date.now() - startedAt).toBeLessThan(20_000);
  });

  it.each<[string, Partial<SshTarget>]>([
    ["password", { password: PASSWORD }],
    ["publickey", { privateKey: read(clientKey) }],
  ])("by the method %s say so if the password has to be changed", async (methods, login) => {
    const sshd = await startSshd(methods, 0);
    const target = sshd.target({ hostKey: hostKey ?? "", ...login });
    const expired = { code: "SSH_PASSWORD_EXPIRED" };
    const connection = await bench.pool().acquire(target);
    await expect(openHelper(connection).lock([own("a")])).rejects.toMatchObject(expired);
    expect(await connection.closed).toMatchObject(expired);
    const another = await bench.pool().acquire(target);
    const { stdio } = await another.exec("virt-ssh-helper");
    stdio.on("error", () => undefined).resume();
    expect(await another.closed).toMatchObject(expired);
    await expect(another.exec("virt-ssh-helper")).rejects.toMatchObject(expired);
    const { password = "" } = login;
    if (password !== "") expect(String(await another.closed)).not.toContain(password);
  });
});

/** What other servers ask; the words are those of the modules named. */
describe("a password", () => {
  let server: InProcessServer | undefined;
  afterEach(() => server?.close());

  interface Question {
    readonly instruction?: string;
    readonly prompts: readonly { readonly prompt: string; readonly echo: boolean }[];
  }
  /** Logs in where keyboard-interactive asks these one after another; what was told, and what came of it. */
  const answerTo = async (...questions: readonly Question[]) => {
    const told: string[][] = [];
    server = await InProcessServer.listen({
      onLogin: (context) => {
        if (context.method !== "keyboard-interactive") return context.reject(["keyboard-interactive"]);
        ask(context, questions, told);
      },
    });
    const login = server.pool().acquire(server.target());
    const error = await login.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return { told, error };
  };
  const hidden = (prompt: string) => ({ prompts: [{ prompt, echo: false }] });

  it("is told to its prompt, after words and before unanswered questions", async () => {
    const { told, error } = await answerTo(
      { instruction: "Authorised users only", prompts: [] },
      hidden("Password: "),
      { prompts: [] },
    );
    expect(error).toBeUndefined();
    expect(told).toEqual([[], ["correct horse"], []]);
  });

  it("is told to each module of a stack that asks for it", async () => {
    const { told, error } = await answerTo(hidden("Password: "), hidden("LDAP Password: "));
    expect(error).toBeUndefined();
    expect(told).toEqual([["correct horse"], ["correct horse"]]);
  });

  it("is told to three prompts of a login at most, of any method", async () => {
    let told = 0;
    server = await InProcessServer.listen({
      onLogin: (context) => {
        if (context.method !== "keyboard-interactive") return context.reject(["keyboard-interactive"]);
        context.prompt([{ prompt: "Password: ", echo: false }], "", "", () => {
          told += 1;
          context.reject(["keyboard-interactive"], true);
        });
      },
    });
    const error = await rejectionOf(server.pool().acquire(server.target()));
    expect(error).toMatchObject({ code: "SSH_AUTH_REFUSED" });
    expect(String(error)).toContain("it was told already");
    expect(told).toBe(3);
  });

  it.each<[string, Question]>([
    ["a verification code (google-authenticator)", hidden("Verification code: ")],
    ["a password with a code behind it (google-authenticator)", hidden("Password & verification code: ")],
    ["a one-time password (pam_oath)", hidden("One-time password (OATH) for `operator': ")],
    ["a passcode (Duo)", { prompts: [{ prompt: "Passcode or option (1-3): ", echo: true }] }],
    ["a passcode (RSA SecurID)", hidden("Enter PASSCODE: ")],
    ["a password that it shows", { prompts: [{ prompt: "Password: ", echo: true }] }],
    [
      "a password and a code at once (sssd)",
      {
        prompts: [
          { prompt: "Password: ", echo: false },
          { prompt: "Second Factor (optional): ", echo: false },
        ],
      },
    ],
  ])("is not told to who asks for %s, and the error quotes the question", async (_what, question) => {
    const { told, error } = await answerTo(question);
    expect(told).toEqual([]);
    expect(error).toMatchObject({ code: "SSH_AUTH_REFUSED" });
    expect(String(error)).toContain(question.prompts[0]?.prompt.trim());
  });

  it("is told, and nothing after it to who then asks for a code", async () => {
    const { told, error } = await answerTo(hidden("Password: "), hidden("Verification code: "));
    expect(told).toEqual([["correct horse"]]);
    expect(String(error)).toContain('it asks "Verification code:"');
  });

  it.each(["Current password: ", "(current) UNIX password: ", "New password: ", "Nouveau mot de passe : "])(
    "that has to be changed is not told to %j",
    async (prompt) => {
      const { told, error } = await answerTo(hidden("Password: "), hidden(prompt));
      expect(told).toEqual([["correct horse"]]);
      expect(error).toMatchObject({ code: "SSH_PASSWORD_EXPIRED" });
    },
  );

  it("that has to be changed by the method password ends the login at once", async () => {
    server = await InProcessServer.listen({
      onLogin: (context: AuthContext) => {
        if (context.method !== "password") return context.reject(["password"]);
        context.requestChange("Your password has expired.", () => undefined);
      },
    });
    const error = await rejectionOf(server.pool().acquire(server.target()));
    expect(error).toMatchObject({ code: "SSH_PASSWORD_EXPIRED" });
    expect(String(error)).toContain('"Your password has expired."');
  });
});

function ask(
  context: KeyboardAuthContext,
  questions: readonly { readonly instruction?: string; readonly prompts: readonly object[] }[],
  told: string[][],
): void {
  const [question, ...rest] = questions;
  if (question === undefined) return context.accept();
  const { prompts, instruction = "" } = question;
  context.prompt(prompts as { prompt: string; echo: boolean }[], "", instruction, (answers) => {
    told.push(answers);
    ask(context, rest, told);
  });
}
