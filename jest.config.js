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

module.exports = {
  projects: [tier("unit"), tier("ssh"), tier("protocol", built), tier("lab", built), tier("pulumi", built)],
};
