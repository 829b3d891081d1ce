import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { buildSync } from "esbuild";
import { DynamicProvider } from "../support/dynamic-provider";
import { attachedState } from "../support/dynamic-provider/inputs";

/**
 * The error that keeps the state, through Pulumi's own encoding: a stand-in for the package is installed
 * whose methods throw this project's PartialFailure with properties that the encoding throws at (undefined,
 * Map, Date, NaN).
 */
const repository = path.resolve(__dirname, "../..");
const standIn = `
  import { PartialFailure } from "./provider/dynamic/partial-failure";
  import { toEngineProperties } from "./provider/dynamic/engine-values";
  const nasty = { gone: undefined, list: [1, undefined, { gone: undefined }], map: new Map(), when: new Date(0), no: NaN };
  export const provider = {
    configure: async () => {},
    create: async (inputs) => {
      throw new PartialFailure("the-id", { ...inputs, ...nasty }, new Error("plug of 0000:01:00.1 failed"));
    },
    update: async (id, olds, news) => {
      throw new PartialFailure(id, { ...olds, ...news, ...nasty }, new Error("the old set was put back"));
    },
    read: async (id, props) => ({ id, props: toEngineProperties({ ...props, ...nasty }), inputs: toEngineProperties(nasty) }),
  };
`;
const encoded = { list: [1, null, {}], map: null, when: null, no: null };

let folder: string;
let provider: DynamicProvider;

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "multifunction-pci-stand-in-"));
  const modules = path.join(folder, "node_modules");
  fs.mkdirSync(path.join(modules, "pulumi-multifunction-pci"), { recursive: true });
  buildSync({
    stdin: { contents: standIn, resolveDir: repository, loader: "js" },
    outfile: path.join(modules, "pulumi-multifunction-pci/provider.js"),
    bundle: true,
    platform: "node",
    format: "cjs",
  });
  provider = await DynamicProvider.start({ folder });
  await provider.configure({});
});
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  fs.rmSync(folder, { recursive: true, force: true });
});

test("a create that failed half-way hands over id, properties and reason", async () => {
  await expect(provider.create(attachedState)).rejects.toMatchObject({
    partial: {
      id: "the-id",
      properties: { ...attachedState, ...encoded },
      reasons: ["plug of 0000:01:00.1 failed"],
    },
  });
});

test("an update that failed half-way hands over what is true now", async () => {
  await expect(provider.update("the-id", attachedState, { functions: [0] })).rejects.toMatchObject({
    partial: {
      id: "the-id",
      properties: { ...attachedState, functions: [0], ...encoded },
      reasons: ["the old set was put back"],
    },
  });
});

test("values that the encoding cannot take are left out or null, wherever they stand", async () => {
  expect(await provider.read("the-id", { a: 1 })).toEqual({
    id: "the-id",
    props: { a: 1, ...encoded },
    inputs: encoded,
  });
});
