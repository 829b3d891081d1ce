import type { HostDisk } from "../facts";
import type { DiskLabel } from "./host-use";

/** The names alone. */
export function labelOf({ name, alias }: HostDisk): DiskLabel {
  return { name, ...(alias !== undefined && { alias }) };
}
