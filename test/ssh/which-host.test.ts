import { causeText } from "../../provider/errors";
import { fingerprint } from "../support/sshd";
import { PlainBench } from "../support/plain-host";

/** What a state has of an attachment that was made on the bench's host, in a QEMU that has ended since. */
const made = {
  slot: { bus: "pci.4", slot: 0, kind: "pcie-acpi" },
  guestAddress: null,
  guestConfigured: false,
  attached: [],
  held: [{ hostAddress: "0000:01:00.0", hostDriver: "e1000e", iommuGroup: 5 }],
  guestUuid: "33333333-3333-4333-8333-333333333333",
  hostUuid: "01234567-89ab-cdef-0123-456789abcdef",
};
const OTHER_KEY = `SHA256:${"A".repeat(43)}`;
const SOCKET = "/run/nobody-listens-here.qmp";

describe("a host whose machine id is that of a cloned image", () => {
  let bench: PlainBench;
  beforeAll(async () => (bench = await PlainBench.start()));
  afterAll(() => bench[Symbol.asyncDispose]());
  beforeEach(() => jest.spyOn(console, "log").mockImplementation(() => undefined));

  const stateWith = (hostKeyFingerprint: string | null) => {
    const inputs = bench.inputs(SOCKET);
    return { inputs, state: { ...inputs, ...made, hostKeyFingerprint } };
  };

  it("with another SSH host key is no lost attachment: a refresh is an error", async () => {
    const { state } = stateWith(OTHER_KEY);
    const failure = await bench
      .provider()
      .read("id", state)
      .catch((error: unknown) => causeText(error));
    const { hostUuid } = made;
    expect(failure).toContain(`is host ${hostUuid} with the host key ${fingerprint(bench.hostKey)}, but`);
    expect(failure).toContain(`made on host ${hostUuid} with the host key ${OTHER_KEY}`);
    expect(failure).toMatch(/start its guest.*pulumi state delete.*\[ANOTHER_HOST\]/s);
  });

  it("and another key is left alone by a delete, which is an error too", async () => {
    const { state } = stateWith(OTHER_KEY);
    bench.sysfs.rebind("0000:01:00.0", undefined);
    await expect(bench.provider().delete("id", state)).rejects.toThrow(/\[ANOTHER_HOST\]/);
    expect([bench.sysfs.writes, bench.sysfs.drivers[0]]).toEqual([[], "-"]);
    bench.sysfs.rebind("0000:01:00.0", "e1000e");
  });

  it("is the same host by its key, or by UUID without one", async () => {
    for (const key of [fingerprint(bench.hostKey), null]) {
      const { state } = stateWith(key);
      expect(await bench.provider().read("id", state)).toEqual({ id: "", props: {} });
      await bench.provider().delete("id", state);
    }
  });

  it("is the same host where its key is, though its UUID is another", async () => {
    const { state } = stateWith(fingerprint(bench.hostKey));
    const moved = { ...state, hostUuid: "99999999-9999-4999-8999-999999999999" };
    expect(await bench.provider().read("id", moved)).toEqual({ id: "", props: {} });
  });

  it("says that no such guest runs if guest and device are unknown", async () => {
    const inputs = bench.inputs(SOCKET, { device: "0000:77:00" });
    await expect(bench.provider().create(inputs)).rejects.toThrow(/\[GUEST_NOT_RUNNING\]/);
  });
});
