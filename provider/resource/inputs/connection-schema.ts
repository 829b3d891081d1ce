import * as z from "zod";
import { argumentFacts, objectFacts } from "../documented";
import { addFields, isOneLine, text, whole } from "./field-shapes";
import { findHostCure, HOST_CURE } from "./host-name";

const dialLimitCure = "use a whole number from 1, or -1 for no limit";
const dialTimeoutCure = "use a number of seconds, 0 for no limit";

/** How a hypervisor, or a jump host, is reached: each field by itself. */
export const connectionSchema = z.strictObject(
  {
    host: z
      .string({ error: HOST_CURE })
      .refine((value) => findHostCure(value) === undefined, {
        error: ({ input }) => (typeof input === "string" ? findHostCure(input) : undefined) ?? HOST_CURE,
      })
      .register(argumentFacts, {
        description:
          "Name or address of the host, as this machine (or the last jump host) resolves it, or a host alias of " +
          "`~/.ssh/config`. Where OpenSSH is installed, `ssh -G` is asked what the alias stands for. What is given here wins over that.",
        refused:
          "with a blank, a dash in front, a user (`root@hv1`), a port (`hv1:22`), brackets or a scheme",
      }),
    port: whole("use a whole number from 1 to 65535", 1, 65535).optional().register(argumentFacts, {
      description: "TCP port of sshd.",
      default: "`Port` of ssh_config, 22",
    }),
    user: text("use the name of a user of the host", isOneLine).optional().register(argumentFacts, {
      description: "SSH user: root, or a member of the host's `libvirt` group.",
      default: "`User` of ssh_config, `root`",
      refused: "with a blank",
    }),
    password: text("use a text that is not empty, or leave it out").optional().register(argumentFacts, {
      description: "Password of the user.",
      default:
        "`multifunction-pci:password` of the stack's configuration, `$MULTIFUNCTION_PCI_PASSWORD`; not for a jump host",
      secret: true,
    }),
    privateKey: text("use the text of a private key (not the path of a file), or leave it out")
      .optional()
      .register(argumentFacts, {
        description:
          "Private key as the text of a key file that ssh-keygen, openssl (PEM, PKCS#8) or PuTTY wrote, not its path.",
        default:
          "`multifunction-pci:privateKey` of the stack's configuration, `$MULTIFUNCTION_PCI_PRIVATE_KEY`; else the " +
          "agent's keys and the key files that ssh would try",
        refused: "what is no private key, or does not open with `privateKeyPassword`",
        secret: true,
      }),
    privateKeyPassword: text("use a text that is not empty, or leave it out")
      .optional()
      .register(argumentFacts, {
        description: "Passphrase of the private key.",
        default:
          "`multifunction-pci:privateKeyPassword` of the stack's configuration, " +
          "`$MULTIFUNCTION_PCI_PRIVATE_KEY_PASSWORD`",
        secret: true,
      }),
    agentSocketPath: text("use the path of the agent's socket").optional().register(argumentFacts, {
      description: "Path of an SSH agent's unix socket.",
      default: "`IdentityAgent` of ssh_config, `$SSH_AUTH_SOCK`",
    }),
    dialErrorLimit: z
      .int({ error: dialLimitCure })
      .refine((value) => value === -1 || value >= 1, { error: dialLimitCure })
      .optional()
      .register(argumentFacts, {
        description: "Attempts to dial before giving up; -1 for no limit.",
        default: "10",
        unit: "attempts",
        refused: "0, and below -1",
      }),
    perDialTimeout: z
      .number({ error: dialTimeoutCure })
      .min(0, { error: dialTimeoutCure })
      .optional()
      .register(argumentFacts, {
        description: "Seconds that one attempt to dial may take; 0 for no limit.",
        default: "15",
        unit: "seconds",
      }),
    hostKey: text('use a public key line such as "ssh-ed25519 AAAA…", or a fingerprint such as "SHA256:…"')
      .optional()
      .register(argumentFacts, {
        description:
          "The host's key: a public key (`ssh-ed25519 AAAA…`), a fingerprint (`SHA256:…`), or lines of known_hosts, " +
          "which count for the host and port that they name. When given, known_hosts files are not asked.",
        refused: "what is no public key, fingerprint or line of known_hosts",
      }),
    knownHostsFile: text("use the path of a known_hosts file").optional().register(argumentFacts, {
      description:
        "Path of the known_hosts file to ask when there is no `hostKey`. `none` and `/dev/null` mean no file.",
      default: "`UserKnownHostsFile` of ssh_config, `~/.ssh/known_hosts`",
    }),
    strictHostKeyChecking: z
      .enum(["yes", "accept-new", "no"], { error: 'use "yes", "accept-new" or "no"' })
      .optional()
      .register(argumentFacts, {
        description:
          "What to do about a host key that known_hosts does not hold, with OpenSSH's meaning (ssh_config(5)): " +
          '"yes" refuses it, "accept-new" adds it, "no" takes any.',
        default: '`"yes"`',
      }),
    get proxy(): z.ZodOptional<typeof connectionSchema> {
      return connectionSchema.optional().register(argumentFacts, {
        description:
          "Jump host: connect to this one first and to `host` through it. Has the same fields, so it nests.",
        default: "`ProxyJump` of ssh_config",
      });
    },
  },
  { error: addFields },
);
// Not within the expression: TypeScript could not infer a type that names itself.
connectionSchema.register(objectFacts, {
  name: "Connection",
  description: "How to reach the hypervisor host over SSH.",
});

/** How a hypervisor, or a jump host, is reached. */
export type ConnectionInputs = Readonly<z.infer<typeof connectionSchema>>;
