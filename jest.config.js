"use strict";

/** One project per tier; a tier's tests live in test/<tier>/ (see CONTRIBUTING.md). */
const tier = (name, extra = {}) => ({
  displayName: name,
  testEnvironment: "node",
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  transform: { "\\.ts$": "<rootDir>/test/support/esbuild-transform.js" },
  ...extra,
});

module.exports = {
  projects: [tier("unit"), tier("ssh"), tier("protocol"), tier("lab"), tier("pulumi")],
};
