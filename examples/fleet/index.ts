import { MultifunctionPciAttachment } from "pulumi-multifunction-pci";
import { Domain } from "./domain";
import { fleet, type Row } from "./fleet";

const domains = new Map<string, Domain>();

/** The row's guest, which is one resource however many rows it has. */
function domainOf({ host, guest }: Row): Domain {
  const name = `${host}-${guest}`;
  const domain = domains.get(name) ?? new Domain(name, { host, domain: guest });
  domains.set(name, domain);
  return domain;
}

const attachments = fleet.map((row) => {
  const domain = domainOf(row);
  return new MultifunctionPciAttachment(
    `${row.host}-${row.guest}-${row.device}`,
    {
      connection: { host: row.host },
      guest: { domain: row.guest },
      device: row.device,
      functions: row.functions,
      leftovers: row.leftovers,
    },
    {
      // Not before the guest runs.
      dependsOn: domain,
      // The attachment ends with its guest: libvirt gives the functions back to the host.
      deletedWith: domain,
    },
  );
});

export const slots = attachments.map((one) => one.slot);
