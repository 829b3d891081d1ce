"use strict";
// Jest set-up file: the time that a test or hook of this tier may take (jest.config.js says how long).
jest.setTimeout(globalThis.testTimeoutSeconds * 1000);
