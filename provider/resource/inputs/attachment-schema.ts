import { z } from "zod";
import { findPciAddress, findPciSlotAddress } from "../../pci";

/** One entry of the schema: its message is the cure, in words that follow "…;". */
const text = (cure: string, isValid: (value: string) => boolean = (value) => value !== "") =>
  z.string({ error: cure }).refine(isValid, { error: cure });
const whole = (cure: string, minimum: number, maximum: number) =>
  z.int({ error: cure }).min(minimum, { error: cure }).max(maximum, { error: cure });

const isOneLine = (value: string): boolean => /^[^\s\p{Cc}]+$/u.test(value);
/** Nothing that a shell, socat or sudo would take for more than a part of a path; as long as the kernel takes. */
const isSocketPath = (value: string): boolean =>
  /^(?:\/[A-Za-z0-9._@+=-]+)+$/.test(value) && !/\/\.\.?(?:\/|$)/.test(value) && value.length <= 107;
/** What XML does not allow, and line ends, would make another path of it. */
const isAbsolutePath = (value: string): boolean => /^\/[^\p{Cc}\p{Cs}\ufffe\uffff]+$/u.test(value);
const romFileCure = "use the absolute path of a ROM file on the host, or leave it out";
const guestFunctionCure = "use a whole number from 0 to 7";
const secondsCure = "use a number of seconds from 1 to 86400";
const seconds = z
  .number({ error: secondsCure })
  .min(1, { error: secondsCure })
  .max(86400, { error: secondsCure });
const hostAddressCure = 'use the address of one host function, such as "0000:01:00.0"';
const hostKeyCure = 'use a public key line such as "ssh-ed25519 AAAA…", or a fingerprint such as "SHA256:…"';
const dialTimeoutCure = "use a number of seconds, 0 for no limit";
const dialLimitCure = "use a whole number from 1, or -1 for no limit";
const addFields = "use an object with the documented fields";

/** How a hypervisor, or a jump host, is reached. */
export interface ConnectionInputs {
  readonly host: string;
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly privateKey?: string | undefined;
  readonly privateKeyPassword?: string | undefined;
  readonly agentSocketPath?: string | undefined;
  readonly dialErrorLimit?: number | undefined;
  readonly perDialTimeout?: number | undefined;
  readonly hostKey?: string | undefined;
  readonly knownHostsFile?: string | undefined;
  readonly strictHostKeyChecking?: "yes" | "accept-new" | "no" | undefined;
  readonly proxy?: ConnectionInputs | undefined;
}

const connectionSchema: z.ZodType<ConnectionInputs> = z.strictObject(
  {
    // ssh is asked about it, and would take a leading dash for an option
    host: text(
      "use a host name, an IP address or an alias of ~/.ssh/config",
      (value) => isOneLine(value) && !value.startsWith("-"),
    ),
    port: whole("use a whole number from 1 to 65535", 1, 65535).optional(),
    user: text("use the name of a user of the host", isOneLine).optional(),
    password: text("use a text that is not empty, or leave it out").optional(),
    privateKey: text("use the text of a private key (not the path of a file), or leave it out").optional(),
    privateKeyPassword: text("use a text that is not empty, or leave it out").optional(),
    agentSocketPath: text("use the path of the agent's socket").optional(),
    dialErrorLimit: z
      .int({ error: dialLimitCure })
      .refine((value) => value === -1 || value >= 1, { error: dialLimitCure })
      .optional(),
    perDialTimeout: z.number({ error: dialTimeoutCure }).min(0, { error: dialTimeoutCure }).optional(),
    hostKey: text(hostKeyCure).optional(),
    knownHostsFile: text("use the path of a known_hosts file").optional(),
    strictHostKeyChecking: z
      .enum(["yes", "accept-new", "no"], { error: 'use "yes", "accept-new" or "no"' })
      .optional(),
    get proxy(): z.ZodOptional<z.ZodType<ConnectionInputs>> {
      return connectionSchema.optional();
    },
  },
  { error: addFields },
);

/** Shape of the resource's arguments, each field by itself; rules that need two fields are in check-inputs. */
export const attachmentSchema = z.strictObject({
  connection: connectionSchema,
  guest: z.strictObject(
    {
      domain: text("use the name or UUID of a libvirt domain", (value) =>
        /^[^/\p{Cc}]+$/u.test(value),
      ).optional(),
      uri: z
        .enum(["qemu:///system", "qemu:///session"], { error: 'use "qemu:///system" or "qemu:///session"' })
        .optional(),
      qmpSocket: text(
        'use the path of the socket of a QEMU that libvirt does not manage, such as "/run/qemu/vm100.qmp": absolute, at ' +
          "most 107 characters, of letters, digits and ._@+=-",
        isSocketPath,
      ).optional(),
      privilege: z
        .enum(["sudo"], { error: 'use "sudo", or leave it out where connection.user is root' })
        .optional(),
    },
    { error: addFields },
  ),
  device: text(
    'use the slot of a host device, such as "0000:01:00" (without function)',
    (value) => findPciSlotAddress(value) !== undefined,
  ).optional(),
  functions: z
    .array(whole("use whole numbers from 0 to 7, which are the functions of a PCI slot", 0, 7), {
      error: "use a list of function numbers, such as [0, 1]",
    })
    .min(1, { error: "name at least one function, or leave functions out for all of them" })
    .optional(),
  functionMap: z
    .array(
      z.strictObject(
        {
          hostAddress: text(hostAddressCure, (value) => findPciAddress(value) !== undefined),
          guestFunction: whole(guestFunctionCure, 0, 7),
          romFile: text(romFileCure, isAbsolutePath).optional(),
          romBar: z.boolean({ error: "use true or false" }).optional(),
        },
        { error: "use objects with hostAddress and guestFunction" },
      ),
      { error: "use a list of { hostAddress, guestFunction }" },
    )
    .min(1, { error: "name at least one function" })
    .optional(),
  leftovers: z.enum(["refuse", "hold"], { error: 'use "refuse" or "hold"' }).optional(),
  guestSlot: z
    .strictObject(
      {
        bus: text('use the id of a bus of the guest, such as "pci.5"', isOneLine),
        slot: whole("use a whole number from 0 to 31", 0, 31).optional(),
      },
      { error: addFields },
    )
    .optional(),
  adopt: z.boolean({ error: "use true or false" }).optional(),
  allowInUse: z.boolean({ error: "use true or false" }).optional(),
  persistent: z.boolean({ error: "use true or false" }).optional(),
  timeouts: z
    .strictObject(
      { attachSeconds: seconds.optional(), detachSeconds: seconds.optional() },
      { error: addFields },
    )
    .optional(),
  ownerToken: text(
    "make the resource with the package's own class, which computes it",
    (value) => value !== "" && !/\p{Cs}/u.test(value),
  ),
});

/** The resource's arguments after check: valid, spelled one way, no defaults filled in. */
export type AttachmentInputs = z.infer<typeof attachmentSchema>;
