"use strict";
// Jest transform by esbuild, which the package itself is built with: TypeScript to CommonJS, and shell
// scripts to their text.
const path = require("node:path");
const { transformSync } = require("esbuild");

const loaders = { ".ts": "ts", ".sh": "text" };

module.exports = {
  process(source, filename) {
    const { code, map } = transformSync(source, {
      loader: loaders[path.extname(filename)] ?? "js",
      format: "cjs",
      target: "node20",
      sourcemap: "external",
      sourcefile: filename,
    });
    return { code, map };
  },
};
