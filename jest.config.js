"use strict";

/** One project per tier; a tier's tests live in test/<tier>/ (see CONTRIBUTING.md). */
const tier = (name, { timeoutSeconds, ...extra } = {}) => ({
  displayName: name,
  testEnvironment: "node",
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  transform: { "\\.(ts|sh)$": "<rootDir>/test/support/esbuild-transform.js" },
  // `testTimeout` has no effect in a project (Jest 30), so a set-up file hands this on.
  globals: { testTimeoutSeconds: timeoutSeconds },
  setupFilesAfterEnv: ["test-timeout.js", "has-assertions.js"].map(
    (file) => `<rootDir>/test/support/${file}`,
  ),
  ...extra,
});

/** Tiers that run the package as installed need dist/ of today. */
const built = { globalSetup: "<rootDir>/test/support/build-package.js" };

/** Tiers that run against the lab share one, and take turns. */
const inLab = {
  globalSetup: "<rootDir>/test/support/start-lab.ts",
  globalTeardown: "<rootDir>/test/support/stop-lab.ts",
  timeoutSeconds: 300,
};

// Generous, because a machine may be busy: a limit is there to end what hangs, not to judge speed.
module.exports = {
  projects: [
    tier("unit", { timeoutSeconds: 120 }),
    tier("laws", { timeoutSeconds: 120 }),
    tier("repository", { timeoutSeconds: 120 }),
    tier("ssh", { ...built, timeoutSeconds: 180 }),
    tier("protocol", { ...built, timeoutSeconds: 180 }),
    tier("package", { ...built, timeoutSeconds: 300 }),
    tier("qemu", { timeoutSeconds: 600 }),
    tier("contract", { timeoutSeconds: 900 }),
    tier("lab", inLab),
    tier("lab-older", {
      ...inLab,
      timeoutSeconds: 600,
      testMatch: ["<rootDir>/test/lab-older/**/*.test.ts", "<rootDir>/test/lab/lab-itself.test.ts"],
    }),
    tier("faults", inLab),
    tier("boots", inLab),
    tier("lab-long", { ...inLab, timeoutSeconds: 1800 }),
    tier("pulumi", inLab),
    tier("examples", { ...built, timeoutSeconds: 180 }),
    tier("programs", { ...built, timeoutSeconds: 300 }),
  ],
};
