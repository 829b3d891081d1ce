import { eventually } from "../support/eventually";
import { attachmentLab, NIC, OTHER_NIC } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();
const e1000e = ["e1000e", "e1000e", "e1000e", "e1000e"];

test("a member of the group libvirt attaches to two guests over one handshake", async () => {
  const connection = { user: lab.lab.ssh.users.operator };
  const before = await lab.loginsOf("operator");
  const [first, second] = await Promise.all([
    lab.create({ connection }),
    lab.create({
      connection,
      device: OTHER_NIC,
      guest: { domain: "guest2" },
      ownerToken: "organization/lab/test/other",
    }),
  ]);
  const four = [0, 1, 2, 3].map((n) => `0000:08:00.${n}`);
  await eventually(() => lab.pluggedFunctions("guest1"), four);
  await eventually(() => lab.pluggedFunctions("guest2"), four);
  await Promise.all([lab.provider.delete(first.id, first.outs), lab.provider.delete(second.id, second.outs)]);
  expect(await lab.loginsOf("operator")).toBe(before + 1);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.driversOf(OTHER_NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});

test("a user outside the group is told so by libvirt's own words", async () => {
  const failure = await lab.failureOf(lab.create({ connection: { user: lab.lab.ssh.users.outsider } }));
  expect(failure.code).toBe("LIBVIRT_UNREACHABLE");
  expect(failure.message).toMatch(/outsider@127\.0\.0\.1.*group libvirt/s);
});

test("the host behind a jump host is reached, each host key checked", async () => {
  const { host, port, privateKey, hostKey } = lab.lab.ssh;
  const proxy = { host, port, user: "operator", privateKey, hostKey };
  const { id, outs } = await lab.create({ connection: { port: 22, proxy } });
  expect(outs["attached"]).toHaveLength(4);
  await lab.provider.delete(id, outs);
  const wrong = { ...proxy, hostKey: "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
  const failure = await lab.failureOf(lab.create({ connection: { port: 22, proxy: wrong } }));
  expect(failure.code).toBe("SSH_HOST_KEY_MISMATCH");
});

test("a wrong host key is final at once and names expected and received", async () => {
  const expected = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const startedAt = Date.now();
  const failure = await lab.failureOf(lab.create({ connection: { hostKey: expected } }));
  expect(failure.code).toBe("SSH_HOST_KEY_MISMATCH");
  expect(failure.message).toContain(expected);
  expect(failure.message.match(/SHA256:/g)).toHaveLength(2);
  expect(Date.now() - startedAt).toBeLessThan(10_000);
});

const forwardNoSockets = async (): Promise<void> => {
  await lab.lab.exec(
    "echo 'AllowStreamLocalForwarding no' > /etc/ssh/sshd_config.d/zz-no-forwarding.conf; systemctl reload ssh",
  );
};

test("where sshd forwards no sockets, libvirt's own relay program is the way", async () => {
  await forwardNoSockets();
  const { id, outs } = await lab.create();
  expect(outs["attached"]).toHaveLength(4);
  await lab.provider.delete(id, outs);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
});

test("there, sixteen guests at once need no more sessions than sshd allows one connection", async () => {
  await forwardNoSockets();
  const failures = await Promise.all(
    Array.from({ length: 16 }, (_, n) =>
      lab.failureOf(
        lab.create({
          device: `0000:00:${(0x8 + n).toString(16).padStart(2, "0")}`,
          guest: { domain: `nobody${n}` },
          ownerToken: `organization/lab/test/nic${n}`,
        }),
      ),
    ),
  );
  // a busy host may not have its eight relay programs ready in time, which is another error
  const refused = failures.filter(({ message }) => message.includes("a channel for a command"));
  expect(refused.map(({ message }) => message)).toEqual([]);
  for (const { code } of failures) expect(["GUEST_NOT_FOUND", "LIBVIRT_UNREACHABLE"]).toContain(code);
});
