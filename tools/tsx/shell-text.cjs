"use strict";
/**
 * For programs that tsx runs from the sources: a shell script that they import is its text, as in the build.
 * They import this file first, because tsx knows no such files. By hand: `npx tsx --require
 * ./tools/tsx/shell-text.cjs FILE`.
 */
const fs = require("node:fs");

require.extensions[".sh"] = (script, file) => {
  script.exports = fs.readFileSync(file, "utf8");
};
