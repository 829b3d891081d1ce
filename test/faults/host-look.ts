import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "../../lab";

/** Everything on the lab's host that an attachment may change, and everything that it must not. */
const LOOK = `
cd /sys/bus/pci/devices
for a in *; do echo "function $a"; done
for d in ../drivers/*/????:??:??.?; do echo "driver $d"; done
running=" $(virsh -q list --name | tr '\\n' ' ')"
questions=
for g in guest1 guest2; do
  questions="$questions echo == state $g ==; domstate $g; echo == inactive $g ==; dumpxml --inactive $g;"
  case $running in *" $g "*)
    list='{"execute":"qom-list","arguments":{"path":"/machine/peripheral"}}'
    questions="$questions echo == live $g ==; dumpxml $g; echo == qom $g ==; qemu-monitor-command $g '$list';"
  esac
done
LC_ALL=C virsh -q "$questions" 2>&1 | awk '
  /^== / { head = $2 " " $3; sub(/^== [a-z]+ [a-z0-9]+ ==/, "") }
  head ~ /^qom/ {
    while (match($0, /"name":"[^"]*"/)) { print head, substr($0, RSTART, RLENGTH); $0 = substr($0, RSTART + RLENGTH) }
    next
  }
  NF { print head, $0 }'
ls /dev/vfio 2>/dev/null | grep -v '^vfio$' | sed 's/^/vfio group /'
ls /run/lock /tmp | grep -i multifunction | sed 's/^/file /'
ps -e -o args= | sed -n -e '/read -r -N [0-9][0-9]* program/s/^/process /p' -e '/^sshd-session/s/^/process /p'
ps -e -o comm= | grep -x virt-ssh-helper | sed 's/^/process /'
true
`;

/** Lines that say what is there; two looks at the same state are equal. */
export async function lookAtHost(lab: Lab): Promise<string[]> {
  const { code, stdout, stderr } = await lab.exec(LOOK, { timeoutMs: 120_000 });
  if (code !== 0) throw new Error(`the look at the lab's host ended with ${code}: ${stderr}`);
  // older libvirt keeps the element when its last part is gone
  return stdout.split("\n").filter((line) => line !== "" && !line.endsWith("<metadata/>"));
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
