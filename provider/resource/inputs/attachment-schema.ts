import * as z from "zod";
import { findPciSlotAddress } from "../../pci";
import { connectionSchema } from "./connection-schema";
import { argumentFacts, objectFacts } from "../documented";
import { text, whole, yesOrNo } from "./field-shapes";
import { guestSchema } from "./guest-schema";
import { functionMappingSchema, guestSlotSchema, timeoutsSchema } from "./part-schemas";

/**
 * Shape of the resource's arguments, each field by itself; rules about several fields are in the files
 * `…-rules.ts`.
 */
export const attachmentSchema = z
  .strictObject({
    connection: connectionSchema.register(argumentFacts, {
      description: "How to reach the hypervisor host.",
      onChange: "replace",
    }),
    guest: guestSchema.register(argumentFacts, {
      description: "The running guest.",
      onChange: "replace",
    }),
    device: text(
      'use the slot of a host device, such as "0000:01:00" (without function)',
      (value) => findPciSlotAddress(value) !== undefined,
    )
      .optional()
      .register(argumentFacts, {
        description: "Slot of the host device, `DDDD:BB:DD` (or `BB:DD`, which means domain 0000).",
        refused: "together with `functionMap`; neither of them; an address with a function",
        onChange: "replug",
      }),
    functions: z
      .array(whole("use whole numbers from 0 to 7, which are the functions of a PCI slot", 0, 7), {
        error: "use a list of function numbers, such as [0, 1]",
      })
      .min(1, { error: "name at least one function, or leave functions out for all of them" })
      .optional()
      .register(argumentFacts, {
        description:
          "Host function numbers of `device`, each 0 to 7, once. Guest function numbers are the host's own if 0 is " +
          "among them, else they count up from 0 in host order.",
        default: "every function that the device has when it is attached",
        refused: "together with `functionMap`; an empty list; a number twice",
        onChange: "replug",
      }),
    functionMap: z
      .array(functionMappingSchema, { error: "use a list of { hostAddress, guestFunction }" })
      .min(1, { error: "name at least one function" })
      .optional()
      .register(argumentFacts, {
        description:
          "Instead of `device` and `functions`: where other guest function numbers are wanted, or functions of several " +
          "host slots in one guest slot, such as virtual functions (SR-IOV). Their MAC address and VLAN are set on the host, not here.",
        refused: "an empty list; a host or guest function twice; no guest function 0",
        onChange: "replug",
      }),
    leftovers: z
      .enum(["refuse", "hold"], { error: 'use "refuse" or "hold"' })
      .optional()
      .register(argumentFacts, {
        description:
          "What happens to functions of the touched IOMMU groups that are not assigned and have a host driver (VFIO " +
          'gives out a group only as a whole). "refuse": an error names each of them with its driver and nothing is ' +
          'touched. "hold": they are taken from the host and shown to nobody until the attachment is deleted.',
        default: '`"refuse"`',
        onChange: "in place",
      }),
    guestSlot: guestSlotSchema.optional().register(argumentFacts, {
      description: "Where in the guest the functions appear.",
      default: "the highest free hotplug slot",
      refused: "a bus or slot that is missing, taken or without hotplug",
      onChange: "replug",
    }),
    adopt: yesOrNo().optional().register(argumentFacts, {
      description: "Take over an attachment that bears another owner's token, instead of refusing it.",
      default: "`false`",
      onChange: "in place",
    }),
    allowInUse: yesOrNo()
      .optional()
      .register(argumentFacts, {
        description:
          "Take functions also where the host uses them: an interface that is up with an address, route or another " +
          "interface on it, a disk that is mounted or a part of something, virtual functions, a display or serial port with " +
          "a picture or console, what another running guest has of it, and more that hangs below them. " +
          "The host loses that use. An interface that carries this SSH connection is never taken.",
        default: "`false`, an error names each use",
        onChange: "in place",
      }),
    allowDisconnect: yesOrNo()
      .optional()
      .register(argumentFacts, {
        description:
          "Let the guest lose functions also where this SSH connection goes through the guest: through an interface of " +
          "it, or a bridge that it alone serves, as with a router or a firewall. The connection may end in the middle; " +
          "the next run goes on from there.",
        default: "`false`, an error names the interface",
        onChange: "in place",
      }),
    persistent: yesOrNo()
      .optional()
      .register(argumentFacts, {
        description:
          "Also at each later cold boot of the guest: the guest's libvirt configuration gets the functions as well, " +
          "with their real place in the guest. A change of this argument alone does not touch the running guest. A guest " +
          "that is shut off gets the functions by its configuration alone, and has them from its next start on.",
        default: "`false`",
        refused: "together with `guest.qmpSocket`; for a guest without configuration (transient)",
        onChange: "in place",
      }),
    timeouts: timeoutsSchema.optional().register(argumentFacts, {
      description:
        "How long an attach and a detach may take; that several in one command wait for each other is not counted.",
      onChange: "in place",
    }),
    ownerToken: text(
      "make the resource with the package's own class, which computes it",
      (value) => value !== "" && !/\p{Cs}/u.test(value),
    ).register(argumentFacts, {
      description: "Who owns the attachment, as it is written on the host.",
      computed: true,
    }),
  })
  .register(objectFacts, {
    name: "MultifunctionPciAttachment",
    description: "What to plug, where, and how to reach the host.",
  });

/** The resource's arguments after check: valid, spelled one way, no defaults filled in. */
export type AttachmentInputs = z.infer<typeof attachmentSchema>;
