"use strict";

/** One project per tier; a tier's tests live in test/<tier>/ (see CONTRIBUTING.md). */
const tier = (name, extra = {}) => ({
  displayName: name,
  testEnvironment: "node",
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  transform: { "\\.ts$": "<rootDir>/test/support/esbuild-transform.js" },
  ...extra,
});

/** Tiers that run the package as installed need dist/ of today. */
const built = { globalSetup: "<rootDir>/test/support/build-package.js" };

/** Tiers that run against the lab share one, and take turns. */
const inLab = {
  globalSetup: "<rootDir>/test/support/start-lab.ts",
  globalTeardown: "<rootDir>/test/support/stop-lab.ts",
  testTimeout: 300_000,
};

module.exports = {
  projects: [tier("unit"), tier("ssh"), tier("protocol", built), tier("lab", inLab), tier("pulumi", inLab)],
};
