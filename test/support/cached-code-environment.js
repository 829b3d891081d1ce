"use strict";
// Jest's own environment, with one saving: Jest compiles each module anew for each test file that imports it. What
// V8 has made of a module's text is kept within the worker here, and handed back for the same text.
const vm = require("node:vm");
const { TestEnvironment } = require("jest-environment-node");

const compileFunction = vm.compileFunction;
const compiled = new Map();

vm.compileFunction = (source, parameters, options) => {
  const known = compiled.get(options?.filename);
  if (known?.source === source)
    return compileFunction(source, parameters, { ...options, cachedData: known.cachedData });
  const made = compileFunction(source, parameters, { ...options, produceCachedData: true });
  if (options?.filename !== undefined)
    compiled.set(options.filename, { source, cachedData: made.cachedData });
  return made;
};

module.exports = TestEnvironment;
