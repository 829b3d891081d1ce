import * as z from "zod";
import { argumentFacts, objectFacts } from "../documented";
import { addFields, isSocketPath, text } from "./field-shapes";

/**
 * A guest of libvirt's, or a QEMU by its monitor's socket: each field by itself; guest-rules.ts has what goes
 * together.
 */
export const guestSchema = z
  .strictObject(
    {
      domain: text("use the name or UUID of a libvirt domain", (value) => /^[^/\p{Cc}]+$/u.test(value))
        .optional()
        .register(argumentFacts, {
          description: "Name or UUID of the libvirt domain.",
          refused: "together with `qmpSocket`; neither of them; with `/`",
        }),
      uri: z
        .enum(["qemu:///system", "qemu:///session"], { error: 'use "qemu:///system" or "qemu:///session"' })
        .optional()
        .register(argumentFacts, {
          description: "libvirt's connection URI on the host.",
          default: '`"qemu:///system"`',
          refused: "together with `qmpSocket`",
        }),
      qmpSocket: text(
        'use the path of the socket of a QEMU that libvirt does not manage, such as "/run/qemu/vm100.qmp": absolute, at ' +
          "most 107 characters, of letters, digits and ._@+=-",
        isSocketPath,
      )
        .optional()
        .register(argumentFacts, {
          description:
            "Path, on the host, of the QMP socket of a QEMU that was started by hand, by systemd or by Proxmox VE " +
            '("/var/run/qemu-server/100.qmp").',
          refused:
            "together with `domain`; a socket of libvirt's; a path that is not absolute, has more than 107 characters, or " +
            "others than letters, digits and `._@+=-`",
        }),
      privilege: z
        .enum(["sudo"], { error: 'use "sudo", or leave it out where connection.user is root' })
        .optional()
        .register(argumentFacts, {
          description:
            "With `qmpSocket`: how functions are bound where `connection.user` is not root. " +
            '"sudo" runs one installed program (docs/security.md).',
          default: "the login is root's",
          refused: "without `qmpSocket`",
        }),
    },
    { error: addFields },
  )
  .register(objectFacts, {
    name: "Guest",
    description:
      "The running guest that gets the functions: libvirt's `domain`, or a QEMU without libvirt by its `qmpSocket`.",
  });
