import { credentialChecks } from "../connections/credential-checks";
import type { AmbientCredentials } from "../connections/credentials";
import { printable } from "../errors";
import type { InspectionInput, PublicConnection } from "../inspect";
import {
  findInputFailures,
  parseCheckedInputs,
  type AttachmentInputs,
  type ConnectionInputs,
} from "../resource";

const CREDENTIALS = ["privateKey", "privateKeyPassword", "password"] as const;

/** Arguments that cannot be used: all that is wrong with them, a line each. */
export class ArgumentError extends TypeError {
  override readonly name = "ArgumentError";
}

/** What is inspected: a host, and a guest of it if the arguments name a guest. */
export type InspectionArguments = Pick<AttachmentInputs, "connection"> & {
  readonly guest?: AttachmentInputs["guest"];
};

/**
 * Reads the arguments by the rules of an attachment; what an attachment has besides is made up.
 *
 * @throws ArgumentError
 */
export function parseInspectionArguments(args: unknown, ambient: AmbientCredentials): InspectionArguments {
  const fields = typeof args === "object" && args !== null ? (args as Readonly<Record<string, unknown>>) : {};
  const { connection, guest, ...others } = fields;
  const unknown = Object.keys(others).map(
    (key) => `unknown argument ${JSON.stringify(key)}; it takes connection, guest`,
  );
  const whole = {
    connection,
    guest: guest ?? { domain: "any" },
    device: "0000:00:00",
    ownerToken: "inspect",
  };
  const failures = findInputFailures(whole, credentialChecks(ambient)).map((one) => one.reason);
  if (unknown.length + failures.length > 0)
    throw new ArgumentError([...unknown, ...failures].map(printable).join("\n"));
  const parsed = parseCheckedInputs(whole);
  const hasGuest = guest !== undefined && guest !== null;
  return { connection: parsed.connection, ...(hasGuest && { guest: parsed.guest }) };
}

/** What a program has to say to get to the same host and guest; of the credentials their names alone. */
export function publicArgumentsOf({ connection, guest }: InspectionArguments): InspectionInput["arguments"] {
  return {
    connection: publicPartOf(connection),
    credentials: CREDENTIALS.filter((name) => connection[name] !== undefined),
    ...(guest && { guest: given(guest) }),
  };
}

/** Without credentials and limits. */
function publicPartOf(connection: ConnectionInputs): PublicConnection {
  const { host, port, user, agentSocketPath, hostKey, knownHostsFile, strictHostKeyChecking, proxy } =
    connection;
  return {
    ...given({ host, port, user, agentSocketPath, hostKey, knownHostsFile, strictHostKeyChecking }),
    ...(proxy && { proxy: publicPartOf(proxy) }),
  };
}

function given<T extends string | number>(
  fields: Readonly<Record<string, T | undefined>>,
): Record<string, T> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
}
