import { parseCommand } from "../../../cli/parse-arguments";

const rulesOf = (line: string) => {
  const command = parseCommand(`host-rules ${line}`.split(" "));
  if (command.kind !== "host-rules") throw new Error("not about a host's rules");
  return command.rules;
};

const SOCKET = "--qmp-socket /run/qemu/vm100.qmp";

test("socket and device are enough; the account is the one of docs/security.md", () => {
  expect(rulesOf(`hv1 ${SOCKET} --device 01:00`)).toEqual({
    place: "hv1",
    socket: "/run/qemu/vm100.qmp",
    devices: ["0000:01:00"],
    account: "pulumi-pci",
    onlyLooks: false,
  });
});

test("each device is listed once, in its canonical form", () => {
  const devices = "--device 01:00.1 --device 0000:01:00.1 --device 10000:E1:00 --device 02:00";
  expect(rulesOf(`hv1 ${SOCKET} ${devices}`).devices).toEqual(["0000:01:00.1", "10000:e1:00", "0000:02:00"]);
});

test.each([
  ["me@hv1", "me", "me@hv1"],
  ["me@hv1 --account other", "other", "me@hv1"],
  ["root@hv1 --account ci", "ci", "root@hv1"],
  ["me@realm@2001:db8::1", "me@realm", "me@realm@[2001:db8::1]"],
  ["hv1 --account DOMAIN\\me", "DOMAIN\\me", "hv1"],
])("of %s the account is %s, and the program is copied to %s", (words, account, place) => {
  expect(rulesOf(`${words} ${SOCKET} --device 01:00`)).toMatchObject({ account, place });
});

test("--look is of an account that changes nothing", () => {
  expect(rulesOf(`hv1 ${SOCKET} --device 01:00 --look`).onlyLooks).toBe(true);
});

test.each(["/run/qemu/*.qmp", "/run/qemu/vm*.qmp", "/qmp", "/var/run/qemu-server/100.qmp"])(
  "%s is a socket of the list",
  (socket) => {
    expect(rulesOf(`hv1 --qmp-socket ${socket} --device 01:00`).socket).toBe(socket);
  },
);

test.each([
  ["", /host-rules takes a host: \[USER@\]HOST/],
  ["hv1 hv2", /host-rules takes one host; "hv2" is one too many/],
  ["hv1 --device 01:00", /host-rules takes --qmp-socket: the path/],
  [`hv1 ${SOCKET}`, /host-rules takes --device for each device or function/],
  [`hv1 ${SOCKET} --device 01:00.8`, /--device is "01:00.8"; use the slot .* or a function/],
  [`hv1 ${SOCKET} --device everything`, /--device is "everything"/],
  ["hv1 --device 01:00 --qmp-socket run/vm.qmp", /--qmp-socket is "run\/vm.qmp"; use a path from the root/],
  ["hv1 --device 01:00 --qmp-socket /run/*/*.qmp", /may have one \*/],
  ["hv1 --device 01:00 --qmp-socket /run/**", /may have one \*/],
  ["hv1 --device 01:00 --qmp-socket /run/../vm.qmp", /--qmp-socket is "\/run\/..\/vm.qmp"/],
  ["hv1 --device 01:00 --qmp-socket /run/qemu/", /--qmp-socket is "\/run\/qemu\/"/],
  ["hv1 --device 01:00 --qmp-socket /run//vm.qmp", /--qmp-socket is/],
  ["hv1 --device 01:00 --qmp-socket /run/vm'.qmp", /--qmp-socket is/],
  [`root@hv1 ${SOCKET} --device 01:00`, /the account is root, which needs no list; .*--account/],
  [`hv1 ${SOCKET} --device 01:00 --account $(id)`, /the account is "\$\(id\)"; use the name of a login/],
  [`$(id)@hv1 ${SOCKET} --device 01:00 --account me`, /the account is "\$\(id\)"/],
  [`hv1;id ${SOCKET} --device 01:00`, /the host is "hv1;id"; use its name or address/],
  [`hv1 ${SOCKET} --device 01:00 --port 22`, /--port is not for host-rules; leave it out/],
  [`hv1 ${SOCKET} --device 01:00 --privilege sudo`, /--privilege is not for host-rules/],
])("%p is wrong usage, and the message says how to do better", (line, message) => {
  const words = `host-rules ${line}`.trim().split(" ");
  expect(() => parseCommand(words)).toThrow(message);
  expect(() => parseCommand(words)).toThrow(expect.objectContaining({ name: "UsageError" }) as Error);
});
