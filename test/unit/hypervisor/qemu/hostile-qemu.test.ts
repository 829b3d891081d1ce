import fc from "fast-check";
import { findGuestEnumeration } from "../../../../provider/hypervisor/qemu/guest-enumeration";
import { surveyGuest } from "../../../../provider/hypervisor/qemu";
import { QmpError, parseQmpReply, QmpProtocolError, type QmpMonitor } from "../../../../provider/qmp";
import { MAX_REPLY_DEPTH } from "../../../../provider/qmp/reply";
import { rejectionOf, withinBounds } from "../../../support/within-bounds";

const bounds = { seconds: 10, mebibytes: 256 };
const LONGEST = 2_097_152;
const { signal } = new AbortController();

/** JSON as a hostile QEMU may send it: keys of prototypes, numbers at the edges, and shapes of everything. */
const key = fc.constantFrom(
  "__proto__",
  "constructor",
  "toString",
  "valueOf",
  "name",
  "type",
  "devices",
  "bus",
  "slot",
);
const hostileJson = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<unknown>(
      null,
      true,
      0,
      -1,
      1e308,
      "",
      "child<pcie-root-port>",
      "child[0]",
      "/machine",
      "\u001b[2J",
    ),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 4 }).map(
      (entries) =>
        // as JSON.parse makes it: an own property even of __proto__
        JSON.parse(
          `{${entries.map(([name, one]) => `${JSON.stringify(name)}:${JSON.stringify(one)}`).join(",")}}`,
        ) as unknown,
    ),
  ),
})).value;

function answering(answer: (command: string, args: unknown) => unknown): QmpMonitor {
  return {
    execute: async (command, args) => answer(command, args),
    listen: () => Promise.reject(new Error("not asked for")),
  };
}

const readHostFacts = (monitor: QmpMonitor) =>
  surveyGuest(monitor, { reservedSlots: () => [], plugBuses: [] }, signal);

/** A QEMU that is in order but for one answer. */
function inOrderBut(command: string, answer: unknown): QmpMonitor {
  const answers: Readonly<Record<string, unknown>> = {
    "query-status": { status: "running", running: true },
    "query-version": { qemu: { major: 10, minor: 0, micro: 0 } },
    "query-target": { arch: "x86_64" },
    "qom-list": [],
    "qom-get": "pc-q35-10.0-machine",
  };
  return answering((asked) => (asked === command ? answer : answers[asked]));
}

describe("An answer of QEMU", () => {
  it.each<[string, string]>([
    ["a hundred thousand lists deep", `{"return":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
    ["a hundred thousand objects deep", `{"return":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}`],
    ["two megabytes of open brackets", "[".repeat(LONGEST)],
    ["two megabytes of quotes", '"'.repeat(LONGEST)],
    ["two megabytes of open strings", '"\\'.repeat(LONGEST / 2)],
    ["two megabytes of commas", `{"return":[${",".repeat(LONGEST - 13)}]}`],
  ])("%s is refused, in little time and memory", async (_name, text) => {
    await withinBounds(bounds, () => expect(() => parseQmpReply(text)).toThrow(QmpProtocolError));
  });

  it("is read as deep as QEMU reads; brackets in texts do not count", () => {
    const nested = (depth: number): string => `{"return":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;
    expect(() => parseQmpReply(nested(MAX_REPLY_DEPTH))).not.toThrow();
    expect(() => parseQmpReply(nested(MAX_REPLY_DEPTH + 1))).toThrow(/deep/);
    const text = `\\"${"[{".repeat(2_000)}\\\\`;
    expect(parseQmpReply(`{"return":"${text}"}`)).toBe(JSON.parse(`"${text}"`));
  });

  it("of two megabytes of small lists is read in little time and memory", async () => {
    await withinBounds(bounds, () => parseQmpReply(`{"return":[${"[],".repeat(LONGEST / 3 - 10)}1]}`));
  });
});

describe("A look at a QEMU", () => {
  it.each(["query-status", "query-version", "query-target", "qom-list", "qom-get"])(
    "that answers %s with anything is a survey or no QMP, nothing else",
    async (command) => {
      await fc.assert(
        fc.asyncProperty(hostileJson, async (answer) => {
          const outcome: unknown = await readHostFacts(inOrderBut(command, answer)).catch(
            (error: unknown) => error,
          );
          if (outcome instanceof Error) expect(outcome).toBeInstanceOf(QmpProtocolError);
        }),
      );
      expect(({} as Record<string, unknown>)["name"]).toBeUndefined();
    },
  );

  it("that shows ports without end is refused before any of them is asked", async () => {
    const asked: string[] = [];
    const ports = Array.from({ length: 90_000 }, (_, n) => ({
      name: `p${n}`,
      type: "child<pcie-root-port>",
    }));
    const monitor = inOrderBut("qom-list", ports);
    const counting: QmpMonitor = {
      ...monitor,
      execute: (command, args) => (asked.push(command), monitor.execute(command, args)),
    };
    await withinBounds(bounds, async () => {
      expect(await rejectionOf(readHostFacts(counting))).toBeInstanceOf(QmpProtocolError);
      expect(asked).toHaveLength(6);
    });
  });

  it("that shows host functions without end is refused before any of them is asked", async () => {
    const asked: string[] = [];
    const functions = Array.from({ length: 90_000 }, (_, n) => ({ name: `f${n}`, type: "child<vfio-pci>" }));
    const monitor = answering((command) => {
      asked.push(command);
      return command === "qom-list" ? functions : inOrderBut("", undefined).execute(command);
    });
    await withinBounds(bounds, async () => {
      expect(await rejectionOf(readHostFacts(monitor))).toBeInstanceOf(QmpProtocolError);
      expect(asked).toHaveLength(6);
    });
  });

  it("that shows a bus with devices without end is refused", async () => {
    const port = [{ name: "pci.1", type: "child<pcie-root-port>" }];
    const devices = Array.from({ length: 140_000 }, (_, n) => ({ name: `child[${n}]`, type: "link<x>" }));
    const monitor = answering((command, args) => {
      if (command !== "qom-list") return inOrderBut("", undefined).execute(command);
      const { path } = args as { path: string };
      if (path.startsWith("/machine/peripheral/")) return devices;
      return path === "/machine/peripheral" ? port : [];
    });
    await withinBounds(bounds, async () => {
      expect(await rejectionOf(readHostFacts(monitor))).toBeInstanceOf(QmpProtocolError);
    });
  });
});

describe("The guest's own view", () => {
  it("of any answer is a view, and throws nothing", () => {
    fc.assert(
      fc.property(hostileJson, fc.array(fc.string(), { maxLength: 2 }), (answer, ids) => {
        expect(typeof findGuestEnumeration(answer, ids).guestConfigured).toBe("boolean");
      }),
    );
  });

  it("of bridges behind bridges behind bridges is found however deep they are", async () => {
    let devices: unknown[] = [{ bus: 3, slot: 4, qdev_id: "mine", regions: [] }];
    for (let depth = 0; depth < 100_000; depth++) devices = [{ pci_bridge: { devices } }];
    await withinBounds(bounds, () => {
      const view = findGuestEnumeration([{ bus: 0, devices }], ["mine"]);
      expect(view).toEqual({ guestAddress: "0000:03:04", guestConfigured: true });
    });
  });

  it("has no address where bus or slot are none", () => {
    for (const place of [
      { bus: 1e300, slot: 0 },
      { bus: 1, slot: 32 },
      { bus: "1", slot: 0 },
      { bus: 1.5, slot: 1 },
    ]) {
      const devices = [{ ...place, qdev_id: "mine", regions: [] }];
      expect(findGuestEnumeration([{ devices }], ["mine"])).toEqual({ guestConfigured: true });
    }
  });
});

describe("A refusal of QEMU", () => {
  it("of any kind is a QmpError of texts", () => {
    fc.assert(
      fc.property(hostileJson, (error) => {
        try {
          parseQmpReply(JSON.stringify({ error }));
        } catch (thrown) {
          if (thrown instanceof QmpProtocolError) return;
          expect(thrown).toBeInstanceOf(QmpError);
          expect(typeof (thrown as QmpError).description).toBe("string");
        }
      }),
    );
  });
});
