import { execFileSync, spawnSync } from "node:child_process";
import { HOST_HELPER } from "../../../../provider/host/helper/helper-program";

describe("the helper program", () => {
  it("is valid bash, and as long in bytes as bash is told", () => {
    execFileSync("bash", ["-n"], { input: HOST_HELPER.text });
    expect(Buffer.byteLength(HOST_HELPER.text)).toBe(HOST_HELPER.text.length);
    expect(HOST_HELPER.command).toContain(`-N ${HOST_HELPER.text.length} `);
  });

  it.each(["sh", "bash", "dash", "zsh", "ksh", "fish", "tcsh"])(
    "ends %s, if that gets it as its input",
    (shell) => {
      const found = spawnSync(shell, [], { input: HOST_HELPER.text, encoding: "utf8" });
      // which of them are installed is this machine's business
      if (found.error !== undefined) return expect(found.error).toMatchObject({ code: "ENOENT" });
      expect(found.stdout).toBe("");
      return expect(found.status).not.toBe(0);
    },
  );

  it("is started by a command that every login shell reads alike", () => {
    // One pair of single quotes; inside no backslash (fish) and no exclamation mark (csh).
    expect(HOST_HELPER.command).toMatch(/^exec bash --norc --noprofile -p -c '[^'\\!\n]+'$/);
  });

  it("has no way to change anything in what it lists", () => {
    const body = /^list_devices\(\) \{\n(.*?)^\}\n/ms.exec(HOST_HELPER.text)?.[1] ?? "";
    expect(body).toContain("record");
    expect(body).not.toMatch(/[^<]>(?!\/dev\/null)[^$]|\b(tee|rm|mv|bind|unbind|modprobe)\b/);
  });
});
