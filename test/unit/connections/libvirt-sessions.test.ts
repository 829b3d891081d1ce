import { LibvirtSessions } from "../../../provider/connections/libvirt-sessions";
import type { LibvirtUri } from "../../../provider/hypervisor/libvirt";
import type { SshConnection } from "../../../provider/ssh";

/** Nothing is opened before a session is used. */
const ssh = {
  label: "root@hv1:22",
  hostKeyFingerprint: "SHA256:x",
  openUnixSocket: () => Promise.reject(new Error("nobody asks for it")),
  exec: () => Promise.reject(new Error("nobody asks for it")),
} as unknown as SshConnection;

const sessionsOf = () => {
  const sessions = new LibvirtSessions(ssh);
  return (guest: string, uri?: LibvirtUri) =>
    sessions.sessionOf({ connection: { host: "hv1" }, by: "libvirt", guest, uri });
};

test("a guest has one session, by its name and by its UUID", () => {
  const of = sessionsOf();
  const { session, shareWith } = of("guest1");
  shareWith("uuid-1");
  expect(of("guest1").session).toBe(session);
  expect(of("uuid-1").session).toBe(session);
  expect(of("guest2").session).not.toBe(session);
});

test("a UUID that has a session already keeps it", () => {
  const of = sessionsOf();
  const { session } = of("uuid-1");
  of("guest1").shareWith("uuid-1");
  expect(of("uuid-1").session).toBe(session);
});

test("the default URI is the system's, another has a session of its own", () => {
  const of = sessionsOf();
  expect(of("guest1", "qemu:///system").session).toBe(of("guest1").session);
  expect(of("guest1", "qemu:///session").session).not.toBe(of("guest1").session);
});

test("beyond the eighth session guests share them in turn", () => {
  const of = sessionsOf();
  const names = Array.from({ length: 24 }, (_, n) => `guest${n}`);
  const sessions = names.map((name) => of(name).session);
  expect(new Set(sessions.slice(0, 8)).size).toBe(8);
  const guestsOf = [...new Set(sessions)].map((one) => sessions.filter((other) => other === one).length);
  expect(guestsOf).toEqual([3, 3, 3, 3, 3, 3, 3, 3]);
});
