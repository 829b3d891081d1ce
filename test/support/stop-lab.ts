/** Jest global teardown: ends the run's lab, for the first tier that asks; all tests are over by then. */
export default async function stopSharedLab(): Promise<void> {
  const lab = await globalThis.sharedLab;
  globalThis.sharedLab = undefined;
  await lab?.close();
}
