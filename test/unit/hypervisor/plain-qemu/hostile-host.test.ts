import type { HostChannels } from "../../../../provider/hypervisor/plain-qemu";
import { parseHostLook } from "../../../../provider/hypervisor/plain-qemu/program/host-look";
import { HostRequests } from "../../../../provider/hypervisor/plain-qemu/program/host-requests";
import { rejectionOf, withinBounds } from "../../../support/within-bounds";
import { PeerStream } from "../../../support/recordings/peer-stream";

const GREETING = "\nmultifunction-pci-host 1\n";
const { signal } = new AbortController();
const bounds = { seconds: 5, mebibytes: 256 };

/** A host whose program says this, and then ends or not. */
function hostThat(says: readonly (string | null)[], stderrText = ""): HostChannels {
  return {
    label: "root@hv1:22",
    openUnixSocket: () => Promise.reject(new Error("not asked for")),
    exec: async () => {
      const stdio = new PeerStream(() => undefined);
      const say = async (): Promise<void> => {
        for (const piece of says) {
          if (stdio.destroyed) return;
          stdio.push(piece);
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      void say();
      return { stdio, stderrText, exited: Promise.resolve({ code: 0 }) };
    },
  };
}
const look = (says: readonly (string | null)[], stderrText?: string) =>
  new HostRequests(hostThat(says, stderrText), "login").look("look /run/vm.qmp", signal);

test("an answer is what stands between greeting and done, whatever a login prints before", async () => {
  expect(await look(["Welcome!\ndone\n", GREETING, "socket absent\nhost", " - -\ndone\n", null])).toEqual([
    { kind: "socket", text: "absent" },
    { kind: "host", text: "- -" },
  ]);
});

test.each<[string, (string | null)[], RegExp]>([
  ["says nothing", [null], /ended with exit code 0/],
  ["ends in the middle", [GREETING, "socket absent\n", null], /ended with exit code 0/],
  ["ends in the middle of the last line", [GREETING, "done", null], /ended with exit code 0/],
  ["refuses", [GREETING, "fail it cannot\n", null], /it cannot/],
  ["floods", [GREETING, ...Array.from({ length: 40 }, () => "x".repeat(512 * 1024))], /longer than/],
  ["has very many lines", [GREETING, "x\n".repeat(60_000), "done\n", null], /60000 lines/],
  ["is of another release", ["\nmultifunction-pci-host 2\n", "done\n", null], /version 2/],
])("a host that %s is an error in time", async (_name, says, reason) => {
  await withinBounds(bounds, async () => {
    const error = await rejectionOf(look(says, ""));
    expect(error).toMatchObject({ code: "HOST_PROGRAM_FAILED" });
    expect((error as Error).message).toMatch(reason);
  });
});

test("a host that never ends is left with the signal", async () => {
  const requests = new HostRequests(hostThat([GREETING]), "login");
  await expect(requests.look("look /run/vm.qmp", AbortSignal.timeout(30))).rejects.toMatchObject({
    name: "TimeoutError",
  });
  await expect(requests.relay("/run/vm.qmp", AbortSignal.timeout(30))).rejects.toMatchObject({
    name: "TimeoutError",
  });
});

test("a relay begins with the very next byte after the word that opens it", async () => {
  const stream = await new HostRequests(hostThat(["motd", GREETING, 'open\n{"QMP":', " 1}"]), "login").relay(
    "/run/x",
    signal,
  );
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(Buffer.concat(chunks).toString()).toBe('{"QMP": 1}');
  const refused = new HostRequests(hostThat([GREETING, "fail it is no QEMU\n", null]), "login");
  await expect(refused.relay("/run/x", signal)).rejects.toThrow(/it is no QEMU/);
  const noisy = new HostRequests(hostThat(Array.from({ length: 5 }, () => "y".repeat(20_000))), "login");
  await expect(noisy.relay("/run/x", signal)).rejects.toThrow(/greeting/);
});

test("a look that is as long as may be is read in time", async () => {
  const lines = [
    { kind: "host", text: "- 0123456789abcdef0123456789abcdef" },
    { kind: "socket", text: "absent" },
    ...Array.from({ length: 10_000 }, (_, n) => ({
      kind: "function",
      text: `0000:${(n >> 8).toString(16).padStart(2, "0")}:${((n >> 3) & 31).toString(16).padStart(2, "0")}.${n & 7} a b 0x020000 vfio-pci 5`,
    })),
    ...Array.from({ length: 20_000 }, (_, n) => ({ kind: "open", text: `${n} 5 x` })),
    ...Array.from({ length: 20_000 }, (_, n) => ({ kind: "node", text: `/dev/vfio/${n} 0 0 600 root` })),
  ];
  await withinBounds(bounds, () => {
    expect(parseHostLook(lines, "root@hv1:22").functions.size).toBe(10_000);
    const tooMany = [...lines, { kind: "function", text: "0000:ff:1f.7 a b 0 - -" }];
    expect(() => parseHostLook(tooMany, "root@hv1:22")).toThrow(/10001 functions/);
  });
});

test.each(["bind go\n0000:01:00.0", "look /run/\u001b[2J", "write x {}\r", "functions \0"])(
  "a request of more than one printable line is not sent: %j",
  async (request) => {
    await expect(new HostRequests(hostThat([]), "login").look(request, signal)).rejects.toThrow(RangeError);
  },
);
