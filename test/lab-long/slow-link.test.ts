import { readFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../support/eventually";
import { attachmentLab, NIC } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();
const e1000e = ["e1000e", "e1000e", "e1000e", "e1000e"];

/** Where the host listens behind the slow link. */
const SLOW_PORT = 2222;

/** Makes a way to the host's sshd on which the round trip takes 200 ms longer, and something is lost. */
const makeSlowLink = `port=${SLOW_PORT}\n${readFileSync(join(__dirname, "slow-link.sh"), "utf8")}`;

/** A look for a preview is given up after 15 s. */
const PREVIEW_MS = 20_000;

test("an attachment is made, changed and returned over a slow link that loses packets", async () => {
  const { host, port, privateKey, hostKey } = lab.lab.ssh;
  const proxy = { host, port, user: "operator", privateKey, hostKey };
  const connection = { port: SLOW_PORT, proxy };
  const { code, stderr } = await lab.lab.exec(makeSlowLink);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const before = await lab.loginsOf("root");

  const { id, outs } = await lab.create({ connection });
  await eventually(
    () => lab.pluggedFunctions(),
    [0, 1, 2, 3].map((n) => `0000:08:00.${n}`),
  );

  const news = await lab.check(lab.inputs({ connection, functions: [0, 2], leftovers: "hold" }), outs);
  lab.printed = [];
  const since = Date.now();
  expect(await lab.provider.diff(id, outs, news)).toMatchObject({ changes: true, replaces: [] });
  expect(Date.now() - since).toBeLessThan(PREVIEW_MS);
  expect(lab.printed.join("\n")).toMatch(/plan:|the plan will be made at apply/);
  const updated = (await lab.provider.update(id, outs, news)).outs as Record<string, unknown>;
  await eventually(() => lab.pluggedFunctions(), ["0000:08:00.0", "0000:08:00.2"]);
  const read = await lab.provider.read(id, updated);
  expect(read.id).toBe(id);

  await lab.provider.delete(id, updated);
  expect(await lab.loginsOf("root")).toBe(before + 1);
  await eventually(() => lab.pluggedFunctions(), []);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});
