"use strict";

/**
 * What the lint rule on imports does not see: circles in which an arrow is a type alone, and circles of
 * folders.
 */
module.exports = {
  forbidden: [
    {
      name: "no-circle-of-files",
      comment: "Files that import each other cannot be read, tested or moved one by one.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-circle-of-folders",
      comment: "A folder stands above all that it imports; an arrow back up makes the two one room.",
      severity: "error",
      scope: "folder",
      from: {},
      to: { circular: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    includeOnly: "^(provider|sdk|cli)/",
  },
};
