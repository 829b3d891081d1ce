import { execFileSync, spawnSync } from "node:child_process";
import { bashCommand, bashProgram } from "../../../../provider/host/shell/bash-program";

const parts = {
  script:
    '# what it is\n\nfirst=\nlist=()\n\n. part.sh\n  # indented\nprintf "%s," "$first" "${list[@]}"\ntell\n',
  sourced: { "part.sh": '# a part\ntell() {\n  echo "as it is: $& $1 \\n"\n}\n' },
  values: { first: 7, list: ["a b", "it's"] },
};

describe("a bash program", () => {
  it("has its values and its parts, and no comments", () => {
    expect(bashProgram(parts)).toBe(
      "first='7'\nlist=('a b' 'it'\\''s')\n" +
        'tell() {\n  echo "as it is: $& $1 \\n"\n}\n' +
        'printf "%s," "$first" "${list[@]}"\ntell\n',
    );
  });

  it.each(["$(reboot)", "a'b", "`id`", "\\", '"', "$&", "$'x'", "two\nlines"])(
    "takes %j as it is",
    (value) => {
      const program = bashProgram({
        script: '\nvalue=\nprintf "%s" "$value"\n',
        sourced: {},
        values: { value },
      });
      expect(execFileSync("bash", ["-c", program], { encoding: "utf8" })).toBe(value);
    },
  );

  it.each([
    ["sources what is not given", { ...parts, sourced: {} }, "there is no part.sh to source"],
    ["has no place for a value", { ...parts, values: { second: 1 } }, "does not have second= once"],
    ["has two places for a value", { ...parts, script: "\nfirst=\n\nfirst=\n" }, "does not have first= once"],
    ["has a list where a text is given", { ...parts, values: { list: "a" } }, "does not have list= once"],
  ])("that %s is refused", (_what, wrong, message) => {
    expect(() => bashProgram(wrong)).toThrow(message);
  });
});

describe("the command that starts it", () => {
  const run = (command: string, input: string) =>
    spawnSync("sh", ["-c", command], { input, encoding: "utf8" });

  it("leaves what follows the program to the program", () => {
    const program = 'read -r line\necho "got $line"\n';
    expect(run(bashCommand(program), `${program}a request\n`).stdout).toBe("got a request\n");
  });

  it("does not run a program that was cut off", () => {
    const program = "echo one\necho two\n";
    expect(run(bashCommand(program), "echo one\n")).toMatchObject({ stdout: "", status: 1 });
  });

  it("marks the program as started by it, if asked to", () => {
    const program = 'echo "${mark:-none}"\n';
    expect(run(bashCommand(program, "mark"), program).stdout).toBe("loaded\n");
    expect(run(bashCommand(program), program).stdout).toBe("none\n");
  });
});
