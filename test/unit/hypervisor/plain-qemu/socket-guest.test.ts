import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { uuidOfSocket } from "../../../../provider/hypervisor/plain-qemu/guest-uuid";
import type { SeenLedgerFile } from "../../../../provider/hypervisor/plain-qemu/program/host-look";
import {
  ledgerFileName,
  parseLedgerFile,
  writeLedgerFile,
} from "../../../../provider/hypervisor/plain-qemu/ledger-file";
import { filesFor, SocketGuests, type MadeIn } from "../../../../provider/hypervisor/plain-qemu/socket-guest";
import { tagOf } from "../../../../provider/plan";
import { at } from "../../../support/desired";

const HOST = "01234567-89ab-cdef-0123-456789abcdef";
const OWN = "33333333-3333-4333-8333-333333333333";
const [REAL, VAR, LINK] = ["/run/vm/100.qmp", "/var/run/vm/100.qmp", "/srv/vm.qmp"];
const uuidAt = (path: string): string => uuidOfSocket(HOST, path);

const entryOf = (owner: string) => ({
  owner,
  tag: tagOf(owner),
  slot: { bus: "pci.4", slot: 0, kind: "pcie-acpi" as const },
  functions: [{ hostAddress: at("0000:01:00.0"), guestFunction: 0, hostDriver: "e1000e" }],
});
const fileAt = (socket: string, uuid: string, ...owners: string[]): SeenLedgerFile => {
  const file = { guest: { uuid, name: socket }, socket, entries: owners.map(entryOf) };
  return { ...file, unread: [], name: ledgerFileName(uuid), text: writeLedgerFile(file) };
};

interface Scene {
  readonly socket?: string;
  /** Null where the socket is not there. */
  readonly path?: string | null;
  readonly ledger?: readonly SeenLedgerFile[];
  /** Of files whose socket the host has found to be this one. */
  readonly same?: readonly string[];
  readonly spellings?: readonly string[];
  readonly madeIn?: MadeIn;
}

function guestsOf({ socket = REAL, path = REAL, ledger = [], same = [], spellings = [], madeIn }: Scene) {
  const look = {
    hostUuid: HOST,
    ...(path !== null && { socketPath: path }),
    ledger,
    sameSocket: new Set(same),
  };
  return new SocketGuests({ look, socket, spellings, madeIn });
}

describe("a QEMU that was given no UUID", () => {
  it("is one guest by every path that reaches it: the real path says which", () => {
    for (const socket of [REAL, VAR, LINK])
      expect(guestsOf({ socket }).present(undefined)).toMatchObject({
        guest: { uuid: uuidAt(REAL), name: socket },
        home: { guest: { uuid: uuidAt(REAL), name: REAL }, socket: REAL },
      });
  });

  it("is known by the path as written too, which 0.1.0 locks and remembers", () => {
    const { otherUuids } = guestsOf({ socket: VAR }).present(undefined);
    expect(otherUuids).toEqual([uuidAt(VAR)]);
    expect(guestsOf({}).present(undefined).otherUuids).toEqual([]);
  });

  it("keeps the UUID of a state for its path, so that no preview differs", () => {
    const guests = guestsOf({ socket: VAR, madeIn: { guestUuid: uuidAt(VAR), socket: VAR } });
    expect(guests.present(undefined)).toMatchObject({
      guest: { uuid: uuidAt(VAR) },
      otherUuids: [uuidAt(REAL)],
    });
    expect(guestsOf({ socket: VAR }).present(undefined, uuidAt(VAR)).guest.uuid).toBe(uuidAt(VAR));
  });

  it("is the same after a respelling, with a UUID that no spelling changes", () => {
    const madeIn = { guestUuid: uuidAt(LINK), socket: LINK };
    const guests = guestsOf({ madeIn, spellings: [LINK] });
    expect(guests.isPresent(uuidAt(LINK), undefined)).toBe(true);
    const { guest, otherUuids } = guests.present(undefined);
    expect([guest.uuid, otherUuids]).toEqual([uuidAt(REAL), [uuidAt(LINK)]]);
  });

  it("is another where the old path leads elsewhere by now", () => {
    const guests = guestsOf({ madeIn: { guestUuid: uuidAt(LINK), socket: LINK } });
    expect(guests.isPresent(uuidAt(LINK), undefined)).toBe(false);
    expect(guests.present(undefined).guest.uuid).toBe(uuidAt(REAL));
  });

  it("has the files of all its spellings, and every lock that goes with them", () => {
    const ledger = [
      fileAt(LINK, uuidAt(LINK), "a"),
      fileAt(VAR, uuidAt(VAR), "b"),
      fileAt("/run/other.qmp", uuidAt("/run/other.qmp"), "c"),
      fileAt(REAL, OWN, "d"),
    ];
    const { files, otherUuids } = guestsOf({
      ledger,
      same: [uuidAt(LINK), uuidAt(VAR), OWN],
    }).present(undefined);
    expect(files.flatMap((file) => file.entries.map((one) => one.owner))).toEqual(["a", "b"]);
    expect([...otherUuids].sort()).toEqual([uuidAt(LINK), uuidAt(VAR)].sort());
  });

  it("is recognised by a ledger file of 0.1.0 under the path as written", () => {
    const name = "guest-d90261c0-12b2-8751-88bf-db81d2b21872.json";
    const text = readFileSync(join(__dirname, "fixtures", "ledger-0.1.0-var-run.txt"), "utf8");
    const file = { ...parseLedgerFile(name, text.trimEnd()), name, text };
    const guests = guestsOf({ ledger: [file], same: [file.guest.uuid] });
    expect(file.guest.uuid).toBe(uuidAt(file.socket));
    expect(guests.isPresent(file.guest.uuid, undefined)).toBe(true);
    expect(guests.present(undefined).files).toEqual([file]);
    // its QEMU has ended, and its socket is gone
    const off = guestsOf({ socket: VAR, path: null, ledger: [file] });
    expect(off.absent(off.lastSeen!)).toMatchObject({ guest: { uuid: file.guest.uuid }, files: [file] });
  });
});

describe("a QEMU that was given a UUID", () => {
  it("is known by that alone, whatever leads to it", () => {
    const ledger = [fileAt("/run/before.qmp", OWN, "a"), fileAt(REAL, uuidAt(REAL), "b")];
    for (const socket of [REAL, VAR]) {
      const guests = guestsOf({ socket, ledger });
      const { guest, otherUuids, files, home } = guests.present(OWN);
      expect([guest, otherUuids, files]).toEqual([{ name: socket, uuid: OWN }, [], [ledger[0]]]);
      expect(home).toMatchObject({ guest, socket });
      expect(guests.isPresent(OWN, OWN)).toBe(true);
      expect(guests.isPresent(uuidAt(REAL), OWN)).toBe(false);
    }
  });
});

describe("a guest that does not answer", () => {
  it("is the state's where the ledger has that one among others at this socket", () => {
    const ledger = [fileAt(REAL, OWN, "a"), fileAt(REAL, uuidAt(REAL), "b")];
    expect(guestsOf({ ledger }).lastSeen).toBe(OWN);
    expect(guestsOf({ ledger, madeIn: { guestUuid: uuidAt(REAL) } }).lastSeen).toBe(uuidAt(REAL));
    expect(guestsOf({}).lastSeen).toBeUndefined();
  });

  it("keeps its UUID while its socket is not there to tell another", () => {
    const same = [uuidAt(LINK)];
    const ledger = [fileAt(LINK, uuidAt(LINK), "a")];
    const guests = guestsOf({ path: null, ledger, same });
    expect(guests.absent(uuidAt(LINK))).toMatchObject({ guest: { uuid: uuidAt(LINK) }, files: ledger });
    expect(guests.absent(OWN)).toMatchObject({ guest: { uuid: OWN }, otherUuids: [], files: [] });
  });
});

describe("the file for an entry", () => {
  const both = [fileAt(VAR, uuidAt(VAR), "a", "b"), fileAt(REAL, uuidAt(REAL), "b")];
  const socketsFor = (ledger: readonly SeenLedgerFile[], owner: string): string[] => {
    const found = guestsOf({ ledger, same: [uuidAt(VAR)] }).present(undefined);
    return filesFor(found, entryOf(owner)).map((file) => file.socket);
  };

  it("is the guest's own first if both have it, and the other loses it", () => {
    expect(socketsFor(both, "a")).toEqual([VAR]);
    expect(socketsFor(both, "b")).toEqual([REAL, VAR]);
    expect(socketsFor(both, "c")).toEqual([REAL]);
  });

  it("is the existing one if it has none yet, so that nobody misses it", () => {
    expect(socketsFor([both[0]!], "c")).toEqual([VAR]);
    expect(socketsFor([], "c")).toEqual([REAL]);
  });

  it("is under today's path for a guest with a UUID of its own", () => {
    const found = guestsOf({ socket: VAR, ledger: [fileAt("/run/before.qmp", OWN, "a")] }).present(OWN);
    expect(filesFor(found, entryOf("a"))).toEqual([
      { guest: { name: VAR, uuid: OWN }, socket: VAR, path: "/run/vm/100.qmp" },
    ]);
  });
});

test("whoever reaches a guest without UUID shares one lock and one set of files", () => {
  const path = fc.constantFrom(REAL, VAR, LINK, "/run/../run/vm/100.qmp", "/a/b.qmp");
  const client = fc.record({ socket: path, state: fc.option(path, { nil: undefined }) });
  fc.assert(
    fc.property(
      fc.uniqueArray(path, { maxLength: 4 }),
      fc.tuple(client, client),
      fc.constantFrom(REAL, null),
      (written, clients, real) => {
        const ledger = written.map((one) => fileAt(one, uuidAt(one), one));
        const same = ledger.map((file) => file.guest.uuid);
        const found = clients.map(({ socket, state }) => {
          const madeIn = state && { guestUuid: uuidAt(state), socket: state };
          const guests = guestsOf({
            ...{ socket, path: real, ledger, same },
            spellings: state === undefined || real === null ? [] : [state],
            ...(madeIn && { madeIn }),
          });
          const one =
            real === null ? guests.absent(guests.lastSeen ?? uuidAt(socket)) : guests.present(undefined);
          return { one, locks: [one.guest.uuid, ...one.otherUuids] };
        });
        const [a, b] = found as [(typeof found)[0], (typeof found)[0]];
        expect(new Set(a.locks).size).toBe(a.locks.length);
        if (real !== null || ledger.length > 0)
          expect(a.locks.filter((uuid) => b.locks.includes(uuid))).not.toEqual([]);
        expect(a.one.files).toEqual(b.one.files);
        expect(a.one.files).toHaveLength(ledger.length);
        for (const file of a.one.files) expect(a.locks).toContain(file.guest.uuid);
        for (const owner of written)
          expect(filesFor(a.one, entryOf(owner)).map((file) => file.socket)).toEqual([owner]);
      },
    ),
  );
});
