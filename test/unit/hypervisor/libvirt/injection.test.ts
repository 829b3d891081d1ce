import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { parseDomainXml } from "../../../../provider/hypervisor/libvirt/xml/domain-xml";
import { unassignedHostdev } from "../../../../provider/hypervisor/libvirt/xml/hostdev-xml";
import { writeLedger } from "../../../../provider/hypervisor/libvirt/xml/ledger-xml";
import { LibvirtMonitor } from "../../../../provider/hypervisor/libvirt/libvirt-monitor";
import { LibvirtSession, type LibvirtUri, type OpenedCommand } from "../../../../provider/hypervisor/libvirt";
import { readXml } from "../../../../provider/hypervisor/libvirt/xml/xml-reader";
import { attribute, child, elementsOf, parseXml } from "../../../../provider/hypervisor/libvirt/xml/xml";
import { XdrReader } from "../../../../provider/libvirt-rpc/xdr-reader";
import { XdrWriter } from "../../../../provider/libvirt-rpc/xdr-writer";
import { findInputFailures } from "../../../../provider/resource";
import { anyText } from "../../../support/any-text";
import { ledgerMetadata } from "../../../support/libvirt-metadata";
import { at } from "../../../support/desired";
import { guest1 } from "../support/scripted-libvirt";

const { signal } = new AbortController();
const tag = "0123456789ab";

/** Any text; and texts that are made to leave the quotes they are put into. */
const meant =
  "'|\"|`|$(reboot)|;|&&|\n|\r|\t| |\\|\\'|<|>|/>|]]>|-->|&|&quot;|&#39;|<!--|{|}|,|:|:=|%22|\u0000|\u001b|\u202e|\uffff|a|Ä|👩‍💻".split(
    "|",
  );
const text = fc.oneof(anyText(), fc.string({ unit: fc.constantFrom(...meant), maxLength: 12 }));

describe("A text that gets into XML", () => {
  it("as an alias is that alias or no document; it never adds an element", () => {
    fc.assert(
      fc.property(text, (alias) => {
        const xml = unassignedHostdev(at("0000:0a:1f.7"), alias);
        if (typeof readXml(xml) === "string") {
          // eslint-disable-next-line no-control-regex -- what XML does not allow
          expect(alias).toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/);
          return;
        }
        const hostdev = child(parseXml(xml, "it"), "hostdev");
        expect([...hostdev.attributes.keys()].sort()).toEqual(["managed", "mode", "type"]);
        expect(elementsOf(hostdev).map((one) => one.name)).toEqual(["driver", "source", "alias", "address"]);
        expect(attribute(child(hostdev, "alias"), "name")).toBe(alias);
      }),
      { numRuns: 1_000 },
    );
  });

  it("as owner, bus or driver of a ledger entry stays one entry", () => {
    fc.assert(
      fc.property(text, text, text, (owner, bus, hostDriver) => {
        fc.pre(owner !== "" && bus.trim() !== "" && !/\p{Cs}/u.test(owner));
        const entry = {
          owner,
          tag,
          slot: { bus, slot: 0, kind: "pcie-acpi" as const },
          functions: [{ hostAddress: at("0000:01:00.0"), guestFunction: 0, hostDriver }],
        };
        const xml = writeLedger([entry]) ?? "";
        if (typeof readXml(xml) === "string") {
          // eslint-disable-next-line no-control-regex -- what XML does not allow
          expect(bus + hostDriver).toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/);
          return;
        }
        const { ledger, holdings } = parseDomainXml(
          `<domain>${ledgerMetadata(xml).toString()}<devices/></domain>`,
        );
        expect(ledger).toEqual([entry]);
        expect(holdings).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("A text that gets into a command of QEMU", () => {
  it("is that text, in its place", async () => {
    await fc.assert(
      fc.asyncProperty(text, text, async (id, bus) => {
        const args = { driver: "vfio-pci", id, bus, multifunction: true };
        const sent: string[] = [];
        const client = {
          monitorCommand: async (_guest: unknown, json: string) => {
            sent.push(json);
            return '{"return":{}}';
          },
        };
        const session = { client: () => Promise.resolve(client) } as unknown as LibvirtSession;
        await new LibvirtMonitor(session, () => guest1).execute("device_add", args, signal);
        expect(JSON.parse(sent[0]!)).toEqual({ execute: "device_add", arguments: args });
      }),
    );
  });

  it("or of libvirt arrives as it was sent, or is refused before anything is", () => {
    fc.assert(
      fc.property(text, (name) => {
        if (name.includes("\0")) return expect(() => new XdrWriter().string(name)).toThrow(TypeError);
        const reader = new XdrReader(new XdrWriter().string(name).toBuffer());
        expect(reader.string()).toBe(name);
        reader.end();
      }),
    );
  });
});

describe("A URI that gets into a command line on the host", () => {
  const uris: readonly LibvirtUri[] = ["qemu:///system", "qemu:///session"];
  const inputs = (uri: unknown) => ({
    connection: { host: "hv1" },
    guest: { domain: "guest1", uri },
    device: "0000:01:00",
    ownerToken: "o",
  });
  const checks = { findPrivateKeyProblem: () => undefined, findHostKeyProblem: () => undefined };

  it("is one of two, any other is refused by check", () => {
    for (const uri of uris) expect(findInputFailures(inputs(uri), checks)).toEqual([]);
    const others = fc.oneof(
      text,
      fc.tuple(fc.constantFrom(...uris), text).map(([uri, more]) => uri + more),
    );
    fc.assert(
      fc.property(others, (uri) => {
        fc.pre(!uris.includes(uri as LibvirtUri));
        expect(findInputFailures(inputs(uri), checks)).toMatchObject([{ property: "guest.uri" }]);
      }),
    );
  });

  it.each(uris)("%s arrives as one argument in a shell", async (uri) => {
    const commands: string[] = [];
    const streams = {
      label: "root@hv1:22",
      openUnixSocket: () => Promise.reject(new Error("forwarding is off")),
      openCommand: (command: string): Promise<OpenedCommand> => {
        commands.push(command);
        return Promise.reject(new Error("none"));
      },
    };
    await expect(new LibvirtSession(streams, uri).client()).rejects.toThrow(/LIBVIRT_UNREACHABLE/);
    // the second looks for KubeVirt, and has nothing of the arguments
    expect(commands).toEqual([expect.stringMatching(/^virt-ssh-helper/), "ls -d /var/run/kubevirt"]);
    const script = `set -- ${commands[0]}; printf '%s\\n' "$#" "$@"`;
    expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe(`2\nvirt-ssh-helper\n${uri}\n`);
  });
});

describe("The path of a monitor's socket", () => {
  const checks = { findPrivateKeyProblem: () => undefined, findHostKeyProblem: () => undefined };
  const failuresOf = (qmpSocket: string) =>
    findInputFailures(
      { connection: { host: "hv1" }, guest: { qmpSocket }, device: "0000:01:00", ownerToken: "o" },
      checks,
    );

  it("is refused by check, or is one word for shell, socat and glob", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          text.map((more) => `/run/qemu/vm${more}`),
        ),
        (path) => {
          if (failuresOf(path).length > 0) return;
          expect(path).toMatch(/^\/[A-Za-z0-9._@+=/-]+$/);
          expect(path.split("/")).not.toContain("..");
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it.each(["/run/qemu/vm100.qmp", "/var/run/qemu-server/100.qmp", "/run/user/1000/my-vm_1.qmp"])(
    "%s is taken",
    (path) => {
      expect(failuresOf(path)).toEqual([]);
    },
  );

  it.each(["/", "/run/", "/run//x", "/run/../x", "/run/x,fork", "/run/x:y", `/${"x".repeat(107)}`])(
    "%s is refused",
    (path) => {
      expect(failuresOf(path)).toMatchObject([{ property: "guest.qmpSocket" }]);
    },
  );
});

describe("The name of a guest", () => {
  it("with control characters or a slash is refused by check", () => {
    fc.assert(
      fc.property(text, (domain) => {
        const failures = findInputFailures(
          { connection: { host: "hv1" }, guest: { domain }, device: "0000:01:00", ownerToken: "o" },
          { findPrivateKeyProblem: () => undefined, findHostKeyProblem: () => undefined },
        );
        const isRefused = domain === "" || /[/\p{Cc}]/u.test(domain);
        expect(failures.map((one) => one.property)).toEqual(isRefused ? ["guest.domain"] : []);
      }),
    );
  });
});
