import { parseHostLook } from "../../../../provider/hypervisor/plain-qemu/program/host-look";
import { HOST_PROGRAM_WORD } from "../../../../provider/hypervisor/plain-qemu/program/host-program";
import { HostRequests } from "../../../../provider/hypervisor/plain-qemu/program/host-requests";
import { HelperPeer } from "../../../support/helper-peer";
import { rejectionOf, withinBounds } from "../../../support/within-bounds";

const GREETING = `\nready ${HOST_PROGRAM_WORD} 1 /run/lock 2 2\n`;
const { signal } = new AbortController();
const bounds = { seconds: 5, mebibytes: 256 };

/** A host whose installed program answers a look with this, in which `ID` stands for its id. */
function hostThat(answers: readonly string[] | undefined, greeting = GREETING): HelperPeer {
  const peer: HelperPeer = new HelperPeer({
    greeting,
    code: 0,
    onRequest: (verb, id) => {
      if (verb === "speak") return peer.sayOnStderr(`= done ${id}\n`);
      for (const one of answers ?? []) peer.say(one.replaceAll("ID", id));
      if (answers === undefined) peer.stdio.destroy();
      return undefined;
    },
  });
  return peer;
}
const look = async (answers: readonly string[] | undefined, greeting?: string) => {
  const requests = new HostRequests(hostThat(answers, greeting), "sudo");
  try {
    return await requests.look("look short /run/vm.qmp", signal);
  } finally {
    await requests.helper.close();
  }
};

test("an answer is its records, in whatever pieces, behind whatever a login prints", async () => {
  const answers = ["s ID socket ab", "sent\nS", " ID !\nS 77 host of another\nS ID host\ndone ID\n"];
  expect(await look(answers, `Welcome!\ndone\nready to serve\n${GREETING}`)).toEqual([
    { kind: "socket", text: "absent!" },
    { kind: "host", text: "" },
  ]);
});

test.each<[string, readonly string[] | undefined, string | undefined, RegExp]>([
  ["ends in the middle", undefined, undefined, /ended with exit code 0/],
  ["refuses", ["fail ID it cannot\n"], undefined, /it cannot/],
  ["floods", Array.from({ length: 80 }, () => "x".repeat(512 * 1024)), undefined, /line of over 8192 bytes/],
  ["has very many records", ["S ID x\n".repeat(60_000), "done ID\n"], undefined, /answer is too long/],
  [
    "has a very long record",
    Array.from({ length: 5_000 }, () => `s ID ${"x".repeat(1_000)}\n`),
    undefined,
    /too long/,
  ],
  ["greets with no end", [], "y".repeat(20_000), /line of over 8192 bytes/],
  ["is not root", [], "\nfail start not root\n", /not root/],
])("a host that %s is an error in time", async (_name, answers, greeting, reason) => {
  await withinBounds(bounds, async () => {
    const error = await rejectionOf(look(answers, greeting));
    expect(error).toMatchObject({ code: "HOST_PROGRAM_FAILED" });
    expect((error as Error).message).toMatch(reason);
  });
});

test("a host that never ends is left with the signal", async () => {
  const requests = new HostRequests(hostThat([]), "sudo");
  await expect(requests.look("look short /run/vm.qmp", AbortSignal.timeout(30))).rejects.toMatchObject({
    name: "TimeoutError",
  });
  await expect(requests.monitor("/run/vm.qmp", AbortSignal.timeout(30))).rejects.toMatchObject({
    name: "TimeoutError",
  });
  await requests.helper.close();
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
    const host = hostThat([]);
    await expect(new HostRequests(host, "sudo").look(request, signal)).rejects.toThrow(RangeError);
    expect(host.commands).toEqual([]);
  },
);
