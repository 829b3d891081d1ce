import type { Hypervisor } from "../../../provider/apply";
import { PlainConnection } from "../../../provider/connections/plain-connection";
import type { PlainHypervisorOptions, Privilege, QmpSession } from "../../../provider/hypervisor/plain-qemu";
import type { SshConnection } from "../../../provider/ssh";

const ssh = {
  label: "root@hv1:22",
  hostKeyFingerprint: "SHA256:x",
  openUnixSocket: () => Promise.reject(new Error("nobody asks for it")),
  exec: () => Promise.reject(new Error("nobody asks for it")),
} as unknown as SshConnection;

/** A connection whose parts note what they are made with. */
function connect() {
  const opened: PlainHypervisorOptions[] = [];
  let monitors = 0;
  let closed = 0;
  const connection = new PlainConnection(ssh, {
    monitor: () => {
      monitors += 1;
      return { close: () => Promise.resolve(void (closed += 1)) } as unknown as QmpSession;
    },
    hypervisor: (options) => {
      opened.push(options);
      return {} as Hypervisor;
    },
  });
  const open = (socket: string, privilege: Privilege = "login", more = {}) =>
    connection.open(
      { connection: { host: "hv1" }, by: "socket", socket, privilege, ...more },
      { owner: "me" },
    );
  return { connection, open, opened, made: () => ({ monitors, closed }) };
}

test("a socket has one monitor, however its path under /run is spelled", () => {
  const { open, opened, made } = connect();
  open("/run/qemu/a.sock");
  open("/var/run/qemu/a.sock");
  expect(made().monitors).toBe(1);
  expect(opened[0]?.monitor).toBe(opened[1]?.monitor);
});

test("each socket and each privilege has a monitor, and all are closed", async () => {
  const { connection, open, made } = connect();
  open("/run/a.sock");
  open("/run/b.sock");
  open("/run/a.sock", "sudo");
  await connection.close();
  expect(made()).toEqual({ monitors: 3, closed: 3 });
});

test("each privilege has one host program, whose locks its changes are asked under", () => {
  const { connection, open, opened } = connect();
  for (const privilege of ["login", "sudo", "login"] as const) open("/run/a.sock", privilege);
  const programs = opened.map((one) => one.requests);
  expect(programs[0]).toBe(programs[2]);
  expect(programs[0]).toBe(connection.programOf("login"));
  expect(programs[1]).not.toBe(programs[0]);
  expect(opened.map((one) => one.owner)).toEqual(["me", "me", "me"]);
});

test("what is known of the guest goes to its hypervisor, and nothing else does", () => {
  const { open, opened } = connect();
  open("/run/a.sock", "login", { guestUuid: "u", madeIn: { guestUuid: "m" } });
  open("/run/a.sock");
  expect(opened[0]).toMatchObject({ socket: "/run/a.sock", guestUuid: "u", madeIn: { guestUuid: "m" } });
  expect(Object.keys(opened[1] ?? {})).not.toEqual(expect.arrayContaining(["guestUuid"]));
  expect(Object.keys(opened[1] ?? {})).not.toEqual(expect.arrayContaining(["madeIn"]));
});
