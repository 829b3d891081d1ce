import type { Lab } from "./lab";
import { describeRelease } from "./release";

/** How a person uses a lab that is up: for the terminal. */
export function describeUse(lab: Lab): string {
  const { host, port, privateKeyFile, hostKey } = lab.ssh;
  return `The lab is up: a hypervisor host of ${describeRelease(lab.release)} with two running guests.
  Log in        ssh -p ${port} -i ${privateKeyFile} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@${host}
                (or operator@, a member of the group libvirt; or outsider@, who is not)
  Host key      ${hostKey}
  Devices       0000:01:00 and 0000:02:00, network cards with functions 0 to 3
  Guests        guest1, guest2: npx tsx lab/cli.ts console guest1 'ls /sys/bus/pci/devices'
  First state   npx tsx lab/cli.ts restore
  End it        npx tsx lab/cli.ts down`;
}
