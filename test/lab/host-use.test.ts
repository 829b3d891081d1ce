import { attachmentLab, NIC, OTHER_NIC } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();
const e1000e = ["e1000e", "e1000e", "e1000e", "e1000e"];

test("a function whose interface has an address is refused, unless allowInUse takes it", async () => {
  await lab.lab.exec(
    `ip link set enp1s0f1 up; ip address add 192.0.2.1/24 dev enp1s0f1; ip link set enp1s0f2 up`,
  );
  const refused = await lab.failureOf(lab.create());
  expect([refused.code, refused.message]).toEqual([
    "FUNCTION_USED_BY_HOST",
    expect.stringContaining(
      `taken from it: ${NIC}.1 (e1000e) has interface enp1s0f1, which is up with address 192.0.2.1. Nothing was touched`,
    ),
  ]);
  expect(refused.message).toContain("set allowInUse to true");
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);

  const asLeftover = await lab.failureOf(lab.create({ functions: [0], leftovers: "hold" }));
  expect([asLeftover.code, asLeftover.message]).toEqual([
    "FUNCTION_USED_BY_HOST",
    expect.stringContaining(`${NIC}.1 (e1000e) has interface enp1s0f1`),
  ]);

  const { id, outs } = await lab.create({ allowInUse: true });
  expect(lab.printed.join("\n")).toMatch(
    /hold 0000:01:00\.1 .*allowed although it has interface enp1s0f1, which is up with address 192\.0\.2\.1/,
  );
  expect(outs["allowInUse"]).toBe(true);
  expect(outs["attached"]).toHaveLength(4);
  expect(await lab.driversOf(NIC)).toEqual(["vfio-pci", "vfio-pci", "vfio-pci", "vfio-pci"]);

  lab.printed = [];
  const without = await lab.check(lab.inputs(), outs);
  expect(await lab.provider.diff(id, outs, without)).toMatchObject({ changes: true, replaces: [] });
  expect(lab.printed.join("\n")).toMatch(/nothing on the host or in the guest changes/);
  const updated = (await lab.provider.update(id, outs, without)).outs as Record<string, unknown>;
  expect(updated["attached"]).toEqual(outs["attached"]);

  await lab.provider.delete(id, updated);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});

test("each function is refused for what is on its interface, unless merely up", async () => {
  const commands = [
    ...[0, 1, 2, 3].flatMap((n) => [`link set enp1s0f${n} up`, `link set enp2s0f${n} up`]),
    "link add link enp1s0f0 name v5 type vlan id 5",
    "link add link enp1s0f1 name macvtap7 type macvtap mode bridge",
    "link add br7 type bridge",
    "link set enp1s0f2 master br7",
    "link add gre7 type gre local 192.0.2.1 remote 192.0.2.2 dev enp1s0f3",
    "route add 198.51.100.0/24 dev enp1s0f3",
    "link set enp2s0f0 down",
    "link add bond7 type bond",
    "link set enp2s0f0 master bond7",
    "netns add other",
    "link set enp2s0f1 netns other",
  ];
  await lab.lab.exec(
    `modprobe -a bonding 8021q bridge macvtap ip_gre; ip -batch - <<'END'\n${commands.join("\n")}\nEND`,
  );
  const ofNic = await lab.failureOf(lab.create());
  expect(ofNic.code).toBe("FUNCTION_USED_BY_HOST");
  for (const use of [
    `${NIC}.0 (e1000e) has interface enp1s0f0, which carries VLAN v5`,
    `${NIC}.1 (e1000e) has interface enp1s0f1, which carries macvtap macvtap7`,
    `${NIC}.2 (e1000e) has interface enp1s0f2, which is a port of bridge br7`,
    `${NIC}.3 (e1000e) has interface enp1s0f3, which is up with a route to 198.51.100.0/24, and has interface enp1s0f3, which carries tunnel gre7 (gre)`,
  ])
    expect(ofNic.message).toContain(use);

  const ofOther = await lab.failureOf(lab.create({ device: OTHER_NIC }));
  expect(ofOther.code).toBe("FUNCTION_USED_BY_HOST");
  expect(ofOther.message).toContain(
    `${OTHER_NIC}.0 (e1000e) has interface enp2s0f0, which is a port of bond bond7; ` +
      `${OTHER_NIC}.1 (e1000e) has a network interface that is in another network namespace. Nothing was touched`,
  );
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.driversOf(OTHER_NIC)).toEqual(e1000e);

  await lab.lab.exec(`ip link delete bond7; ip netns delete other; sleep 1; ip link set enp2s0f0 up`);
  const { id, outs } = await lab.create({ device: OTHER_NIC });
  expect(outs["attached"]).toHaveLength(4);
  await lab.provider.delete(id, outs);
});

test("what carries this SSH connection is refused always, and the host's disk", async () => {
  const ssh = await lab.failureOf(lab.create({ device: "00:02", allowInUse: true }));
  expect([ssh.code, ssh.message]).toEqual([
    "FUNCTION_USED_BY_HOST",
    expect.stringMatching(
      /0000:00:02\.0 \(virtio-pci\) carries this SSH connection \(interface enp0s2\)\. .*never taken/,
    ),
  ]);
  const disk = await lab.failureOf(lab.create({ device: "00:03" }));
  expect([disk.code, disk.message]).toEqual([
    "FUNCTION_USED_BY_HOST",
    expect.stringMatching(/0000:00:03\.0 \(virtio-pci\) has disk vda, which is mounted on \//),
  ]);
  expect(await lab.leftBehind()).toEqual([]);
});
