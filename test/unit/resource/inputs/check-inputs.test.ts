import fc from "fast-check";
import {
  findInputFailures,
  hasUnknown,
  normaliseInputs,
  parseCheckedInputs,
  UNKNOWN_VALUE,
  type CredentialChecks,
} from "../../../../provider/resource";
import { inputs, lenient, nodesOf, valid, withNode } from "./arbitrary-inputs";

/** Failures as `property: reason`. */
function failuresOf(values: Record<string, unknown>, checks: CredentialChecks = lenient): string[] {
  return findInputFailures(values, checks).map((one) => `${one.property}: ${one.reason}`);
}
const without = (...names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(valid).filter(([name]) => !names.includes(name)));
const withMap = (...map: readonly unknown[]): Record<string, unknown> => ({
  ...without("device", "functions"),
  functionMap: map,
});

describe("check", () => {
  it("lets pass what the user of the quickstart writes, and every other valid input", () => {
    expect(failuresOf(valid)).toEqual([]);
    fc.assert(fc.property(inputs, (values) => expect(failuresOf(values)).toEqual([])));
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ["a malformed device", { ...valid, device: "1:0" }, /^device: .*"1:0".*0000:01:00/],
    [
      "a function as device",
      { ...valid, device: "0000:01:00.0" },
      /^device: .*"0000:01:00\.0".*without function/,
    ],
    [
      "a device behind Intel VMD",
      { ...valid, device: "10000:E1:00" },
      /^device: .*"10000:e1:00".*four digits.*VMD off.*use the address/,
    ],
    [
      "a function behind Intel VMD",
      withMap({ hostAddress: "10000:e1:00.0", guestFunction: 0 }),
      /^functionMap\[0\]\.hostAddress: .*"10000:e1:00\.0".*four digits/,
    ],
    ["function 8", { ...valid, functions: [0, 8] }, /^functions\[1\]: .*8.*0 to 7/],
    ["function -1", { ...valid, functions: [-1] }, /^functions\[0\]: .*-1.*0 to 7/],
    ["function 1.5", { ...valid, functions: [1.5] }, /^functions\[0\]: .*1\.5/],
    ["a function that is a text", { ...valid, functions: ["0"] }, /^functions\[0\]: .*"0"/],
    ["a function twice", { ...valid, functions: [0, 1, 1] }, /^functions: .*names 1 twice/],
    ["an empty list of functions", { ...valid, functions: [] }, /^functions: .*at least one/],
    ["functions that are no list", { ...valid, functions: 3 }, /^functions: .*3.*list/],
    ["neither device nor map", without("device"), /^device: .*missing/],
    [
      "device together with functionMap",
      { ...without("functions"), functionMap: [{ hostAddress: "0000:01:00.0", guestFunction: 0 }] },
      /^functionMap: .*exclude each other/,
    ],
    [
      "functions together with functionMap",
      { ...without("device"), functionMap: [{ hostAddress: "0000:01:00.0", guestFunction: 0 }] },
      /^functions: .*exclude each other/,
    ],
    ["an empty map", withMap(), /^functionMap: .*at least one/],
    [
      "a map without guest function 0",
      withMap({ hostAddress: "0000:01:00.0", guestFunction: 1 }),
      /^functionMap: .*no guest function 0/,
    ],
    [
      "two functions on one guest number",
      withMap(
        { hostAddress: "0000:01:00.0", guestFunction: 0 },
        { hostAddress: "0000:01:00.1", guestFunction: 0 },
      ),
      /^functionMap: .*guest function 0 to two/,
    ],
    [
      "a host function twice in a map, in two spellings",
      withMap(
        { hostAddress: "0000:0a:00.0", guestFunction: 0 },
        { hostAddress: "0A:00.0", guestFunction: 1 },
      ),
      /^functionMap: .*0000:0a:00\.0 twice/,
    ],
    [
      "a malformed address in a map",
      withMap({ hostAddress: "01:00.8", guestFunction: 0 }),
      /^functionMap\[0\]\.hostAddress: .*"01:00\.8"/,
    ],
    [
      "guest function 8 in a map",
      withMap({ hostAddress: "01:00.0", guestFunction: 0 }, { hostAddress: "01:00.1", guestFunction: 8 }),
      /^functionMap\[1\]\.guestFunction: .*8/,
    ],
    [
      "a ROM file by a relative path",
      withMap({ hostAddress: "01:00.0", guestFunction: 0, romFile: "card.rom" }),
      /^functionMap\[0\]\.romFile: .*"card\.rom".*absolute path/,
    ],
    [
      "a ROM file with a line end",
      withMap({ hostAddress: "01:00.0", guestFunction: 0, romFile: "/a\nb" }),
      /^functionMap\[0\]\.romFile: .*absolute path/,
    ],
    [
      "a ROM file without a ROM BAR",
      withMap(
        { hostAddress: "01:00.0", guestFunction: 0 },
        { hostAddress: "01:00.1", guestFunction: 1, romFile: "/card.rom", romBar: false },
      ),
      /^functionMap\[1\]\.romFile: .*needs a ROM BAR/,
    ],
    [
      "a ROM BAR that is a number",
      withMap({ hostAddress: "01:00.0", guestFunction: 0, romBar: 0 }),
      /^functionMap\[0\]\.romBar: .*true or false/,
    ],
    [
      "an entry without guest function",
      withMap({ hostAddress: "01:00.0" }),
      /^functionMap\[0\]\.guestFunction: .*missing/,
    ],
    ["an entry that is no object", withMap("01:00.0"), /^functionMap\[0\]: /],
    ["no connection", without("connection"), /^connection\.host: .*missing/],
    ["an empty host", { ...valid, connection: { host: "" } }, /^connection\.host: .*empty/],
    ["a host with a blank", { ...valid, connection: { host: "a b" } }, /^connection\.host: /],
    ["port 0", { ...valid, connection: { host: "hv1", port: 0 } }, /^connection\.port: .*0.*65535/],
    ["port 65536", { ...valid, connection: { host: "hv1", port: 65536 } }, /^connection\.port: .*65536/],
    [
      "a dial limit of 0",
      { ...valid, connection: { host: "hv1", dialErrorLimit: 0 } },
      /^connection\.dialErrorLimit: .*-1/,
    ],
    [
      "a negative dial timeout",
      { ...valid, connection: { host: "hv1", perDialTimeout: -1 } },
      /^connection\.perDialTimeout: /,
    ],
    [
      "another word for host key checking",
      { ...valid, connection: { host: "hv1", strictHostKeyChecking: "off" } },
      /^connection\.strictHostKeyChecking: .*"off".*"accept-new"/,
    ],
    [
      "an empty host of a jump host",
      { ...valid, connection: { host: "hv1", proxy: { host: "" } } },
      /^connection\.proxy\.host: .*empty/,
    ],
    ["no guest", without("guest"), /^guest: .*missing/],
    ["an empty name of a guest", { ...valid, guest: { domain: "" } }, /^guest\.domain: .*empty/],
    [
      "a hypervisor that is not QEMU",
      { ...valid, guest: { domain: "g", uri: "xen:///system" } },
      /^guest\.uri: .*"xen:\/\/\/system"/,
    ],
    ["a guest without a name", { ...valid, guest: {} }, /^guest\.domain: .*missing.*qmpSocket/],
    [
      "a guest that is libvirt's and is not",
      { ...valid, guest: { domain: "g", qmpSocket: "/run/g.qmp" } },
      /^guest\.qmpSocket: .*exclude each other/,
    ],
    [
      "libvirt's URI without libvirt",
      { ...valid, guest: { qmpSocket: "/run/g.qmp", uri: "qemu:///system" } },
      /^guest\.uri: .*libvirt/,
    ],
    [
      "a privilege that libvirt does not need",
      { ...valid, guest: { domain: "g", privilege: "sudo" } },
      /^guest\.privilege: .*leave it out/,
    ],
    [
      "another privilege",
      { ...valid, guest: { qmpSocket: "/run/g.qmp", privilege: "doas" } },
      /^guest\.privilege: .*"doas".*"sudo"/,
    ],
    [
      "a socket without a folder",
      { ...valid, guest: { qmpSocket: "g.qmp" } },
      /^guest\.qmpSocket: .*"g\.qmp".*absolute/,
    ],
    [
      "a socket of libvirt's",
      { ...valid, guest: { qmpSocket: "/var/lib/libvirt/qemu/domain-1-g/monitor.sock" } },
      /^guest\.qmpSocket: .*guest\.domain/,
    ],
    [
      "persistent without libvirt",
      { ...valid, guest: { qmpSocket: "/run/g.qmp" }, persistent: true },
      /^persistent: .*no configuration/,
    ],
    ["another word for leftovers", { ...valid, leftovers: "keep" }, /^leftovers: .*"keep".*"refuse".*"hold"/],
    ["guest slot 32", { ...valid, guestSlot: { bus: "pci.0", slot: 32 } }, /^guestSlot\.slot: .*32/],
    ["a guest slot without bus", { ...valid, guestSlot: { slot: 1 } }, /^guestSlot\.bus: .*missing/],
    ["persistent as a text", { ...valid, persistent: "yes" }, /^persistent: .*"yes"; use true or false/],
    ["adopt as a text", { ...valid, adopt: "true" }, /^adopt: .*"true"/],
    ["allowInUse as a text", { ...valid, allowInUse: "yes" }, /^allowInUse: .*"yes".*true or false/],
    ["a timeout of 0", { ...valid, timeouts: { attachSeconds: 0 } }, /^timeouts\.attachSeconds: .*0.*1/],
    [
      "a timeout that is no number",
      { ...valid, timeouts: { detachSeconds: "1m" } },
      /^timeouts\.detachSeconds: .*"1m"/,
    ],
    ["an unknown argument", { ...valid, devices: [] }, /^: .*"devices".*device/],
    [
      "an unknown field of the guest",
      { ...valid, guest: { domain: "g", name: "g" } },
      /^guest\.name: .*"name".*domain, uri/,
    ],
    [
      "an unknown field of a map's entry",
      withMap({ hostAddress: "01:00.0", guestFunction: 0, slot: 1 }),
      /^functionMap\[0\]\.slot: .*hostAddress, guestFunction/,
    ],
    [
      "an unknown field of the connection",
      { ...valid, connection: { host: "hv1", hots: "x" } },
      /^connection\.hots: .*"hots".*host, port/,
    ],
  ])("refuses %s, on its property, with value and cure", (_name, values, expected) => {
    const failures = failuresOf(values);
    expect(failures.filter((one) => expected.test(one))).not.toEqual([]);
    expect(failures).toHaveLength(1);
  });

  it.each([
    ["[::1]", /^connection\.host is "\[::1\]"; give "::1" alone here$/],
    [
      "[fe80::1%eth0]:2222",
      /is "\[fe80::1%eth0\]:2222"; give "fe80::1%eth0" alone here, 2222 in connection\.port$/,
    ],
    ["user@hv1", /is "user@hv1"; give "hv1" alone here, the user in connection\.user$/],
    ["hv1:22", /is "hv1:22"; give "hv1" alone here, 22 in connection\.port$/],
    ["ssh://hv1", /is "ssh:\/\/hv1"; give "hv1" alone here$/],
    ["ssh://root@hv1:22/", /give "hv1" alone here, the user in connection\.user, 22 in connection\.port$/],
    ["qemu+ssh://root@hv1/system", /give "hv1" alone here, the user in connection\.user$/],
    ["root:geheim@hv1", /^connection\.host is not valid; .* alone: the user belongs in connection\.user/],
    ["P@ssw0rd", /^connection\.host is not valid; .* alone: the user belongs in connection\.user/],
    ["hv1:/srv", /^connection\.host is not valid; use a host name.* alone/],
    ["[hv1]", /^connection\.host is not valid; use a host name.* alone/],
    ["hv1:", /^connection\.host is not valid; use a host name.* alone/],
    ["1:2:3", /^connection\.host is not valid; use a host name.* alone/],
  ])("takes the host %s apart for its user, also of a jump host", (host, expected) => {
    const [failure, ...others] = findInputFailures({ ...valid, connection: { host } }, lenient);
    expect(failure?.property).toBe("connection.host");
    expect(failure?.reason).toMatch(expected);
    expect(others).toEqual([]);
    const [ofJump] = failuresOf({ ...valid, connection: { host: "hv1", proxy: { host } } });
    expect(ofJump).toMatch(/^connection\.proxy\.host: connection\.proxy\.host is /);
  });

  it.each(["hv1", "hv1.example.org.", "10.0.0.1", "::1", "fe80::1%eth0", "2001:db8::7", "büro-hv", "HV_1"])(
    "lets the host %s pass",
    (host) => {
      expect(failuresOf({ ...valid, connection: { host } })).toEqual([]);
    },
  );

  it("reports everything that is wrong at once", () => {
    const failures = findInputFailures(
      {
        connection: { host: "", port: 0, privatKey: "x", proxy: { host: "", user: "" } },
        guest: { domain: "" },
        device: "nonsense",
        functions: [9, 1, 1],
        leftovers: "maybe",
        timeouts: { attachSeconds: -1 },
        typo: 1,
        ownerToken: "a/b/c",
      },
      lenient,
    );
    expect(failures.map((one) => one.property).sort()).toEqual(
      [
        "",
        "connection.host",
        "connection.port",
        "connection.privatKey",
        "connection.proxy.host",
        "connection.proxy.user",
        "device",
        "functions",
        "functions[0]",
        "guest.domain",
        "leftovers",
        "timeouts.attachSeconds",
      ].sort(),
    );
  });

  it("says of a private or host key what its judge says, behind jumps too", () => {
    const checks: CredentialChecks = {
      findPrivateKeyProblem: (key, password) =>
        key === "bad" ? `is no key (${password === undefined ? "without" : "with"} password)` : undefined,
      findHostKeyProblem: (key) => (key === "bad" ? "is no host key" : undefined),
    };
    const proxy = { host: "jump", privateKey: "bad", privateKeyPassword: "p", hostKey: "bad" };
    const connection = { host: "hv1", privateKey: "bad", hostKey: "good", proxy };
    expect(failuresOf({ ...valid, connection }, checks)).toEqual([
      "connection.privateKey: connection.privateKey is no key (without password)",
      "connection.proxy.privateKey: connection.proxy.privateKey is no key (with password)",
      "connection.proxy.hostKey: connection.proxy.hostKey is no host key",
    ]);
  });

  it("judges no key whose password is unknown yet, and no unknown key", () => {
    const checks: CredentialChecks = {
      findPrivateKeyProblem: () => "was judged",
      findHostKeyProblem: () => "was judged",
    };
    const connection = {
      host: "hv1",
      privateKey: "k",
      privateKeyPassword: UNKNOWN_VALUE,
      hostKey: UNKNOWN_VALUE,
    };
    expect(failuresOf({ ...valid, connection }, checks)).toEqual([]);
    expect(failuresOf({ ...valid, connection: { host: "hv1", privateKey: UNKNOWN_VALUE } }, checks)).toEqual(
      [],
    );
  });

  it("takes null like a value left out, as other languages' SDKs send it", () => {
    const { device: _, ...rest } = valid;
    expect(failuresOf({ ...rest, device: null }).every((one) => one.startsWith("device: "))).toBe(true);
  });
});

describe("a value that a preview does not know yet", () => {
  it("passes at every depth: no failure is reported on it or above it", () => {
    const withPlace = inputs.chain((values) =>
      fc.record({ values: fc.constant(values), place: fc.constantFrom(...nodesOf(values)) }),
    );
    fc.assert(
      fc.property(withPlace, ({ values, place }) => {
        const changed = withNode(values, place, UNKNOWN_VALUE);
        expect(failuresOf(changed)).toEqual([]);
        expect(hasUnknown(changed)).toBe(true);
        expect(hasUnknown(values)).toBe(false);
        expect(failuresOf(normaliseInputs(changed))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it("hides no failure elsewhere", () => {
    const failures = failuresOf({
      ...valid,
      guest: UNKNOWN_VALUE,
      device: "nonsense",
      functions: [UNKNOWN_VALUE, 8],
    });
    expect(failures.map((one) => one.split(":")[0]).sort()).toEqual(["device", "functions[1]"]);
  });
});

describe("a credential", () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9+/]{12,24}$/).map((text) => `S3CRET${text}`);
  const names = [
    "host",
    "port",
    "user",
    "password",
    "privateKey",
    "privateKeyPassword",
    "agentSocketPath",
    "hostKey",
    "knownHostsFile",
    "privatKey",
    "passwort",
    "key",
    "token",
    "proxy",
  ];
  const places = names.flatMap((name) => [[name], ["proxy", name], ["proxy", "proxy", name]]);
  /** The text itself, or hidden in a value of a wrong type. */
  const shaped = (text: string): fc.Arbitrary<unknown> =>
    fc.constantFrom<unknown>(
      text,
      [text],
      { pem: text },
      { host: text, extra: [{ deep: text }] },
      `${text}\n${text}`,
    );

  it("never appears in a failure, wherever it stands and however misspelt", () => {
    const hidden = secret.chain((text) =>
      fc.record({ text: fc.constant(text), value: shaped(text), place: fc.constantFrom(...places) }),
    );
    fc.assert(
      fc.property(hidden, ({ text, value, place }) => {
        const base = { ...valid, connection: { host: "hv1", proxy: { host: "j1", proxy: { host: "j2" } } } };
        const values = withNode(base, ["connection", ...place], value);
        const stern: CredentialChecks = {
          findPrivateKeyProblem: () => "is not usable",
          findHostKeyProblem: () => "is not usable",
        };
        expect(JSON.stringify(findInputFailures(values, stern))).not.toContain(text);
      }),
      { numRuns: 500 },
    );
  });

  it("never appears in a failure where it stands in place of the whole connection", () => {
    fc.assert(
      fc.property(
        secret.chain((text) => shaped(text).map((value) => ({ text, value }))),
        ({ text, value }) => {
          const failures = findInputFailures({ ...valid, connection: value }, lenient);
          expect(JSON.stringify(failures)).not.toContain(text);
          // Pulumi itself prints the value of a top-level property beside the reason
          expect(failures.map((one) => one.property)).not.toContain("connection");
        },
      ),
    );
  });

  it("that was misspelt is quoted by its name only", () => {
    const failures = failuresOf({ ...valid, connection: { host: "hv1", privatKey: "-----BEGIN" } });
    expect(failures.join()).toContain("privatKey");
    expect(failures.join()).not.toContain("BEGIN");
  });

  it("never appears in an error of stored arguments", () => {
    fc.assert(
      fc.property(secret, (text) => {
        const stored = { ...valid, connection: { host: "hv1", password: text, privatKey: text } };
        let message = "";
        try {
          parseCheckedInputs(stored);
        } catch (error) {
          message = String(error);
        }
        expect(message).toContain("connection");
        expect(message).not.toContain(text);
      }),
    );
  });
});

describe("inputs in one spelling", () => {
  it("have long lower-case addresses, and are the same when made again", () => {
    fc.assert(
      fc.property(inputs, (values) => {
        const once = normaliseInputs(values);
        expect(normaliseInputs(once)).toEqual(once);
        expect(Object.keys(once).sort()).toEqual(Object.keys(values).sort());
        const { device: _d, functionMap: _m, ...rest } = once;
        const { device: _e, functionMap: _n, ...others } = values;
        expect(rest).toEqual(others);
        if (once.device !== undefined) expect(once.device).toMatch(/^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]$/);
        for (const one of once.functionMap ?? []) expect(one.hostAddress).toMatch(/^[0-9a-f]{4}:.*\.[0-7]$/);
        expect(parseCheckedInputs(once)).toEqual(once);
      }),
    );
  });

  it("leave alone what is none, for check to complain of", () => {
    const odd = { device: "nonsense", functionMap: ["x", { hostAddress: 7 }, { hostAddress: "y" }, null] };
    expect(normaliseInputs(odd)).toEqual(odd);
  });

  it("are never filled with defaults", () => {
    expect(Object.keys(normaliseInputs(valid))).toEqual(Object.keys(valid));
    expect(parseCheckedInputs(valid)).toEqual(valid);
  });
});
