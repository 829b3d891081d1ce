import * as pulumi from "@pulumi/pulumi";
import type { ConnectionArgs } from "./connection-args";

/**
 * The fields that may be read by anyone who reads the state. Whatever is not named here becomes a secret: the
 * credentials, and also a misspelt `privatKey`, whose value is no less of one.
 */
const publicFields: ReadonlySet<string> = new Set([
  "host",
  "port",
  "user",
  "agentSocketPath",
  "dialErrorLimit",
  "perDialTimeout",
  "hostKey",
  "knownHostsFile",
  "strictHostKeyChecking",
] satisfies (keyof ConnectionArgs)[]);

/**
 * A copy of a connection whose credentials are secrets, in every nested `proxy` too, so that none is written
 * to the state in plain text even if the program passes `fs.readFileSync(…)`.
 *
 * Where the connection (or a proxy) is itself an Output or a Promise and holds a credential, all of it
 * becomes secret: an Output has no secret parts.
 */
export function sealCredentials(connection: pulumi.Input<ConnectionArgs>): pulumi.Input<ConnectionArgs> {
  if (pulumi.Output.isInstance(connection) || connection instanceof Promise) {
    // `output` looks for the secrets inside, which apply by itself does not.
    return pulumi.output(connection).apply((known) => pulumi.output(sealFields(known)));
  }
  return sealFields(connection);
}

/**
 * What is no object is passed on with its value: saying that it is wrong is the provider's job. It may be a
 * credential.
 */
function sealFields<T>(connection: T): T {
  if (connection === undefined || connection === null) return connection;
  if (typeof connection !== "object" || Array.isArray(connection)) return pulumi.secret(connection) as T;
  const sealed = Object.entries(connection).map(([field, value]: [string, unknown]) => [
    field,
    sealField(field, value),
  ]);
  return Object.fromEntries(sealed) as T;
}

function sealField(field: string, value: unknown): unknown {
  if (value === undefined) return value;
  if (publicFields.has(field) && isScalar(value)) return value;
  if (field === "proxy") return sealCredentials(value as pulumi.Input<ConnectionArgs>);
  return pulumi.secret(value);
}

/** An Output or a Promise counts as what it is meant to hold: each of these fields is a text or a number. */
function isScalar(value: unknown): boolean {
  return (
    typeof value !== "object" || value === null || pulumi.Output.isInstance(value) || value instanceof Promise
  );
}
