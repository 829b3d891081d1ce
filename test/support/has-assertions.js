"use strict";
// Jest set-up file: a test in which nothing was asserted cannot fail, so that it fails. What only has to end,
// or not to throw, says so: `await expect(promise).resolves…`, `expect(() => …).not.toThrow()`.
beforeEach(() => expect.hasAssertions());
