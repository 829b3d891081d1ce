import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "../../lab";

/** Everything on the lab's host that an attachment may change, and everything that it must not. */
const LOOK = `
cd /sys/bus/pci/devices
for a in *; do d=; [ -e $a/driver ] && d=$(readlink $a/driver); echo "driver $a \${d##*/}"; done
for g in guest1 guest2; do
  state=$(LC_ALL=C virsh domstate $g 2>&1 | head -1)
  echo "state $g $state"
  virsh dumpxml --inactive $g | sed "s/^/inactive $g /"
  [ "$state" = "shut off" ] && continue
  virsh dumpxml $g | sed "s/^/live $g /"
  virsh qemu-monitor-command $g '{"execute":"qom-list","arguments":{"path":"/machine/peripheral"}}' |
    grep -o '"name":"[^"]*"' | sort | sed "s/^/qom $g /"
done
ls /dev/vfio 2>/dev/null | grep -v '^vfio$' | sed 's/^/vfio group /'
ls /run/lock /tmp | grep -i multifunction | sed 's/^/file /'
pgrep -fa 'read -r -N [0-9]+ program' | sed 's/^/process /'
ps -e -o args= | grep '^sshd-session' | sed 's/^/process /'
ps -e -o comm= | grep -x virt-ssh-helper | sed 's/^/process /'
true
`;

/** Lines that say what is there; two looks at the same state are equal. */
export async function lookAtHost(lab: Lab): Promise<string[]> {
  const { code, stdout, stderr } = await lab.exec(LOOK, { timeoutMs: 120_000 });
  if (code !== 0) throw new Error(`the look at the lab's host ended with ${code}: ${stderr}`);
  return stdout.split("\n").filter(Boolean);
}

/** What differs, each line with its sign; nothing where all is as before. */
export function differences(before: readonly string[], now: readonly string[]): string[] {
  const gone = before.filter((line) => !now.includes(line)).map((line) => `- ${line}`);
  const come = now.filter((line) => !before.includes(line)).map((line) => `+ ${line}`);
  return [...gone, ...come];
}

/** Looks until nothing differs, or the time is over: sessions and drivers take seconds to go and to come. */
export async function settledDifferences(
  look: () => Promise<string[]>,
  before: readonly string[],
  limitMs: number,
): Promise<string[]> {
  const endsAt = Date.now() + limitMs;
  for (;;) {
    const found = differences(before, await look());
    if (found.length === 0 || Date.now() > endsAt) return found;
    await sleep(500);
  }
}
