import type { Lab } from "../../lab";
import { LEDGER_PREFIX, LEDGER_URI } from "../../provider/hypervisor/libvirt/xml/ledger-xml";

/**
 * Takes out of the ledger of the lab's guest1, in each of these places, what 0.1.0 does not write there.
 *
 * @throws Error if a ledger has nothing of it, or virsh refuses
 */
export async function writeLedgerAsBefore(
  lab: Lab,
  ...places: readonly ("--live" | "--config")[]
): Promise<void> {
  for (const place of places) {
    const virsh = async (words: string, input?: string): Promise<string> => {
      const command = `virsh -q metadata guest1 ${LEDGER_URI} ${place} ${words}`;
      const { code, stdout, stderr } = await lab.exec(command, input === undefined ? {} : { input });
      if (code !== 0) throw new Error(`${command} ended with ${code}: ${stderr}`);
      return stdout.trim();
    };
    const xml = await virsh("");
    const before = xml.replaceAll(/ (?:incarnation|since)="[^"]*"/g, "");
    if (before === xml) throw new Error(`the ledger has nothing that 0.1.0 would not write: ${xml}`);
    await virsh(`--key ${LEDGER_PREFIX} --set "$(cat)"`, before);
  }
}
