import type { Lab } from "./lab";
import { USUAL_HARDWARE } from "./machine";
import { describeRelease } from "./release";

/** How a person uses a lab that is up: for the terminal. */
export function describeUse(lab: Lab, hardware = USUAL_HARDWARE): string {
  const first = hardware.nic === "igb" ? "a network card with virtual functions" : "functions 0 to 3";
  const { host, port, privateKeyFile, hostKey } = lab.ssh;
  return `The lab is up: a hypervisor host of ${describeRelease(lab.release)} with two running guests.
  Log in        ssh -p ${port} -i ${privateKeyFile} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@${host}
                (or operator@, a member of the group libvirt; or outsider@, who is not)
  Host key      ${hostKey}
  Devices       network cards: 0000:01:00 (${first}) and 0000:02:00 (functions 0 to 3)
  Guests        guest1, guest2: npx tsx lab/cli.ts console guest1 'ls /sys/bus/pci/devices'
  First state   npx tsx lab/cli.ts restore
  End it        npx tsx lab/cli.ts down`;
}
