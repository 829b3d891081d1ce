import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { causeText, hasCode } from "../../provider/errors";
import { parseNodeUse } from "../../provider/host/facts";
import { HOST_HELPER } from "../../provider/host/helper/helper-program";
import { plugError } from "../../provider/hypervisor/qemu";
import { at } from "../support/desired";
import { QmpError } from "../../provider/qmp";

const SCRIPT = join(__dirname, "../support/unopened-nodes/unopened-nodes.sh");
const hostAddress = at("0000:01:00.0");
const slot = { bus: "p", slot: 0, kind: "pcie-acpi" } as const;

let folder: string;
let lines: readonly string[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "multifunction-pci-nodes-"));
  // the look is run by itself: the program around it needs a connection
  const { text } = HOST_HELPER;
  const functions = text.slice(0, text.indexOf('\nif [ -z "$BASH_VERSION" ]'));
  const look = join(folder, "look.sh");
  writeFileSync(look, `multifunction_pci_program=loaded\n${functions}\nlook_at_nodes 1\n`);
  const { stdout } = await promisify(execFile)("unshare", ["-m", "bash", SCRIPT, folder, look], {
    timeout: 110_000,
  });
  lines = stdout.split("\n");
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const restOf = (word: string): string =>
  lines.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? "";

/** The error of a plug that a real QEMU has refused, by the look that the helper has made then. */
function errorOf(word: string): Promise<Error> {
  const { error } = JSON.parse(restOf(word)) as { error: { class: string; desc: string } };
  const use = parseNodeUse(lines.flatMap((line) => (line.startsWith("S 1 ") ? [line.slice(4)] : [])));
  const cause = new QmpError(error.class, error.desc);
  return plugError({ hostAddress, slot, cause }, () => Promise.resolve(use));
}

describe("a real QEMU before a node", () => {
  test("that is not there has lost its group's", async () => {
    const error = await errorOf("absent");
    expect(hasCode(error, "GROUP_NODE_LOST")).toBe(true);
    expect(causeText(error)).toContain("/dev/vfio/7: No such file or directory");
  });

  test("that it may not open is denied it", async () => {
    const error = await errorOf("denied");
    expect(hasCode(error, "GROUP_NODE_DENIED")).toBe(true);
    expect(causeText(error)).toContain("may not open /dev/vfio/7 for 0000:01:00.0");
    expect(causeText(error)).toContain("Permission denied");
  });

  test("that another process has open is told which", async () => {
    const error = await errorOf("busy");
    expect(hasCode(error, "GROUP_NODE_BUSY")).toBe(true);
    expect(causeText(error)).toContain(
      `/dev/vfio/7 for 0000:01:00.0, which is in use: process ${restOf("holder")} (perl)`,
    );
  });

  test("that fails in another way has no cause read into it", async () => {
    const error = await errorOf("no-driver");
    expect(hasCode(error, "PLUG_FAILED")).toBe(true);
    expect(causeText(error)).toContain("No such device or address");
  });
});
