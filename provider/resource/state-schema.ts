import * as z from "zod";
import { slotKinds } from "../pci";
import { objectFacts, outputFacts } from "./documented";

const slotSchema = z
  .object({
    bus: z.string().register(outputFacts, {
      description: 'QEMU id of the bus: a root port ("pci.5") or a conventional bus ("pci.0").',
    }),
    slot: z.number().register(outputFacts, { description: "Slot on that bus, 0 to 31." }),
    kind: z.enum(slotKinds).register(outputFacts, {
      description: "Which hotplug mechanism serves the slot.",
    }),
  })
  .register(objectFacts, { name: "Slot", description: "The guest's slot that the functions are in." });

const heldSchema = z
  .object({
    hostAddress: z.string().register(outputFacts, { description: "Address on the host, `DDDD:BB:DD.F`." }),
    hostDriver: z.string().register(outputFacts, {
      description: "Driver that the function had on the host before, and gets back; empty if it had none.",
    }),
    iommuGroup: z.number().register(outputFacts, {
      description: "Number of the function's IOMMU group on the host.",
    }),
  })
  .register(objectFacts, {
    name: "HeldFunction",
    description:
      "One function that was taken from the host because of its IOMMU group, and is shown to nobody.",
  });

const attachedSchema = heldSchema
  .extend({
    guestFunction: z.number().register(outputFacts, {
      description: "Function number in the guest's slot, 0 to 7.",
    }),
    qemuId: z.string().register(outputFacts, { description: "Id of the device in QEMU." }),
    vendorId: z.string().register(outputFacts, {
      description: "PCI vendor id, four hexadecimal digits with `0x`.",
    }),
    productId: z.string().register(outputFacts, {
      description: "PCI device id, four hexadecimal digits with `0x`.",
    }),
  })
  .register(objectFacts, { name: "AttachedFunction", description: "One function that the guest has." });

/** What the state says beside the inputs. Written by every release since the first: only ever extended. */
export const outputsSchema = z.object({
  slot: slotSchema
    .nullish()
    .transform((slot) => slot ?? undefined)
    .register(outputFacts, { description: "The guest's slot that the functions are in." }),
  guestAddress: z
    .string()
    .nullish()
    .transform((address) => address ?? null)
    .register(outputFacts, {
      description: "The slot's address as the guest numbered it, `DDDD:BB:DD`; null while the guest has not.",
      informational: true,
    }),
  guestConfigured: z.boolean().register(outputFacts, {
    description: "Whether the guest has mapped the functions' BARs (QMP query-pci).",
    informational: true,
  }),
  guestState: z
    .array(z.enum(["absent", "present", "enumerated", "driven", "unknown"]))
    .nullish()
    .transform((states) => states ?? [])
    .register(outputFacts, {
      description:
        "What the guest has done with each function of `attached`, in its order, when that was last looked at.",
      informational: true,
    }),
  attached: z.array(attachedSchema).register(outputFacts, {
    description: "The functions that the guest has, in the order of their guest function numbers.",
  }),
  held: z.array(heldSchema).register(outputFacts, {
    description: 'The functions taken from the host with `leftovers: "hold"` and shown to nobody.',
  }),
  guestUuid: z.string().register(outputFacts, {
    description:
      "UUID of the guest: the one in libvirt, or without libvirt that of its QEMU or of its socket.",
  }),
  hostUuid: z.string().register(outputFacts, {
    description:
      "UUID of the host: as libvirt reports it, or without libvirt that of its firmware or its machine id.",
  }),
  hostKeyFingerprint: z
    .string()
    .nullish()
    .transform((fingerprint) => fingerprint ?? null)
    .register(outputFacts, {
      description: "Fingerprint of the key that the host's sshd showed, `SHA256:…`.",
      informational: true,
    }),
  incarnation: z
    .string()
    .nullish()
    .transform((incarnation) => incarnation ?? null)
    .register(outputFacts, {
      description:
        "Which create made the attachment, as it is written on the host beside the owner: 32 digits of hex. It tells " +
        "two stacks of the same name apart. Null for what 0.1 made.",
      informational: true,
    }),
});

/** Outputs of the resource, without the inputs that stand beside them. */
export type AttachmentState = z.infer<typeof outputsSchema>;
