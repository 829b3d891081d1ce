import type { FunctionFacts, HostFacts, ListedFunction } from "../host/facts";
import type { GuestIdentity, Observation } from "../plan";

/** Who has functions of the host. */
export type Holders = Pick<Observation, "holdings" | "ledger" | "olderLibvirt" | "unreadGuests"> & {
  readonly hostUuid?: string;
};

/** Everything that an inspection has read. */
export interface InspectionInput {
  /** `root@hv1:22` */
  readonly label: string;
  readonly hostKeyFingerprint: string;
  readonly functions: readonly ListedFunction[];
  readonly facts: HostFacts;
  /** Undefined if they were not told: the notes say why. */
  readonly functionFacts?: FunctionFacts;
  /** The guest that was asked for; or who has what, where none was. */
  readonly seen:
    | { readonly by: "guest"; readonly observation: Observation }
    | { readonly by: "host"; readonly holders: Holders; readonly guests?: readonly GuestIdentity[] };
  /** What could not be found out, in sentences. */
  readonly notes: readonly string[];
  readonly arguments: ProgramArguments;
}

/** What a program has to say of host and guest; no credentials. */
export interface ProgramArguments {
  readonly connection: PublicConnection;
  /** Those that were given. */
  readonly credentials: readonly ("privateKey" | "privateKeyPassword" | "password")[];
  /** Undefined: a guest is yet to be named. */
  readonly guest?: Readonly<Record<string, string>>;
}

/** The fields of a connection that are no credentials. */
export interface PublicConnection {
  readonly [field: string]: string | number | PublicConnection;
}
