import { causeText, hasCode } from "../../../../provider/errors";
import { writeLedger } from "../../../../provider/hypervisor/libvirt/xml/ledger-xml";
import { LibvirtHost } from "../../../../provider/hypervisor/libvirt/libvirt-host";
import { LibvirtMonitor } from "../../../../provider/hypervisor/libvirt/libvirt-monitor";
import { LibvirtErrorCode } from "../../../../provider/libvirt-rpc";
import { aliasOf, tagOf, type Observation, type PlugTarget } from "../../../../provider/plan";
import type { QmpMonitor } from "../../../../provider/qmp";
import { ledgerMetadata } from "../../../support/libvirt-metadata";
import { at } from "../../../support/desired";
import { nothingUsed } from "../../../support/host-facts";
import { hostWith, monitorWith } from "../support/found-host";
import { readRecording } from "../../../support/recordings/guest-recording";
import { guest1, libvirtError, recordedLibvirt, type CallLine } from "../support/scripted-libvirt";

const { signal } = new AbortController();
const address = at("0000:01:00.2");
const node = "pci_0000_01_00_2";
const alias = aliasOf(tagOf("organization/quickstart/dev/nic"), address);
const slot = { bus: "pci.4", slot: 0, kind: "pcie-native" } as const;
const stone: PlugTarget = { hostAddress: address, guestFunction: 0, qemuId: alias };

const idle = readRecording("idle");
const onDriver = (driver: string): string =>
  (idle.nodeDeviceXml[node] as string).replace(
    /<driver>\s*<name>[^<]*<\/name>/,
    `<driver><name>${driver}</name>`,
  );
const look = (driver: string): CallLine => ({ call: "nodeDeviceXml", having: node, reply: onDriver(driver) });
const detach: CallLine = { call: "nodeDeviceDetach", having: node };
const reattach: CallLine = { call: "nodeDeviceReattach", having: node };

/** Runs one call against a script that it has to follow to its end; its error, if it fails. */
async function follows(
  script: readonly CallLine[],
  call: (host: LibvirtHost) => Promise<unknown>,
  monitor?: QmpMonitor,
): Promise<unknown> {
  const { host, libvirt } = await hostWith(script, monitor, "7.0.0");
  const failure = await call(host).then(
    () => undefined,
    (error: unknown) => error,
  );
  libvirt.finish();
  return failure;
}

describe("a hold by an older libvirt", () => {
  const hold = (host: LibvirtHost) => host.hold({ hostAddress: address, alias }, signal);

  it("takes the function from its driver, and sees that it is on vfio-pci", async () => {
    expect(await follows([detach, look("vfio-pci")], hold)).toBeUndefined();
  });

  it("that libvirt answered and did not carry out fails", async () => {
    const failure = await follows([detach, look("e1000e")], hold);
    expect(hasCode(failure, "HOLD_FAILED")).toBe(true);
    expect(causeText(failure)).toContain("it is on e1000e after that");
  });

  it("of a function in use gives libvirt's own words", async () => {
    const inUse = libvirtError(LibvirtErrorCode.OPERATION_INVALID, "is in use by driver QEMU, domain guest2");
    expect(causeText(await follows([{ ...detach, reply: inUse }], hold))).toContain("domain guest2");
  });

  it("of one that is on a driver of VFIO's does nothing", async () => {
    expect(
      await follows([], (host) =>
        host.hold({ hostAddress: address, alias, vfioDriver: "mlx5_vfio_pci" }, signal),
      ),
    ).toBeUndefined();
  });

  it("of several is one after the other: libvirt has left some on vfio-pci else", async () => {
    const other = at("0000:01:00.3");
    const lookAtOther = { call: "nodeDeviceXml", having: "01_00_3", reply: onDriver("vfio-pci") };
    const script = [
      detach,
      look("vfio-pci"),
      { call: "nodeDeviceDetach", having: "pci_0000_01_00_3" },
      lookAtOther,
    ];
    expect(
      await follows(script, (host) =>
        Promise.all([
          host.hold({ hostAddress: address, alias }, signal),
          host.hold({ hostAddress: other, alias }, signal),
        ]),
      ),
    ).toBeUndefined();
  });
});

describe("a release by an older libvirt", () => {
  const release = (host: LibvirtHost) => host.release({ hostAddress: address, alias }, signal);

  it("gives the function back, and sees it on its driver", async () => {
    expect(await follows([reattach, look("e1000e")], release)).toBeUndefined();
  });

  it("by a restarted libvirtd, which forgot what it took, takes it again first", async () => {
    expect(await follows([reattach, look("vfio-pci"), detach, reattach], release)).toBeUndefined();
  });

  it("of what QEMU still has is not sent: the kernel might hang or die", async () => {
    const failure = await follows([], release, monitorWith({ "peripheral/mfpci-0": address }));
    expect(hasCode(failure, "STILL_PLUGGED")).toBe(true);
  });

  it("after the guest has ended needs nobody who answers for QEMU", async () => {
    const ended: QmpMonitor = {
      execute: () => Promise.reject(libvirtError(LibvirtErrorCode.OPERATION_INVALID)),
      listen: () => Promise.reject(new Error("not asked for")),
    };
    expect(await follows([reattach, look("e1000e")], release, ended)).toBeUndefined();
  });

  it("leaves one where it was before: on a driver of VFIO's", async () => {
    expect(
      await follows([], (host) =>
        host.release({ hostAddress: address, alias, vfioDriver: "vfio-pci" }, signal),
      ),
    ).toBeUndefined();
  });

  it("of a function that is gone is done", async () => {
    const gone = libvirtError(LibvirtErrorCode.NO_NODE_DEVICE);
    expect(await follows([{ ...reattach, reply: gone }], release)).toBeUndefined();
  });

  it("that libvirt refuses gives its words", async () => {
    const inUse = libvirtError(LibvirtErrorCode.OPERATION_INVALID, "is in use by driver QEMU, domain guest2");
    const failure = await follows([{ ...reattach, reply: inUse }], release);
    expect(hasCode(failure, "RELEASE_FAILED")).toBe(true);
    expect(causeText(failure)).toContain("domain guest2");
  });

  it("a missing driver is brought back by taking and giving back the function", async () => {
    expect(await follows([detach, reattach], (host) => host.rebind(address, signal))).toBeUndefined();
  });
});

describe("the stone of an older libvirt", () => {
  const live = { call: "domainXml", reply: idle.domainXml };

  it("is attached alone, unmanaged, so that libvirt leaves it on vfio-pci afterwards", async () => {
    const script = [live, { call: "attachDevice", having: String.raw`managed=\"no\"` }];
    expect(
      await follows(script, (host) => host.steppingStones.plugSteppingStone({ target: stone, slot }, signal)),
    ).toBeUndefined();
  });

  it("that QEMU refuses fails as a plug does", async () => {
    const reply = libvirtError(LibvirtErrorCode.INTERNAL_ERROR, "group 5 is not viable");
    const failure = await follows([live, { call: "attachDevice", reply }], (host) =>
      host.steppingStones.plugSteppingStone({ target: stone, slot }, signal),
    );
    expect(hasCode(failure, "PLUG_FAILED")).toBe(true);
    expect(causeText(failure)).toContain("group 5 is not viable");
  });

  const shown = idle.domainXml.replace(
    "</devices>",
    `<hostdev mode='subsystem' type='pci' managed='no'><source><address domain='0' bus='1' slot='0' function='2'/></source>` +
      `<alias name='${alias}'/><address type='pci' domain='0' bus='4' slot='0' function='0'/></hostdev></devices>`,
  );

  it("is withdrawn when libvirt has noticed, and is looked at", async () => {
    const script = [{ call: "domainXml", reply: shown }, live, look("vfio-pci")];
    expect(
      await follows(script, (host) => host.steppingStones.unplugSteppingStone(stone, signal)),
    ).toBeUndefined();
  });

  it("that went back to the host all the same fails", async () => {
    const failure = await follows([live, look("e1000e")], (host) =>
      host.steppingStones.unplugSteppingStone(stone, signal),
    );
    expect(hasCode(failure, "GROUP_NOT_KEPT")).toBe(true);
    expect(causeText(failure)).toContain("it is on e1000e");
  });
});

describe("a look at a host with an older libvirt", () => {
  const owner = "organization/quickstart/dev/nic";
  const functions = [0, 1, 2].map((n) => ({
    hostAddress: at(`0000:01:00.${n}`),
    guestFunction: n,
    hostDriver: "e1000e",
  }));
  const ledger = ledgerMetadata(writeLedger([{ owner, tag: tagOf(owner), slot, functions }]));
  const withLedger = idle.domainXml.replace("</uuid>", `</uuid>${ledger.toString()}`);
  const nodes = (name: string): unknown =>
    name === node || name === "pci_0000_01_00_1"
      ? idle.nodeDeviceXml[name]?.replace(/<driver>\s*<name>[^<]*/, "<driver><name>vfio-pci")
      : (idle.nodeDeviceXml[name] ?? libvirtError(LibvirtErrorCode.NO_NODE_DEVICE));

  async function observe(domainXml: string): Promise<Observation> {
    const { session } = recordedLibvirt("idle", { domainXml, nodeDeviceXml: nodes });
    Object.assign(session, { olderVersion: () => Promise.resolve("7.0.0") });
    const monitor = new LibvirtMonitor(session, () => guest1);
    const parts = { session, monitor, guest: "guest1", onDomain: () => undefined };
    const host = new LibvirtHost({ ...parts, readHostFacts: () => Promise.resolve(nothingUsed) });
    return host.observe({ addresses: [] }, signal);
  }

  it("takes for held what the ledger names and vfio-pci has", async () => {
    const {
      holdings,
      olderLibvirt,
      ledgerLocation,
      configuration,
      functions: found,
    } = await observe(withLedger);
    expect(holdings.map(({ hostAddress: one, isUnassigned }) => [one, isUnassigned])).toEqual([
      ["0000:01:00.1", true],
      ["0000:01:00.2", true],
    ]);
    expect(holdings[1]?.alias).toBe(alias);
    expect([olderLibvirt?.version, ledgerLocation]).toEqual(["7.0.0", "domain"]);
    // an entry is told once, in the ledger of all guests
    expect(configuration).toMatchObject({ functions: [], ledger: [] });
    expect([...found.keys()].sort()).toContain("0000:01:00.3");
  });

  it("has the stone as libvirt has it, once", async () => {
    const stoneXml =
      `<hostdev mode='subsystem' type='pci' managed='no'><source><address domain='0' bus='1' slot='0' function='2'/></source>` +
      `<alias name='${alias}'/><address type='pci' domain='0' bus='4' slot='0' function='0'/></hostdev></devices>`;
    const { holdings } = await observe(withLedger.replace("</devices>", stoneXml));
    expect(holdings.filter((one) => one.hostAddress === address).map((one) => one.isUnassigned)).toEqual([
      false,
    ]);
  });

  it("keeps what is held for a stopped guest, by its configuration's ledger", async () => {
    const { guest, holdings } = await observe(withLedger.replace(/ id=['"]\d+['"]/, ""));
    expect(guest.runState).toBe("off");
    expect(holdings.map((one) => one.hostAddress)).toEqual(["0000:01:00.1", "0000:01:00.2"]);
  });
});
