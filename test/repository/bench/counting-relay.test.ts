import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { CountingRelay } from "../../../bench/counting-relay";
import { eventually } from "../../support/eventually";

let server: Server;
let relay: CountingRelay;

beforeEach(async () => {
  // greets, as sshd does, and answers each line
  server = createServer((socket) => {
    socket.write("hello\n");
    createInterface({ input: socket }).on("line", (line) => socket.write(`${line} to you\n`));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  relay = await CountingRelay.open({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
});
afterEach(async () => {
  await relay.close();
  server.close();
});

async function client(): Promise<{ socket: Socket; lines: string[] }> {
  const socket = connect({ host: "127.0.0.1", port: relay.port, noDelay: true });
  const lines: string[] = [];
  createInterface({ input: socket }).on("line", (line) => lines.push(line));
  await eventually(async () => lines.length, 1);
  return { socket, lines };
}

test("a connection is a round trip, and a greeting unasked for is none", async () => {
  const { lines } = await client();
  expect(lines).toEqual(["hello"]);
  expect(relay.traffic).toEqual({ connections: 1, roundTrips: 1 });
});

test("each question that waits for the answer before it is a round trip", async () => {
  const { socket, lines } = await client();
  for (const n of [1, 2, 3]) {
    socket.write(`good day ${n}\n`);
    await eventually(async () => lines.at(-1) ?? "", `good day ${n} to you`);
  }
  expect(relay.traffic).toEqual({ connections: 1, roundTrips: 4 });
});

test("what is asked together is one", async () => {
  const { socket, lines } = await client();
  socket.write("one\ntwo\nthree\n");
  await eventually(async () => lines.length, 4);
  expect(relay.traffic.roundTrips).toBe(2);
});

test("the connections of all clients are counted together", async () => {
  await client();
  const { socket, lines } = await client();
  socket.write("one\n");
  await eventually(async () => lines.length, 2);
  expect(relay.traffic).toEqual({ connections: 2, roundTrips: 3 });
});
