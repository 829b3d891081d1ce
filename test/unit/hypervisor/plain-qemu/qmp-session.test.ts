import { QmpSession, type Dialer } from "../../../../provider/hypervisor/plain-qemu/qmp-session";
import { rejectionOf } from "../../../support/within-bounds";
import type { PeerStream } from "../../../support/recordings/peer-stream";
import { agree, GREETING, peerThat } from "../../qmp/support/scripted-qemu";

/** Ways to peers, and how often each was gone. */
function session(
  peers: Record<string, (turn: number) => PeerStream>,
  limits: { readonly openMs?: number; readonly idleMs?: number } = {},
) {
  const opened: [string, PeerStream][] = [];
  const dialers = Object.entries(peers).map(([name, peer]): Dialer => ({
    name,
    open: async () => {
      const stream = peer(opened.length);
      opened.push([name, stream]);
      return stream;
    },
  }));
  return {
    opened,
    session: new QmpSession({ label: "root@hv1:22", socket: "/run/vm.qmp", dialers, ...limits }),
  };
}
const chardevs = (label: string) => (line: string) =>
  line.includes("query-chardev")
    ? `{"return": [{"label": "${label}"}], "id": ${JSON.stringify((JSON.parse(line) as { id: string }).id)}}`
    : agree(line);
const qemu = (): PeerStream => peerThat(GREETING, chardevs("compat_monitor0"));
const refusing = (): PeerStream => {
  throw new Error("nobody listens there");
};

test("many commands share one connection, which is let go of when nobody needs it", async () => {
  const { opened, session: monitor } = session({ socket: qemu }, { idleMs: 20 });
  await Promise.all([monitor.execute("a"), monitor.execute("b")]);
  await monitor.execute("c");
  expect(opened).toHaveLength(1);
  const stop = await monitor.listen({ onEvent: () => undefined, onEnd: () => undefined });
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(opened[0]?.[1].destroyed).toBe(false);
  await stop();
  await stop();
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(opened[0]?.[1].destroyed).toBe(true);
  await monitor.execute("d");
  expect(opened).toHaveLength(2);
  await monitor.close();
});

test("a refused way is followed by the next; the last refusal names all", async () => {
  const { opened, session: monitor } = session({ forwarding: refusing, relay: qemu });
  await monitor.execute("a");
  expect(opened.map(([name]) => name)).toEqual(["relay"]);
  await monitor.close();
  const { session: other } = session({ forwarding: refusing, relay: refusing });
  await expect(other.execute("a")).rejects.toThrow(
    /\/run\/vm\.qmp on root@hv1:22; tried: forwarding: nobody listens there; relay: nobody.*\[QMP_SOCKET_UNREACHABLE\]/,
  );
});

test("a socket that does not greet is busy; only the next command tries anew", async () => {
  const { opened, session: monitor } = session(
    { socket: (turn) => (turn === 0 ? peerThat("") : qemu()), relay: qemu },
    { openMs: 50 },
  );
  await expect(monitor.execute("a")).rejects.toMatchObject({ code: "QMP_SOCKET_BUSY" });
  expect(opened.map(([name, stream]) => [name, stream.destroyed])).toEqual([["socket", true]]);
  await monitor.execute("b");
  await monitor.close();
});

test("one caller's signal ends its own waiting, and not that of the others", async () => {
  const { session: monitor } = session({ socket: () => peerThat("") }, { openMs: 200 });
  const other = rejectionOf(monitor.execute("b"));
  await expect(monitor.execute("a", undefined, AbortSignal.timeout(20))).rejects.toMatchObject({
    name: "TimeoutError",
  });
  expect(await other).toMatchObject({ code: "QMP_SOCKET_BUSY" });
});

test("a QEMU of libvirt's is let go of at once", async () => {
  const { opened, session: monitor } = session({ socket: () => peerThat(GREETING, chardevs("charmonitor")) });
  await expect(monitor.execute("a")).rejects.toMatchObject({ code: "QEMU_IS_LIBVIRTS" });
  expect(opened[0]?.[1].destroyed).toBe(true);
});

test.each([
  ["guest-stopped", (stream: PeerStream) => void stream.push(null)],
  ["connection-lost", (stream: PeerStream) => void stream.destroy(new Error("the SSH connection has ended"))],
])("the end of the connection is told as %s to its listeners alone", async (name, end) => {
  const { opened, session: monitor } = session({ socket: qemu });
  const heard: string[] = [];
  const onEvent = (): void => void heard.push("no event");
  await monitor.listen({ onEvent, onEnd: (one) => heard.push(one) });
  const stop = await monitor.listen({ onEvent, onEnd: () => heard.push("stopped listening before") });
  await stop();
  end(opened[0]![1]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toEqual([name]);
  await monitor.close();
});
