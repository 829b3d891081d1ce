import * as z from "zod";
import { findPciAddress } from "../../pci";
import { argumentFacts, objectFacts } from "../documented";
import { addFields, isAbsolutePath, isOneLine, seconds, text, whole, yesOrNo } from "./field-shapes";

/** One entry of the function map. */
export const functionMappingSchema = z
  .strictObject(
    {
      hostAddress: text(
        'use the address of one host function, such as "0000:01:00.0"',
        (value) => findPciAddress(value) !== undefined,
      ).register(argumentFacts, {
        description: "Address of the host function, `DDDD:BB:DD.F` (or `BB:DD.F`, which means domain 0000).",
      }),
      guestFunction: whole("use a whole number from 0 to 7", 0, 7).register(argumentFacts, {
        description:
          "Function number in the guest's slot, 0 to 7. One entry must have 0: without it a guest sees nothing (PCI).",
      }),
      romFile: text("use the absolute path of a ROM file on the host, or leave it out", isAbsolutePath)
        .optional()
        .register(argumentFacts, {
          description:
            "Absolute path, on the host, of a file that the guest sees as the function's expansion ROM (option ROM, " +
            "VBIOS) in place of the device's own. The guest's QEMU must be allowed to read it.",
          default: "the device's own",
          refused: "a path that is not absolute; together with `romBar: false`",
        }),
      romBar: yesOrNo().optional().register(argumentFacts, {
        description: "Whether the guest sees an expansion ROM at all (its BAR).",
        default: "QEMU's, `true`",
        refused: "`false` together with `romFile`",
      }),
    },
    { error: "use objects with hostAddress and guestFunction" },
  )
  .register(objectFacts, {
    name: "FunctionMapping",
    description: "Which guest function number one host function gets.",
  });

/** A place in the guest. */
export const guestSlotSchema = z
  .strictObject(
    {
      bus: text('use the id of a bus of the guest, such as "pci.5"', isOneLine).register(argumentFacts, {
        description:
          'QEMU id of the bus, as libvirt names it: a root port ("pci.5") or a conventional bus ("pci.0").',
      }),
      slot: whole("use a whole number from 0 to 31", 0, 31).optional().register(argumentFacts, {
        description: "Slot on that bus, 0 to 31.",
        default: "0 behind a root port, which has no other; else the highest free slot",
      }),
    },
    { error: addFields },
  )
  .register(objectFacts, { name: "GuestSlot", description: "Where in the guest the functions appear." });

/** Limits of the two operations. */
export const timeoutsSchema = z
  .strictObject(
    {
      attachSeconds: seconds().optional().register(argumentFacts, {
        description: "Seconds for an attach. A second more counts for each GiB of guest memory that it pins.",
        default: "60",
        unit: "seconds",
      }),
      detachSeconds: seconds().optional().register(argumentFacts, {
        description: "Seconds for a detach, the guest's cooperation included.",
        default: "60",
        unit: "seconds",
      }),
    },
    { error: addFields },
  )
  .register(objectFacts, {
    name: "Timeouts",
    description: "How long one operation may take, as a whole. An update has the sum of both.",
  });
