import { describeHostSetup, hostListLines, providerError } from "../../../provider/errors";
import { HOST_FOLDERS } from "../../../provider/hypervisor/plain-qemu/program/host-folders";
import { readText } from "../../support/documents/markdown";
import { HOST_PROGRAM_PATH } from "../../../provider/hypervisor/plain-qemu/program/host-program";

const needs = { socket: "/run/vm.qmp", devices: ["0000:01:00", "0000:02:00.0"], account: "ci" };

test("the list has the socket, each device, and what the account may do", () => {
  expect(hostListLines(needs)).toEqual([
    "socket /run/vm.qmp",
    "device 0000:01:00",
    "device 0000:02:00.0",
    "change ci",
  ]);
  expect(hostListLines({ ...needs, onlyLooks: true }).at(-1)).toBe("look ci");
  expect(hostListLines({ ...needs, account: "" }).at(-1)).toBe("device 0000:02:00.0");
});

test("an error's cure has the commands that the set-up has too", () => {
  const { message } = providerError("HOST_RULES_MISSING", {
    target: "ci@hv1:22",
    reason: "x",
    lines: hostListLines(needs),
  });
  const [, , , install = "", list = ""] = describeHostSetup("hv1", needs);
  for (const command of [install, list]) expect(message).toContain(command.trim());
  expect(install).toContain(`-m 755 multifunction-pci-host ${HOST_PROGRAM_PATH}`);
  expect(list).toContain(
    `'change ci' >> ${HOST_FOLDERS.permissions} && chmod 644 ${HOST_FOLDERS.permissions}`,
  );
});

test("sudo is given one program without arguments, and an environment of its own", () => {
  const setUp = describeHostSetup("hv1", { ...needs, account: "DOMAIN\\ci" }).join("\n");
  expect(setUp).toContain("'Defaults:DOMAIN\\\\ci env_reset, secure_path=");
  expect(setUp).toContain(`'DOMAIN\\\\ci ALL=(root) NOPASSWD: ${HOST_PROGRAM_PATH} ""'`);
});

test("docs/security.md has the same steps", () => {
  const shown = { socket: "/run/qemu/vm100.qmp", devices: ["0000:01:00"], account: "pulumi-pci" };
  const steps = describeHostSetup("HOST", shown).filter((line) => line.startsWith("  "));
  expect(steps.length).toBeGreaterThan(3);
  const [, block] = /^```sh\n(scp .*?)^```/ms.exec(readText("docs/security.md")) ?? [];
  const lines = block?.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  expect(lines).toEqual(steps.map((line) => line.trim()));
});
