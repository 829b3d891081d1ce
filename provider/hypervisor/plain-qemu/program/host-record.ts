/** One record of an answer: its kind, and the rest of the line. */
export interface HostRecord {
  readonly kind: string;
  readonly text: string;
}
