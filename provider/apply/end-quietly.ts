/**
 * Ends a listening. What was done stays done where that fails, with its result or its own error: the way to
 * the guest may be gone by then, and what it was needed for is over.
 */
export async function endQuietly(stop: (() => Promise<void>) | undefined): Promise<void> {
  await stop?.().catch(() => undefined);
}
