import { execFileSync } from "node:child_process";
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { composeReport } from "../../../provider/inspect";
import { getPciDevices, getPciDevicesOutput } from "../../../sdk/nodejs";
import { card, input } from "../../support/inspection-inputs";

const bundle = { inspectHost: jest.fn<Promise<unknown>, [unknown, unknown?]>() };
jest.mock("pulumi-multifunction-pci/provider", () => bundle, { virtual: true });

const report = composeReport(input(card("0000:01:00", { shared: 7 })));

beforeEach(() => bundle.inspectHost.mockReset().mockResolvedValue(report));

test("the arguments go to the provider as they are, beside the stack's configuration", async () => {
  pulumi.runtime.setAllConfig({ "multifunction-pci:password": "of the stack" });
  const args = { connection: { host: "hv1" }, guest: { domain: "guest1" } };
  expect(await getPciDevices(args)).toEqual(report);
  const [given, { config }] = bundle.inspectHost.mock.calls[0] as [
    unknown,
    { config: { get: (key: string) => string | undefined } },
  ];
  expect(given).toBe(args);
  expect(config.get("multifunction-pci:password")).toBe("of the stack");
  expect(config.get("multifunction-pci:privateKey")).toBeUndefined();
});

test("outputs are waited for, and what comes of a credential is a secret", async () => {
  const host = pulumi.output(Promise.resolve("hv1"));
  const resultOf = async (output: pulumi.Output<unknown>): Promise<unknown> =>
    new Promise((resolve) => output.apply(resolve));
  const open = getPciDevicesOutput({ connection: { host } });
  expect(await resultOf(open)).toEqual(report);
  expect(await pulumi.isSecret(open)).toBe(false);
  expect(bundle.inspectHost.mock.calls[0]?.[0]).toEqual({ connection: { host: "hv1" } });

  const sealed = getPciDevicesOutput({ connection: { host, password: "word" }, guest: { domain: "guest1" } });
  expect(await resultOf(sealed)).toEqual(report);
  expect(await pulumi.isSecret(sealed)).toBe(true);
  expect(bundle.inspectHost.mock.calls[1]?.[0]).toEqual({
    connection: { host: "hv1", password: "word" },
    guest: { domain: "guest1" },
  });
});

test("a program that imports the SDK does not load the provider with it", () => {
  const repository = path.resolve(__dirname, "../../..");
  const program = `
    const { buildSync } = require("esbuild");
    const { outputFiles } = buildSync({
      entryPoints: ["sdk/nodejs/index.ts"], bundle: true, write: false, platform: "node", format: "cjs",
      external: ["@pulumi/pulumi", "pulumi-multifunction-pci/*"],
    });
    const asked = [];
    const module = { exports: {} };
    const requireAsked = (name) => { asked.push(name); return require(name); };
    new Function("require", "module", "exports", outputFiles[0].text)(requireAsked, module, module.exports);
    console.log(JSON.stringify({ asked, bytes: outputFiles[0].text.length, has: typeof module.exports.getPciDevices }));
  `;
  const printed = execFileSync(process.execPath, ["-e", program], { cwd: repository, encoding: "utf8" });
  const { asked, bytes, has } = JSON.parse(printed) as { asked: string[]; bytes: number; has: string };
  expect([...new Set(asked)]).toEqual(["@pulumi/pulumi"]);
  expect(bytes).toBeLessThan(16 * 1024);
  expect(has).toBe("function");
});
