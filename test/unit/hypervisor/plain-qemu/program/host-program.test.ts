import { execFileSync } from "node:child_process";
import { HOST_FOLDERS } from "../../../../../provider/hypervisor/plain-qemu";
import {
  HOST_PROGRAM_FILE,
  HOST_PROGRAM_VERSION,
  HOST_PROGRAM_WORD,
  hostProgram,
} from "../../../../../provider/hypervisor/plain-qemu/program/host-program";

test("the host program is valid bash, as sent and as installed", () => {
  execFileSync("bash", ["-n"], { input: hostProgram() });
  expect(HOST_PROGRAM_FILE).toBe(`#!/bin/bash -p\n${hostProgram()}`);
});

test("the host program begins with the folders given to it and its greeting", () => {
  const given = { ...HOST_FOLDERS, ledger: "/run/other ledger", udevRules: ["/rules/a", "/rules/it's"] };
  const lines = hostProgram(given).split("\n").slice(0, 8);
  expect(lines).toEqual([
    "sys='/sys'",
    "proc='/proc'",
    "vfio='/dev/vfio'",
    "ledger='/run/other ledger'",
    "machine_id='/etc/machine-id'",
    "rules=('/rules/a' '/rules/it'\\''s')",
    "turn_seconds='20'",
    `greeting='${HOST_PROGRAM_WORD} ${HOST_PROGRAM_VERSION}'`,
  ]);
});
