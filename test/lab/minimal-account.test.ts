import { readFileSync } from "node:fs";
import { join } from "node:path";
import { attachmentLab, NIC } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();
const e1000e = ["e1000e", "e1000e", "e1000e", "e1000e"];

/** What docs/security.md tells root to do, to the letter. */
const document = readFileSync(join(__dirname, "..", "..", "docs", "security.md"), "utf8");
const [, steps = ""] = /```sh\n(useradd [^`]+)```/.exec(document) ?? [];
const [, keyOptions = ""] = /^(restrict,\S+) ssh-ed25519 /m.exec(document) ?? [];
const [, serverLines = ""] = /```text\n(Match User [^`]+)```/.exec(document) ?? [];

async function makeAccount(options: string): Promise<void> {
  const script = [
    "set -e",
    steps,
    `key=$(cut -d ' ' -f 1,2 /root/.ssh/authorized_keys)`,
    `printf '%s %s\\n' '${options}' "$key" > ~pulumi-pci/.ssh/authorized_keys`,
    `cat > /etc/ssh/sshd_config.d/pulumi-pci.conf <<'END'\n${serverLines}END`,
    "systemctl reload ssh",
  ].join("\n");
  const { code, stderr } = await lab.lab.exec(script);
  expect({ code, stderr }).toMatchObject({ code: 0 });
}

test.each([
  ["over libvirt's socket", keyOptions],
  ["over virt-ssh-helper, where its key may run commands and nothing else", "restrict"],
])("the account of docs/security.md attaches and detaches %s, and leaves nothing", async (_way, options) => {
  await makeAccount(options);
  const { id, outs } = await lab.create({ connection: { user: "pulumi-pci" } });
  expect(outs["attached"]).toHaveLength(4);
  await lab.provider.delete(id, outs);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});
