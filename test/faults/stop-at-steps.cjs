"use strict";
// Preloaded into the provider's process (NODE_OPTIONS=--require): every line with which a step of a plan
// begins stops the process, until the test lets it go on. What the provider prints is its own; nothing in it
// knows of this.
const fs = require("node:fs");

const folder = process.env["FAULT_GATE"];
if (folder && process.argv.some((argument) => argument.includes("dynamic-provider"))) {
  // Opened for both directions, so that neither the opening nor the last reader's leaving is an event.
  const steps = fs.openSync(`${folder}/steps`, "r+");
  const go = fs.openSync(`${folder}/go`, "r+");
  const print = console.log.bind(console);
  console.log = (...words) => {
    print(...words);
    const step = /^\S+: (\d+\/\d+ .*)$/.exec(String(words[0]));
    if (!step) return;
    fs.writeSync(steps, `${step[1]}\n`);
    fs.readSync(go, Buffer.alloc(1));
  };
}
