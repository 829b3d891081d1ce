import { spawn } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

const root = join(__dirname, "..", "..", "..");
const advisory = {
  id: 1,
  url: "https://example.org/1",
  title: "t",
  severity: "high",
  vulnerable_versions: "*",
};
let registry: Server;

/** `npm run audit` against a registry that knows these packages to be vulnerable. */
async function audit(
  vulnerable: readonly string[] | "refuses",
): Promise<{ code: number | null; output: string }> {
  registry = createServer((request, response) => {
    request.resume();
    const isAudit = request.url?.endsWith("/advisories/bulk") === true;
    response.statusCode = !isAudit ? 404 : vulnerable === "refuses" ? 405 : 200;
    const found = vulnerable === "refuses" ? [] : vulnerable.map((name) => [name, [advisory]]);
    response.end(JSON.stringify(isAudit ? Object.fromEntries(found) : {}));
  });
  await new Promise<void>((resolve) => registry.listen(0, "127.0.0.1", resolve));
  const { port } = registry.address() as AddressInfo;
  const env = {
    ...process.env,
    npm_config_registry: `http://127.0.0.1:${port}/`,
    npm_config_fetch_retries: "0",
  };
  const child = spawn(process.execPath, [join(root, "tools/release/audit.mjs")], { cwd: root, env });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += String(text)));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, output };
}

afterEach(() => new Promise((resolve) => registry.close(resolve)));

describe("The audit of what ships", () => {
  it("finds what is wrong with a dependency, and with a package that is bundled", async () => {
    const { code, output } = await audit(["ssh2", "zod", "jest"]);
    expect(output).toMatch(/^high: ssh2/m);
    expect(output).toMatch(/^high: zod/m);
    expect(output).not.toMatch(/jest/);
    expect(code).toBe(1);
  });

  it("is clean where nothing is known", async () => {
    expect(await audit(["jest"])).toMatchObject({ code: 0 });
  });

  it("says that nothing is known where the registry does not answer", async () => {
    const { code, output } = await audit("refuses");
    expect(output).toContain("does not answer audits");
    expect(code).toBe(2);
  });
});
