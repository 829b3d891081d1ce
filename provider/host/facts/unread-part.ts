/** A part of what a host has told that cannot be read, and so may be anything. */
export interface UnreadPart {
  /**
   * `interfaces`, `routes`: what `ip` prints of them, whole or some of it. `route-to-client`: the way back of
   * this connection. `connection`: over which interface it comes. `record`: one line of the survey.
   * `beneath`: devices that there was no room for.
   */
  readonly part: "interfaces" | "routes" | "route-to-client" | "connection" | "record" | "beneath";
  /** What is wrong with it: a phrase that follows its name; of a record its beginning. */
  readonly reason: string;
}
