import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseCommand } from "../../../cli/parse-arguments";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "multifunction-pci-cli-"));
const keyFile = path.join(folder, "id_ed25519");
fs.writeFileSync(keyFile, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const inspected = (line: string) => {
  const command = parseCommand(line.split(" "));
  if (command.kind !== "inspect") throw new Error("not an inspection");
  return command;
};

test("a host alone is enough, and leaves everything else to ssh_config and the defaults", () => {
  expect(inspected("inspect hv1")).toEqual({
    kind: "inspect",
    args: { connection: { host: "hv1" } },
    isJson: false,
    withBridges: false,
  });
});

test("every option ends up where an attachment has it", () => {
  const line =
    `inspect pulumi-pci@hv1 --port 2222 --identity-file ${keyFile} --known-hosts /k --host-key SHA256:x ` +
    "--strict-host-key-checking accept-new --guest guest1 --uri qemu:///session --json --all --device 01:00 " +
    "--jump outer,me@inner:2200";
  expect(inspected(line)).toEqual({
    kind: "inspect",
    args: {
      connection: {
        host: "hv1",
        user: "pulumi-pci",
        port: 2222,
        privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----\n",
        knownHostsFile: "/k",
        hostKey: "SHA256:x",
        strictHostKeyChecking: "accept-new",
        proxy: { host: "inner", user: "me", port: 2200, proxy: { host: "outer" } },
      },
      guest: { domain: "guest1", uri: "qemu:///session" },
    },
    isJson: true,
    withBridges: true,
    device: "0000:01:00",
  });
  expect(inspected("inspect hv1 --qmp-socket /run/vm.qmp --privilege sudo").args.guest).toEqual({
    qmpSocket: "/run/vm.qmp",
    privilege: "sudo",
  });
});

test.each([
  ["hv1", { host: "hv1" }],
  ["root@hv1", { user: "root", host: "hv1" }],
  ["user@realm@hv1", { user: "user@realm", host: "hv1" }],
  ["[2001:db8::1]", { host: "2001:db8::1" }],
  ["root@2001:db8::1", { user: "root", host: "2001:db8::1" }],
])("%s names a host", (text, connection) => {
  expect(inspected(`inspect ${text}`).args.connection).toEqual(connection);
});

test.each([
  ["", /there is no command ""/],
  ["attach hv1", /there is no command "attach"; it is inspect, host-rules or record/],
  ["inspect", /inspect takes a host: \[USER@\]HOST/],
  ["inspect hv1 hv2", /inspect takes one host; "hv2" is one too many/],
  ["inspect hv1:2222", /has a port; use --port 2222/],
  ["inspect root@", /"root@" is no host; use \[USER@\]HOST/],
  ["inspect @hv1", /"@hv1" is no host/],
  ["inspect hv1 --port ssh", /--port is "ssh"; use a number/],
  ["inspect hv1 --gest x", /--gest/],
  ["inspect hv1 --guest", /--guest/],
  ["inspect hv1 --device 01:00.0", /--device is "01:00.0"; use the slot of a device/],
  ["inspect hv1 --identity-file /nowhere/key", /--identity-file: .*\/nowhere\/key/],
  ["inspect hv1 --jump ,", /"" is no jump host/],
  ["record hv1", /record takes a file to write/],
  ["record hv1 a.json b.json", /record takes one host; "b.json" is one too many/],
  ["record hv1 a.json --guest x", /--guest is not for record; leave it out/],
  ["inspect hv1 --look", /--look is not for inspect; leave it out/],
])("%p is wrong usage, and the message says how to do better", (line, message) => {
  expect(() => parseCommand(line.split(" "))).toThrow(message);
  expect(() => parseCommand(line.split(" "))).toThrow(
    expect.objectContaining({ name: "UsageError" }) as Error,
  );
});

test("help and version are asked for anywhere", () => {
  expect(parseCommand(["--help"])).toEqual({ kind: "help" });
  expect(parseCommand(["inspect", "-h"])).toEqual({ kind: "help" });
  expect(parseCommand(["--version"])).toEqual({ kind: "version" });
});

test("record has a host, how to reach it, and a file", () => {
  expect(parseCommand("record root@hv1 a.json -p 2222 -J bastion".split(" "))).toEqual({
    kind: "record",
    args: { connection: { host: "hv1", user: "root", port: 2222, proxy: { host: "bastion" } } },
    file: "a.json",
  });
});
