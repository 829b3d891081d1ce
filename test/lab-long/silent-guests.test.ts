import { eventually } from "../support/eventually";
import { attachmentLab, NIC } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();
const e1000e = ["e1000e", "e1000e", "e1000e", "e1000e"];
const four = [0, 1, 2, 3].map((n) => `0000:08:00.${n}`);

/** Our devices that QEMU has. */
async function devicesOf(guest: string): Promise<string[]> {
  const { stdout } = await lab.lab.exec(
    `virsh qemu-monitor-command ${guest} '{"execute":"qom-list","arguments":{"path":"/machine/peripheral"}}'`,
  );
  return [...new Set(stdout.match(/mfpci-[a-z0-9-]+/g) ?? [])].sort();
}

/** Starts a guest that has a firmware and nothing to boot; `native`: its slots are not ACPI's. */
async function startWithoutSystem(name: string, slots: "acpi" | "native", start = "start"): Promise<void> {
  const native =
    `<qemu:commandline><qemu:arg value='-global'/>` +
    `<qemu:arg value='ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off'/></qemu:commandline></domain>`;
  const edits = [
    `s/guest2/${name}/`,
    "/<uuid>/d; /<kernel>/d; /<initrd>/d; /<cmdline>/d",
    "s/393216/131072/",
    `s|/run/lab/${name}.console|/run/lab/${name}.serial|`,
    ...(slots === "native"
      ? [
          `s|<domain type='qemu'>|<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>|`,
          `s|</domain>|${native}|`,
        ]
      : []),
  ];
  const sed = edits.map((one) => `-e "${one}"`).join(" ");
  const { code, stderr } = await lab.lab.exec(
    `virsh dumpxml guest2 --inactive | sed ${sed} > /run/${name}.xml && ` +
      `virsh define /run/${name}.xml && virsh start ${name} ${start === "start" ? "" : "--paused"}`,
  );
  if (code !== 0) throw new Error(stderr);
}

test("a paused guest: plan and error say so, and its late release is found", async () => {
  const created = await lab.create();
  const { id } = created;
  const hasty = { timeouts: { attachSeconds: 4, detachSeconds: 6 } };
  const outs: Record<string, unknown> = { ...created.outs, ...hasty };
  await lab.virsh("suspend guest1");
  const desired = { functions: [0, 2], leftovers: "hold" };
  const news = await lab.check(lab.inputs({ ...hasty, ...desired }), outs);
  lab.printed = [];
  await lab.provider.diff(id, outs, news);
  expect(lab.printed.join("\n")).toMatch(/unplug .*it is paused, and lets go only when it is resumed/);

  const startedAt = Date.now();
  const destroyed = await lab.failureOf(lab.provider.delete(id, outs));
  expect(Date.now() - startedAt).toBeLessThan(25_000);
  expect(destroyed.message).toMatch(/the guest is paused.*the request stays with it. Resume the guest/);
  // an update meets the request that is pending, and leaves the state with what is true
  const updated = await lab.failureOf(lab.provider.update(id, outs, news));
  expect(updated.reasons?.join()).toMatch(/the guest is paused/);
  expect(updated.properties).toMatchObject({ attached: outs["attached"] });
  expect(await devicesOf("guest1")).toHaveLength(4);

  await lab.virsh("resume guest1");
  await eventually(() => devicesOf("guest1"), []);
  expect((await lab.provider.read(id, outs)).props).toMatchObject({ attached: [] });
  const patient = await lab.check(lab.inputs(desired), outs);
  const again = await lab.provider.update(id, updated.properties ?? {}, patient);
  await eventually(() => lab.pluggedFunctions(), [four[0], four[2]]);
  await lab.provider.delete(id, again.outs as Record<string, unknown>);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});

test("a guest that has hung: the error says so; a reset completes the unplug", async () => {
  const { id, outs } = await lab.create({ timeouts: { detachSeconds: 13 } });
  await lab.lab.guestConsole("guest1", "(sleep 0.2; echo c > /proc/sysrq-trigger) &");
  lab.printed = [];
  const failure = await lab.failureOf(lab.provider.delete(id, outs));
  expect(failure.message).toMatch(/has not let go of .*, though it runs; the request stays with it/);
  expect(lab.printed.join("\n")).toMatch(/the guest has not let go yet; asking again/);
  expect(await lab.driversOf(NIC)).toEqual(Array(4).fill("vfio-pci"));
  await lab.virsh("reset guest1");
  await eventually(() => devicesOf("guest1"), []);
  await lab.provider.delete(id, outs);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});

test("a guest started paused is refused until it runs; its firmware takes the device", async () => {
  await startWithoutSystem("bare", "acpi", "paused");
  const inBare = { guest: { domain: "bare" }, timeouts: { detachSeconds: 6 } };
  const refused = await lab.failureOf(lab.create(inBare));
  expect(refused.code).toBe("GUEST_NEVER_RAN");
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  await lab.virsh("resume bare");
  const { id, outs } = await lab.create(inBare);
  expect(await devicesOf("bare")).toHaveLength(4);
  const failure = await lab.failureOf(lab.provider.delete(id, outs));
  expect(failure.message).toMatch(/Its system may still be starting, may have hung or know no hotplug/);
  // libvirt answers as ever, and an up leaves what is there as it is
  expect(await lab.virsh("domstate bare")).toMatch(/running/);
  const inputs = await lab.check(lab.inputs(inBare), outs);
  expect(await lab.provider.diff(id, outs, inputs)).toMatchObject({ changes: false });
  await lab.virsh("reset bare");
  await eventually(() => devicesOf("bare"), []);
  await lab.provider.delete(id, outs);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
});

test("a native slot that no system has switched on gives back at once", async () => {
  await startWithoutSystem("bare", "native");
  const { id, outs } = await lab.create({ guest: { domain: "bare" }, timeouts: { detachSeconds: 30 } });
  expect(outs["slot"]).toMatchObject({ bus: "pci.8" });
  expect(await devicesOf("bare")).toHaveLength(4);
  await lab.provider.delete(id, outs);
  expect(await devicesOf("bare")).toEqual([]);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
});

test("a guest named in other scripts is found by it in every operation", async () => {
  const name = "gäst-网络-شبكة-🙂";
  await startWithoutSystem(name, "native");
  const inGuest = { guest: { domain: name }, timeouts: { detachSeconds: 30 } };
  const made = await lab.create(inGuest);
  expect(await devicesOf(name)).toHaveLength(4);
  expect(await lab.preview(made, inGuest)).toMatchObject({ changes: false, plan: "" });
  expect((await lab.refresh(made))?.outs["attached"]).toEqual(made.outs["attached"]);
  const changed = await lab.up(made, { ...inGuest, functions: [0, 2], leftovers: "hold" });
  expect(changed.did).toBe("update");
  expect(await devicesOf(name)).toHaveLength(2);
  await lab.provider.delete(changed.kept.id, changed.kept.outs);
  expect(await devicesOf(name)).toEqual([]);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
});
