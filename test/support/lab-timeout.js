"use strict";
// For each test file of the tiers that need the lab: everything there takes seconds, and minutes on a busy
// machine.
jest.setTimeout(300_000);
