/**
 * Records what a real libvirt prints of a guest's metadata, for test/unit/hypervisor: sets, in a lab of its
 * own, what each file of test/fixtures/metadata says was set, and writes there what came back.
 *
 *   npx tsx tools/record/metadata.ts [NAME…]
 *
 * What was set does not change by that: some of it is what 0.1 wrote, and nothing writes it any more.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startLab, type Lab } from "../../lab";
import { metadataFolder, type MetadataRecording } from "../../test/support/recordings/metadata-recording";

const GUEST = "guest1";

/** One element after the other, as `virsh metadata` sets them, then what libvirt prints. */
async function record(lab: Lab, { set, uri }: MetadataRecording): Promise<MetadataRecording["printed"]> {
  await lab.restore();
  const virsh = async (command: string, input?: string): Promise<string> => {
    const { code, stdout, stderr } = await lab.exec(`virsh -q ${command}`, { ...(input && { input }) });
    if (code !== 0) throw new Error(`virsh ${command}: ${stderr}`);
    return stdout;
  };
  for (const one of set)
    await virsh(`metadata ${GUEST} '${one.uri}' --key ${one.key} --live --set "$(cat)"`, one.xml);
  const domainXml = await virsh(`dumpxml ${GUEST}`);
  return {
    element: (await virsh(`metadata ${GUEST} '${uri}' --live`)).replace(/\n+$/, ""),
    metadata: /<metadata>[^]*<\/metadata>/.exec(domainXml)?.[0] ?? "",
  };
}

async function main(names: readonly string[]): Promise<void> {
  const lab = await startLab({ log: console.error });
  try {
    const { stdout } = await lab.exec(
      "virsh -v; . /etc/os-release; echo $PRETTY_NAME; dpkg-query -W -f '${Version}' libxml2 | head -c 60",
    );
    const [libvirt = "", host = "", libxml2 = ""] = stdout.trim().split("\n");
    for (const file of readdirSync(metadataFolder)) {
      const name = file.replace(/\.json$/, "");
      if (names.length > 0 && !names.includes(name)) continue;
      const path = join(metadataFolder, file);
      const recording = JSON.parse(readFileSync(path, "utf8")) as MetadataRecording;
      const printed = await record(lab, recording);
      const recordedWith = { command: `npx tsx tools/record/metadata.ts ${name}`, host, libvirt, libxml2 };
      writeFileSync(path, `${JSON.stringify({ ...recording, recordedWith, printed }, undefined, 2)}\n`);
      console.error(name);
    }
  } finally {
    await lab.close();
  }
}

void main(process.argv.slice(2));
