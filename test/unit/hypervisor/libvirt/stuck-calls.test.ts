import { hasCode } from "../../../../provider/errors";
import type { LibvirtHost } from "../../../../provider/hypervisor/libvirt/libvirt-host";
import { aliasOf, tagOf } from "../../../../provider/plan";
import { at } from "../../../support/desired";
import { letTimePass } from "../../../support/fake-time";
import { readRecording } from "../../../support/recordings/guest-recording";
import { emptyMonitor, hostWith } from "../support/found-host";
import type { CallLine } from "../support/scripted-libvirt";

const hostAddress = at("0000:01:00.2");
const alias = aliasOf(tagOf("organization/quickstart/dev/nic"), hostAddress);
const slot = { bus: "pci.5", slot: 0, kind: "pcie-acpi" } as const;
const target = { hostAddress, guestFunction: 0, qemuId: alias };
const idle = readRecording("idle").domainXml;

/** As libvirtd behaves while a driver does not let go: the call is not answered. */
const unanswered = (call: string): CallLine => ({ call, reply: new Promise(() => undefined) });

/** What an operation with a limit of two seconds waits for. */
const changes: readonly [
  string,
  string | undefined,
  readonly CallLine[],
  (host: LibvirtHost, signal: AbortSignal) => Promise<void>,
][] = [
  [
    "hold",
    undefined,
    [unanswered("attachDevice")],
    (host, signal) => host.hold({ hostAddress, alias }, signal),
  ],
  [
    "release",
    undefined,
    [unanswered("detachDevice")],
    (host, signal) => host.release({ hostAddress, alias }, signal),
  ],
  [
    "rebind",
    undefined,
    [unanswered("nodeDeviceReattach")],
    (host, signal) => host.rebind(hostAddress, signal),
  ],
  [
    "lone attach",
    undefined,
    [{ call: "domainXml", reply: idle }, unanswered("attachDevice")],
    (host, signal) => host.singles.attachSingle({ target, slot }, signal),
  ],
  [
    "hold by an older libvirt",
    "7.0.0",
    [unanswered("nodeDeviceDetach")],
    (host, signal) => host.hold({ hostAddress, alias }, signal),
  ],
  [
    "release by an older libvirt",
    "7.0.0",
    [unanswered("nodeDeviceReattach")],
    (host, signal) => host.release({ hostAddress, alias }, signal),
  ],
  [
    "rebind by an older libvirt",
    "7.0.0",
    [unanswered("nodeDeviceDetach")],
    (host, signal) => host.rebind(hostAddress, signal),
  ],
];

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe("libvirt that does not answer while a driver does not let go", () => {
  it.each(changes)(
    "ends a %s ten seconds after the operation's limit",
    async (_what, version, script, change) => {
      const { host, libvirt } = await hostWith(script, emptyMonitor, version);
      const limit = new AbortController();
      setTimeout(() => limit.abort(new Error("the time is over")), 2000);
      const { error, tookMs } = await letTimePass(change(host, limit.signal));
      expect(hasCode(error, "HOST_CHANGE_STUCK")).toBe(true);
      expect(String(error)).toContain("a change of 0000:01:00.2 on root@hv1:22");
      expect(tookMs).toBeLessThan(13_000);
      libvirt.finish();
    },
  );

  it("is asked nothing more of that guest meanwhile", async () => {
    const { host, libvirt } = await hostWith([unanswered("attachDevice")]);
    const limit = new AbortController();
    setTimeout(() => limit.abort(new Error("the time is over")), 2000);
    await letTimePass(host.hold({ hostAddress, alias }, limit.signal));
    const { signal } = new AbortController();
    for (const asked of [
      host.observe({ addresses: [] }, signal),
      host.hold({ hostAddress, alias }, signal),
      host.release({ hostAddress, alias }, signal),
    ])
      expect(hasCode((await letTimePass<unknown>(asked)).error, "HOST_CHANGE_STUCK")).toBe(true);
    libvirt.finish();
  });
});
