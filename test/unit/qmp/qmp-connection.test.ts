import {
  QmpConnection,
  QmpDisconnectedError,
  type QmpError,
  QmpProtocolError,
  type QmpEvent,
} from "../../../provider/qmp";
import { rejectionOf, withinBounds } from "../../support/within-bounds";
import { agree, GREETING, peerThat, readDialogue, ScriptedQemu } from "./support/scripted-qemu";

const { signal } = new AbortController();

test("the recorded dialogue with QEMU 7.2.22, from its greeting to its end", async () => {
  const qemu = new ScriptedQemu(readDialogue("plug"));
  const connection = await QmpConnection.open(qemu.stream, signal);
  const events: QmpEvent[] = [];
  const stop = connection.listen((event) => events.push(event));
  const driver = "virtio-rng-pci";
  expect(await connection.execute("query-chardev")).toMatchObject([{ label: "compat_monitor0" }]);
  expect(await connection.execute("query-uuid")).toEqual({ UUID: "33333333-3333-4333-8333-333333333333" });
  expect(await connection.execute("query-memory-size-summary")).toMatchObject({ "base-memory": 67108864 });
  await connection.execute("device_add", { driver, id: "f1", bus: "pci.1", addr: "0x0.1" });
  await connection.execute("device_add", {
    driver,
    id: "f0",
    bus: "pci.1",
    addr: "0x0.0",
    multifunction: true,
  });
  const refused = await rejectionOf(
    connection.execute("device_add", { driver, id: "f2", bus: "pci.1", addr: "0x0.2" }),
  );
  expect(refused).toMatchObject({ errorClass: "GenericError" });
  expect((refused as QmpError).description).toMatch(
    /^PCI: slot 0 function 0 already occupied by virtio-rng-pci/,
  );
  expect(await connection.execute("qom-list", { path: "/machine/peripheral" })).toContainEqual({
    name: "f0",
    type: "child<virtio-rng-pci>",
  });
  await connection.execute("stop");
  await connection.execute("device_del", { id: "f0" });
  expect(await rejectionOf(connection.execute("device_del", { id: "f0" }))).toMatchObject({
    errorClass: "DeviceNotFound",
  });
  expect(events.map(({ event, data }) => [event, data["device"]])).toEqual([
    ["STOP", undefined],
    ["DEVICE_DELETED", undefined],
    ["DEVICE_DELETED", "f0"],
    ["DEVICE_DELETED", undefined],
    ["DEVICE_DELETED", "f1"],
  ]);
  stop();
  await connection.execute("quit");
  expect(events).toHaveLength(5);
  qemu.stream.push(null);
  expect(await connection.closed).toBe("closed-by-qemu");
  expect(qemu).toMatchObject({ surprises: [], unused: 0 });
});

test("answers find their questions by the id, in whatever order they come", async () => {
  const asked: string[] = [];
  const stream = peerThat(GREETING, (line) => {
    if (line.includes("qmp_capabilities")) return agree(line);
    asked.push((JSON.parse(line) as { id: string }).id);
    return asked.length < 2
      ? ""
      : asked
          .reverse()
          .map((id) => `{"return": "for ${id}", "id": "${id}"}`)
          .join("");
  });
  const connection = await QmpConnection.open(stream, signal);
  expect(await Promise.all([connection.execute("a"), connection.execute("b")])).toEqual(["for 2", "for 3"]);
});

test("a signal ends the waiting, and the answer that comes then is nobody's", async () => {
  const held: string[] = [];
  const stream = peerThat(GREETING, (line) => {
    if (!line.includes('"slow"')) return agree(line);
    held.push(agree(line));
    return "";
  });
  const connection = await QmpConnection.open(stream, signal);
  const leaving = new AbortController();
  const waiting = connection.execute("slow", undefined, leaving.signal);
  leaving.abort(new Error("left"));
  await expect(waiting).rejects.toThrow("left");
  stream.push(held.join(""));
  expect(await connection.execute("next")).toEqual({});
});

test("a connection that is lost fails whoever waits, and says that it was lost", async () => {
  const stream = peerThat(GREETING, (line) => (line.includes("qmp_capabilities") ? agree(line) : ""));
  const connection = await QmpConnection.open(stream, signal);
  const waiting = rejectionOf(connection.execute("device_add"));
  stream.destroy(new Error("the SSH connection has ended"));
  expect(await waiting).toBeInstanceOf(QmpDisconnectedError);
  expect(await connection.closed).toBe("lost");
  await expect(connection.execute("next")).rejects.toBeInstanceOf(QmpDisconnectedError);
});

test("a socket that another client has does not greet: the signal ends waiting", async () => {
  const stream = peerThat("");
  await expect(QmpConnection.open(stream, AbortSignal.timeout(50))).rejects.toMatchObject({
    name: "TimeoutError",
  });
  expect(stream.destroyed).toBe(true);
});

describe("a hostile peer", () => {
  test.each([
    ["greets with something else", '{"hello": 1}'],
    ["is no QMP at all", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["sends JSON that is none", "{nonsense}"],
    ["greets with an event", '{"event": "STOP", "data": {}}'],
  ])("that %s", async (_name, greeting) => {
    await withinBounds({ seconds: 2, mebibytes: 32 }, async () => {
      expect(await rejectionOf(QmpConnection.open(peerThat(greeting, agree), signal))).toBeInstanceOf(
        QmpProtocolError,
      );
    });
  });

  test.each([
    ["an answer without id", '{"return": {}}'],
    ["an id that is no text", '{"return": {}, "id": 7}'],
    ["neither answer nor event", '{"id": null}'],
    ["a flood without end", `{"return": "${"x".repeat(9 * 1024 * 1024)}`],
    ["depth without bottom", "{".repeat(2000)],
    ["a prototype", '{"__proto__": {"return": {}}, "id": "2"}'],
  ])("that answers with %s", async (_name, answer) => {
    await withinBounds({ seconds: 5, mebibytes: 128 }, async () => {
      const stream = peerThat(GREETING, (line) => (line.includes("qmp_capabilities") ? agree(line) : answer));
      const connection = await QmpConnection.open(stream, signal);
      expect(await rejectionOf(connection.execute("query-pci"))).toBeInstanceOf(QmpProtocolError);
    });
  });

  test("that sends events without end keeps nothing of them", async () => {
    await withinBounds({ seconds: 5, mebibytes: 64 }, async () => {
      const stream = peerThat(GREETING, agree);
      const connection = await QmpConnection.open(stream, signal);
      const event = `{"event": "X", "data": {"a": "${"y".repeat(1000)}"}}\r\n`.repeat(100);
      for (let n = 0; n < 300; n++) {
        stream.push(event);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await connection.execute("query-status")).toEqual({});
    });
  });
});
