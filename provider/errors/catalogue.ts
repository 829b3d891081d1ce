/**
 * Every error a user can meet: stable code → message. A message says what happened, where, actual and
 * expected, and what to do next; it never holds a credential or a whole document of the peer.
 * docs/errors.md lists each code with cause and cure; a test holds the two together.
 */
export const catalogue = {
  // --- ssh ---
  SSH_DIAL_FAILED: (d: { target: string; attempts: number; reason: string }) =>
    `cannot reach ${d.target} over SSH after ${d.attempts} attempt(s): ${d.reason}. ` +
    `Check connection.host and connection.port, and that sshd listens there.`,
  // --- libvirt ---
  // --- input ---
  // --- planning ---
  // --- lifecycle ---
} as const;

export type ErrorCode = keyof typeof catalogue;
