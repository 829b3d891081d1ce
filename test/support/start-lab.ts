import { SHARED_LAB_VARIABLE, startLab, type Lab } from "../../lab";
import buildPackage from "./build-package.js";

declare global {
  /** The lab of this test run; set in Jest's own process only. */
  var sharedLab: Promise<Lab> | undefined;
}

/**
 * Jest global setup of the tiers that need the lab: one lab for the whole run, whichever tiers run.
 * Test files take turns with it by `connectLab()`, which finds it through the environment.
 */
export default async function startSharedLab(): Promise<void> {
  buildPackage();
  globalThis.sharedLab ??= startLab();
  const lab = await globalThis.sharedLab;
  await lab.disconnect();
  process.env[SHARED_LAB_VARIABLE] = lab.runFolder;
}
