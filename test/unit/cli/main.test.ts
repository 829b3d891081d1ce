import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { main } from "../../../cli/main";
import { USAGE } from "../../../cli/usage";
import { readText } from "../../support/documents/markdown";
import { describeHostSetup, hostListLines } from "../../../provider/errors";
import { composeReport, describeReport } from "../../../provider/inspect";
import type { GetPciDevicesArgs, PciDevices } from "../../../sdk/nodejs";
import { card, input, port } from "../../support/inspection-inputs";

const bundle = {
  inspectHost: jest.fn(),
  recordHost: jest.fn(),
  describeReport,
  describeHostSetup,
  hostListLines,
};
jest.mock("pulumi-multifunction-pci/provider", () => bundle, { virtual: true });

const report: PciDevices = composeReport(
  input([...card("0000:01:00", { shared: 7 }), port("0000:02:00.0", { iommuGroup: 9 })]),
);

beforeEach(() => bundle.inspectHost.mockReset().mockResolvedValue(report));

async function run(
  line: string,
  terminal: { readonly isTTY?: boolean; readonly columns?: number } = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const text = { out: "", err: "" };
  stdout.on("data", (chunk) => (text.out += String(chunk)));
  stderr.on("data", (chunk) => (text.err += String(chunk)));
  const code = await main(line.split(" "), { stdout: Object.assign(stdout, terminal), stderr, environment });
  await new Promise((resolve) => setImmediate(resolve));
  return { code, ...text };
}

test("the answer goes to standard output, and nothing else does", async () => {
  const { code, out, err } = await run("inspect hv1 --guest guest1");
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain("0000:01:00  0-3        Intel Corporation I350");
  const [args] = bundle.inspectHost.mock.calls[0] as [GetPciDevicesArgs];
  expect(args).toEqual({ connection: { host: "hv1" }, guest: { domain: "guest1" } });
});

test("--json prints what getPciDevices returns, of one device where that is asked for", async () => {
  expect(JSON.parse((await run("inspect hv1 --json")).out)).toEqual(report);
  const one = JSON.parse((await run("inspect hv1 --json --device 02:00")).out) as PciDevices;
  expect(one).toEqual({ ...report, devices: [report.devices[1]] });
  const none = await run("inspect hv1 --device 03:00");
  expect(none).toEqual({ code: 1, out: "", err: "root@hv1:22 has no PCI device at 0000:03:00\n" });
});

test("record writes what it is given into a file that was not there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "multifunction-pci-record-"));
  const file = join(folder, "report.json");
  bundle.recordHost.mockReset().mockResolvedValue({ format: 1, links: [] });
  const { code, out, err } = await run(`record hv1 ${file}`);
  expect([code, out]).toEqual([0, ""]);
  expect(err).toContain(`${file} has no names of this host`);
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ format: 1, links: [] });
  expect((bundle.recordHost.mock.calls[0] as unknown[])[0]).toEqual({ connection: { host: "hv1" } });
  const again = await run(`record hv1 ${file}`);
  expect([again.code, bundle.recordHost.mock.calls.length]).toEqual([2, 1]);
  expect(again.err).toMatch(/report\.json exists; name a file that is to be made/);
  rmSync(folder, { recursive: true });
});

test("there are colours on a terminal alone, unless NO_COLOR or a dumb terminal", async () => {
  const hasColours = async (...rest: [object?, Record<string, string>?]): Promise<boolean> =>
    (await run("inspect hv1", ...rest)).out.includes("\u001b");
  expect(await hasColours({ isTTY: true })).toBe(true);
  expect(await hasColours({ isTTY: true }, { NO_COLOR: "" })).toBe(true);
  expect(await hasColours({ isTTY: true }, { NO_COLOR: "1" })).toBe(false);
  expect(await hasColours({ isTTY: true }, { TERM: "dumb" })).toBe(false);
  expect(await hasColours({})).toBe(false);
});

test("the text is as wide as the terminal, within reason, and 80 columns elsewhere", async () => {
  const widest = async (terminal: object): Promise<number> =>
    Math.max(
      ...(await run("inspect hv1", terminal, { NO_COLOR: "1" })).out.split("\n").map((line) => line.length),
    );
  expect(await widest({})).toBeLessThanOrEqual(80);
  expect(await widest({ isTTY: true, columns: 400 })).toBeLessThanOrEqual(120);
  expect(await widest({ isTTY: true, columns: 60 })).toBeLessThan(
    await widest({ isTTY: true, columns: 100 }),
  );
});

test("what is done is told on standard error after two seconds", async () => {
  jest.useFakeTimers({ doNotFake: ["setImmediate"] });
  try {
    bundle.inspectHost.mockImplementation(
      async (_args, { progress }: { progress: (line: string) => void }) => {
        progress("connecting to hv1");
        jest.advanceTimersByTime(1999);
        progress("looking at the devices of root@hv1:22");
        jest.advanceTimersByTime(1);
        progress("and more");
        return report;
      },
    );
    const { code, err } = await run("inspect hv1 --json");
    expect([code, err]).toEqual([0, "looking at the devices of root@hv1:22 …\nand more …\n"]);
  } finally {
    jest.useRealTimers();
  }
});

test("wrong usage ends with 2, a failure with 1 and its own message", async () => {
  const usage = await run("inspect");
  expect(usage).toEqual({
    code: 2,
    out: "",
    err: "inspect takes a host: [USER@]HOST\nSee pulumi-multifunction-pci --help.\n",
  });
  const failing = async (error: Error): Promise<unknown> => {
    bundle.inspectHost.mockRejectedValue(error);
    const { code, out, err } = await run("inspect hv1");
    return [code, out, err];
  };
  expect(await failing(new Error("the host key of hv1 is not known [SSH_HOST_KEY_UNKNOWN]"))).toEqual([
    1,
    "",
    "the host key of hv1 is not known [SSH_HOST_KEY_UNKNOWN]\n",
  ]);
  const argument = Object.assign(new TypeError("guest.uri is of libvirt"), { name: "ArgumentError" });
  expect(await failing(argument)).toEqual([2, "", "guest.uri is of libvirt\n"]);
});

test("host-rules prints the list, and the commands beside it, and connects to nothing", async () => {
  const { code, out, err } = await run(
    "host-rules me@hv1 --qmp-socket /run/qemu/vm100.qmp --device 01:00 --device 02:00.0",
  );
  expect([code, out]).toEqual([
    0,
    "socket /run/qemu/vm100.qmp\ndevice 0000:01:00\ndevice 0000:02:00.0\nchange me\n",
  ]);
  expect(err).toContain("dist/multifunction-pci-host me@hv1:\n");
  expect(err).toContain(`'${out.trimEnd().replaceAll("\n", "' '")}' >> /etc/multifunction-pci-host.conf`);
  expect(bundle.inspectHost).not.toHaveBeenCalled();
  const look = await run("host-rules hv1 --qmp-socket /run/qemu/vm100.qmp --device 01:00 --look");
  expect(look.out).toContain("\nlook pulumi-pci\n");
});

test("the help fits 80 columns and names every option that docs/inspect.md explains", async () => {
  const { code, out } = await run("--help");
  expect([code, out]).toEqual([0, USAGE]);
  for (const line of USAGE.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  const options = (text: string): string[] => [...new Set(text.match(/--[a-z][a-z-]+/g))].sort();
  expect(options(USAGE)).toEqual(options(readText("docs/inspect.md")));
});
