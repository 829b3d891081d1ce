import fc from "fast-check";
import { composeReport, type ProgramArguments } from "../../../provider/inspect";
import { anyText } from "../../support/any-text";
import { nothingUsed } from "../../support/host-facts";
import { compile } from "../../support/documents/compile";
import { card, input, port, upInterface, OBEYED_BY_TERMINALS } from "../../support/inspection-inputs";

/** Devices of every kind of answer. */
const devices = [
  ...card("0000:01:00", { from: 7 }),
  ...card("0000:02:00", { shared: 20 }),
  port("0000:03:00.0", { iommuGroup: 21 }),
  port("0000:04:00.0", { iommuGroup: 21 }),
  port("0000:05:00.0", { iommuGroup: 22 }),
];
const facts = {
  ...nothingUsed,
  interfaces: [upInterface("eth0", "0000:01:00.0"), upInterface("eth1", "0000:05:00.0", "192.0.2.1")],
  sshInterfaces: ["eth0"],
};

function programFor(programArguments: ProgramArguments): string {
  const { prologue, devices: found } = composeReport(input(devices, { facts, arguments: programArguments }));
  return [...prologue, ...found.flatMap((one) => one.attach.program)].join("\n");
}

test("the lines of program compile, and would not with a misspelt argument", () => {
  const simple = programFor({ connection: { host: "hv1" }, credentials: [] });
  const full = programFor({
    connection: {
      host: "hv1.example",
      port: 2222,
      user: "pulumi-pci",
      hostKey: "SHA256:0w6LpoUtRywTGubBVEMHB1wop0E5tFAhcIgs8/rlkcI",
      knownHostsFile: "/etc/known hosts",
      strictHostKeyChecking: "accept-new",
      proxy: { host: "jump", proxy: { host: "outer", port: 22 } },
    },
    guest: { qmpSocket: "/run/qemu/vm100.qmp", privilege: "sudo" },
    credentials: ["privateKey", "privateKeyPassword", "password"],
  });
  for (const words of ["functions: [1, 2, 3]", 'leftovers: "hold"', "allowInUse: true"])
    expect(simple).toContain(words);
  const messages = compile({
    "inspect-simple.ts": simple,
    "inspect-full.ts": full,
    "inspect-misspelt.ts": simple.replace("leftovers:", "leftover:"),
  });
  expect(messages["inspect-simple.ts"]).toEqual([]);
  expect(messages["inspect-full.ts"]).toEqual([]);
  expect(messages["inspect-misspelt.ts"]?.join("\n")).toContain("'leftover' does not exist");
}, 60_000);

test("a name of whatever characters is the same name in the program", () => {
  fc.assert(
    fc.property(anyText({ minLength: 1, maxLength: 40 }), (name) => {
      const program = programFor({ connection: { host: "hv1" }, credentials: [], guest: { domain: name } });
      const literal = /domain: ("(?:[^"\\]|\\.)*")/s.exec(program)?.[1] ?? "";
      expect(JSON.parse(literal)).toBe(name);
      expect(program.replaceAll("\n", "")).not.toMatch(OBEYED_BY_TERMINALS);
    }),
  );
});
