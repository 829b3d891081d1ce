import { execFileSync } from "node:child_process";
import { HOST_FOLDERS } from "../../../../../provider/hypervisor/plain-qemu";
import {
  HOST_PROGRAM_VERSIONS,
  HOST_PROGRAM_WORD,
  hostProgram,
  installedHostProgram,
} from "../../../../../provider/hypervisor/plain-qemu/program/host-program";

test("the host program is valid bash, as sent and as installed", () => {
  for (const input of [hostProgram(), installedHostProgram()]) execFileSync("bash", ["-n"], { input });
  expect(installedHostProgram()).toMatch(/^#!\/bin\/bash -p\n/);
});

test("as sent and as installed it is the same, but for the list", () => {
  const [sent, installed] = [hostProgram(), installedHostProgram()].map((text) => text.split("\n"));
  expect(installed!.slice(1).filter((line, at) => line !== sent![at])).toEqual([
    "permissions='/etc/multifunction-pci-host.conf'",
  ]);
  expect(sent).toContain("permissions=''");
});

test("the host program has the folders given to it, its word and its versions", () => {
  const given = { ...HOST_FOLDERS, ledger: "/run/other ledger", udevRules: ["/rules/a", "/rules/it's"] };
  const { newest, oldest } = HOST_PROGRAM_VERSIONS;
  expect(hostProgram(given).split("\n")).toEqual(
    expect.arrayContaining([
      "sys='/sys'",
      "proc='/proc'",
      "vfio='/dev/vfio'",
      "ledger='/run/other ledger'",
      "machine_id='/etc/machine-id'",
      "udev_rules=('/rules/a' '/rules/it'\\''s')",
      "passwd='/etc/passwd'",
      "group_file='/etc/group'",
      `ready_word='${HOST_PROGRAM_WORD}'`,
      `versions='${newest} ${oldest}'`,
      `program_version='${newest}'`,
      `oldest_version='${oldest}'`,
    ]),
  );
});

test("what it has of other languages keeps its indentation", () => {
  expect(hostProgram()).toMatch(/\n +for one in select\.select/);
});
