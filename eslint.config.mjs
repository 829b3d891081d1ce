import { readdirSync } from "node:fs";
import path from "node:path";
import js from "@eslint/js";
import stylistic from "@stylistic/eslint-plugin";
import importX from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

/**
 * Who may import whom (the arrows of CONTRIBUTING.md's table): each room of provider/ and the rooms that it
 * knows. What is not named may not be imported.
 */
const rooms = {
  errors: [],
  async: ["errors"],
  pci: ["errors"],
  qmp: ["async", "errors"],
  "libvirt-rpc": ["async", "errors"],
  ssh: ["async", "errors"],
  host: ["pci", "async", "errors"],
  plan: ["host", "pci", "errors"],
  inspect: ["plan", "host", "pci", "errors"],
  apply: ["plan", "host", "pci", "async", "errors"],
  hypervisor: ["apply", "plan", "host", "pci", "qmp", "libvirt-rpc", "async", "errors"],
  resource: ["apply", "plan", "pci", "errors"],
  connections: [
    "resource",
    "hypervisor",
    "apply",
    "ssh",
    "host",
    "qmp",
    "libvirt-rpc",
    "pci",
    "async",
    "errors",
  ],
  operations: ["connections", "resource", "inspect", "apply", "plan", "host", "pci", "async", "errors"],
  dynamic: ["operations", "connections", "async", "errors"],
};

/**
 * Programs in test/ that are no tier (`npm run soak`, `npm run test:faults`), by the tiers that test them.
 */
const programsUnderTest = {
  repository: ["soak", "faults"],
  qemu: ["soak"],
};

const zones = [
  ...Object.entries(rooms).map(([room, known]) => ({
    target: `./provider/${room}`,
    from: "./provider",
    except: [room, ...known].map((name) => `./${name}`),
    message: `provider/${room} knows only ${known.join(", ") || "itself"}.`,
  })),
  {
    target: "./provider/host/facts",
    from: ["./provider/host/helper", "./provider/host/uses"],
    message: "Facts are data: they know neither who reads them nor what is concluded from them.",
  },
  {
    target: "./provider/host/uses",
    from: "./provider/host/helper",
    message: "Uses follow from facts, however these were read.",
  },
  {
    target: "./provider/host/helper",
    from: "./provider/host/uses",
    message: "The helper reads facts; what is concluded from them is not its own.",
  },
  {
    target: "./sdk",
    from: "./provider",
    message: "Programs import sdk/; the shim alone reaches the provider.",
  },
  { target: "./provider", from: "./sdk", message: "The provider runs without sdk/." },
  {
    target: "./cli",
    from: "./provider",
    message: "The command line asks the provider's bundle when it runs.",
  },
  ...["./sdk", "./provider"].map((target) => ({
    target,
    from: "./cli",
    message: "Nothing imports the command line.",
  })),
  ...["./sdk", "./provider", "./cli"].flatMap((target) =>
    ["./lab", "./tools", "./bench", "./test", "./examples"].map((from) => ({
      target,
      from,
      message: "What is published imports nothing that is not.",
    })),
  ),
  ...["./tools", "./bench"].map((target) => ({
    target,
    from: "./test",
    except: ["./support"],
    message: "A tier's own files are its own; what others need of them stands in test/support.",
  })),
  ...readdirSync(path.join(import.meta.dirname, "test"))
    .filter((tier) => tier !== "support")
    .map((tier) => ({
      target: `./test/${tier}`,
      from: "./test",
      except: [tier, "support", ...(programsUnderTest[tier] ?? [])].map((name) => `./${name}`),
      message: "A tier's own files are its own; what others need of them stands in test/support.",
    })),
  {
    target: "./test/support",
    from: "./test",
    except: ["./support"],
    message: "What all tiers share knows none of them.",
  },
  {
    target: "./lab",
    from: ["./tools", "./test", "./bench"],
    message: "The lab knows nobody who uses it.",
  },
];

/** Third-party packages and the one room that each stays in. */
const adapters = {
  ssh2: "ssh",
  "@pulumi/pulumi": "dynamic",
  zod: "resource",
};

const foreignPackages = (room) =>
  Object.entries(adapters)
    .filter(([, home]) => home !== room)
    .map(([name, home]) => ({
      regex: `^${name}(/|$)`,
      message: `${name} stays inside ${name === "@pulumi/pulumi" ? "sdk and " : ""}provider/${home}.`,
    }));

const ioModules = {
  regex: "^node:(?!crypto$|util$|assert)",
  message: "This room does no I/O.",
  allowTypeImports: true,
};

/**
 * Whoever starts a program has to keep credentials out of its environment
 * (provider/ssh/config/child-environment.ts).
 */
const noPrograms = {
  regex: "^(node:)?child_process$",
  message:
    "provider/ssh/config/local-program.ts and shell-command.ts alone start programs, without credentials in their environment.",
};

/**
 * What reads a clock, sets a timer, makes randomness or waits for a signal: provider/async alone does, behind
 * one port.
 */
const useClock = "Time stands behind provider/async/clock.ts: now, setTimer, setRepeatingTimer, onNextTurn.";
const useRandom = "Randomness stands behind provider/async/random.ts: randomHex, randomFraction.";
const useSleep = "Use sleep or Alarm of provider/async/sleep.ts.";
const useLimit = "Use withTimeLimit or settledWithin of provider/async/time-limit.ts.";
const useAbort = "Use onAbort, untilAborted or anySignal of provider/async/abort.ts.";

const timeAndChanceImports = [
  { regex: "^(node:)?timers$", message: useClock },
  { regex: "^(node:)?timers/promises$", message: useSleep },
  { regex: "^(node:)?perf_hooks$", message: useClock },
  {
    regex: "^(node:)?crypto$",
    importNamePattern: "^(random|getRandom|generate|webcrypto|default$)",
    message: useRandom,
  },
  { regex: "^(node:)?events$", importNamePattern: "^addAbortListener$", message: useAbort },
];

const timeAndChance = {
  files: ["provider/**/*.ts"],
  ignores: ["provider/async/**"],
  rules: {
    "no-restricted-globals": [
      "error",
      ...["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "clearImmediate"].map(
        (name) => ({ name, message: useClock }),
      ),
      { name: "performance", message: useClock },
      { name: "crypto", message: useRandom },
      ...["globalThis", "global"].map((name) => ({
        name,
        message: "A global is named without it, so that rules see it.",
      })),
    ],
    "no-restricted-properties": [
      "error",
      { object: "Date", property: "now", message: useClock },
      { object: "process", property: "hrtime", message: useClock },
      { object: "process", property: "uptime", message: useClock },
      { object: "Math", property: "random", message: useRandom },
      { object: "AbortSignal", property: "timeout", message: useLimit },
      { object: "AbortSignal", property: "any", message: useAbort },
      { object: "Promise", property: "race", message: `${useLimit} ${useAbort}` },
    ],
    "no-restricted-syntax": [
      "error",
      { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: useClock },
      { selector: "CallExpression[callee.name='Date']", message: useClock },
      {
        selector: "CallExpression[callee.property.name=/EventListener$/][arguments.0.value='abort']",
        message: useAbort,
      },
      { selector: "MemberExpression[property.name='onabort']", message: useAbort },
    ],
  },
};

/**
 * These rooms have no way out of the process: bytes come to a protocol through provider/async/byte-stream.ts.
 */
const roomsWithoutIo = ["async", "pci", "qmp", "libvirt-rpc", "plan", "inspect"];

const restrictedImports = Object.keys(rooms).map((room) => ({
  files: [`provider/${room}/**/*.ts`],
  rules: {
    "@typescript-eslint/no-restricted-imports": [
      "error",
      {
        patterns: [
          ...foreignPackages(room),
          ...(roomsWithoutIo.includes(room) ? [ioModules] : []),
          ...(room === "async" ? [] : timeAndChanceImports),
          noPrograms,
        ],
      },
    ],
  },
}));

const allowedToStartPrograms = {
  files: ["provider/ssh/config/local-program.ts", "provider/ssh/config/shell-command.ts"],
  rules: {
    "@typescript-eslint/no-restricted-imports": [
      "error",
      { patterns: [...foreignPackages("ssh"), ...timeAndChanceImports] },
    ],
  },
};

/** A title beyond this is cut in a list of failures, and nobody types it after `-t`. */
const MAX_TITLE_WORDS = 14;
const longTitles = ["callee.name", "callee.callee.object.name"].map((name) => ({
  selector: `CallExpression[${name}=/^(it|test)$/] > Literal:first-child[value=/^(\\S+\\s+){${MAX_TITLE_WORDS}}\\S/]`,
  message: `The title of a test has at most ${MAX_TITLE_WORDS} words.`,
}));

/** Files of one concept that is longer than the rule allows, each with its reason. */
const longFiles = [
  // One method for each call of libvirt's protocol that the provider makes: parts of it would share every
  // private member.
  { file: "provider/libvirt-rpc/libvirt-client.ts", lines: 460 },
].map(({ file, lines }) => ({ files: [file], rules: { "max-lines": ["error", lines] } }));

export default tseslint.config(
  { ignores: ["dist/", "node_modules/", "coverage/", "test/fixtures/"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    plugins: { "import-x": importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    settings: {
      "import-x/resolver-next": [importX.createNodeResolver({ extensions: [".ts", ".js", ".json"] })],
    },
    rules: {
      "import-x/no-restricted-paths": ["error", { basePath: import.meta.dirname, zones }],
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/explicit-module-boundary-types": "error",
      // `return reject(error)` is an early return; `async` without `await` turns a throw into a rejection.
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/require-await": "off",
      // Numbers in messages are what messages are for.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // An underscore says: here because of the signature.
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true },
      ],
      eqeqeq: "error",
      "object-shorthand": "error",
      "no-useless-rename": "error",
    },
  },
  {
    files: ["sdk/**/*.ts"],
    rules: {
      "@typescript-eslint/no-restricted-imports": [
        "error",
        { patterns: foreignPackages("dynamic").concat(ioModules) },
      ],
    },
  },
  ...restrictedImports,
  allowedToStartPrograms,
  timeAndChance,
  {
    // What is said goes to the progress that an adapter hands in.
    files: ["provider/**/*.ts"],
    ignores: ["provider/dynamic/**"],
    rules: { "no-console": "error" },
  },
  {
    files: ["{provider,sdk,cli}/**/*.ts"],
    rules: {
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", 60],
      "@typescript-eslint/max-params": ["error", { max: 5 }],
    },
  },
  ...longFiles,
  {
    plugins: { "@stylistic": stylistic },
    rules: {
      // Prettier holds the width of code, and leaves comments as they are.
      "@stylistic/max-len": ["error", { code: 1000, comments: 110, ignoreUrls: true }],
    },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      // Tests hand wrong things in on purpose, and look into what they get.
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/unbound-method": "off",
      "@typescript-eslint/explicit-module-boundary-types": "off",
      "no-restricted-syntax": ["error", ...longTitles],
    },
  },
  {
    files: ["**/*.{js,mjs,cjs}"],
    languageOptions: {
      globals: Object.fromEntries(
        [
          "process",
          "console",
          "module",
          "require",
          "__dirname",
          "Buffer",
          "setTimeout",
          "setInterval",
          "clearTimeout",
          "clearInterval",
          "jest",
          "beforeEach",
          "expect",
          "URL",
        ].map((name) => [name, "readonly"]),
      ),
    },
  },
);
