import type { ServerChannel } from "ssh2";
import { hasCode, ProviderError } from "../../provider/errors";
import { MultifunctionPciProvider } from "../../provider/dynamic/provider";
import { LibvirtSession } from "../../provider/hypervisor/libvirt";
import { LibvirtErrorCode } from "../../provider/libvirt-rpc";
import { formatMessage, MessageStatus, MessageType, parseMessage } from "../../provider/libvirt-rpc/message";
import { MessageSplitter } from "../../provider/libvirt-rpc/message-splitter";
import { Remote } from "../../provider/libvirt-rpc/procedures";
import { XdrWriter } from "../../provider/libvirt-rpc/xdr-writer";
import { attachedState } from "../support/dynamic-provider/inputs";
import { rejectionOf, withinBounds } from "../support/within-bounds";
import { InProcessServer } from "./support/in-process-server";

/**
 * What answers one call: the body of a good reply, a refusal in these words, bytes as they are, or nothing.
 */
type Answer =
  | ((writer: XdrWriter) => unknown)
  | { readonly refusal: string; readonly code?: number }
  | { readonly bytes: Buffer }
  | undefined;
type Answers = Readonly<Record<number, Answer>>;

const bounds = { seconds: 20, mebibytes: 256 };
const escapes = "\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e\r\nnic: 9/9 erase the ledger";
// eslint-disable-next-line no-control-regex -- what must not come through
const obeyed = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

const inOrder: Answers = {
  [Remote.AUTH_LIST.number]: (writer) => writer.u32(1).u32(0),
  [Remote.CONNECT_OPEN.number]: () => undefined,
  [Remote.CONNECT_CLOSE.number]: () => undefined,
  [Remote.CONNECT_GET_LIB_VERSION.number]: (writer) => writer.u64(11_003_000n),
  [Remote.CONNECT_GET_CAPABILITIES.number]: (writer) =>
    writer.string(`<capabilities><host><uuid>${attachedState.hostUuid}</uuid></host></capabilities>`),
  [Remote.DOMAIN_LOOKUP_BY_NAME.number]: (writer) =>
    writer.string("guest1").fixedOpaque(Buffer.alloc(16, 0x11)).i32(1),
  [Remote.DOMAIN_LOOKUP_BY_UUID.number]: (writer) =>
    writer.string("guest1").fixedOpaque(Buffer.alloc(16, 0x11)).i32(1),
  [Remote.NODE_DEVICE_GET_XML_DESC.number]: {
    refusal: "no such device",
    code: LibvirtErrorCode.NO_NODE_DEVICE,
  },
};

/** A libvirtd at the far end of a channel that answers as it was told. */
function answerCalls(channel: ServerChannel, answers: Answers): void {
  const splitter = new MessageSplitter((message) => {
    const { header } = parseMessage(message);
    const answer = answers[header.procedure];
    if (answer === undefined) return;
    if ("bytes" in answer) return void channel.write(answer.bytes);
    const writer = new XdrWriter();
    const isRefused = "refusal" in answer;
    if (isRefused) {
      writer
        .i32(answer.code ?? LibvirtErrorCode.INTERNAL_ERROR)
        .i32(10)
        .optionalString(answer.refusal)
        .i32(2);
      writer.u32(0).u32(0).u32(0).u32(0).i32(0).i32(0).u32(0);
    } else {
      answer(writer);
    }
    const status = isRefused ? MessageStatus.ERROR : MessageStatus.OK;
    channel.write(formatMessage({ ...header, type: MessageType.REPLY, status }, writer.toBuffer()));
  });
  channel.on("data", (bytes: Buffer) => splitter.push(bytes));
}

let server: InProcessServer;
let provider: MultifunctionPciProvider;
const said: string[] = [];

beforeEach(() => {
  said.length = 0;
  jest.spyOn(console, "log").mockImplementation((line: string) => void said.push(line));
  provider = new MultifunctionPciProvider();
});
afterEach(async () => {
  jest.restoreAllMocks();
  await provider.close();
  await server.close();
});

/** The properties of a resource on a host where libvirt answers like this. */
async function attachedOn(onLibvirt: (channel: ServerChannel) => void) {
  server = await InProcessServer.listen({ onUnixSocket: onLibvirt });
  const { port, hostKey } = server;
  const connection = { host: "127.0.0.1", port, hostKey, user: "operator", password: "correct horse" };
  return { ...attachedState, connection };
}

const hosts: [string, string, (channel: ServerChannel) => void][] = [
  ["greets in clear text", "LIBVIRT_UNREACHABLE", (channel) => channel.write(`Welcome ${escapes}\n`)],
  ["hangs up", "LIBVIRT_UNREACHABLE", (channel) => channel.end()],
  [
    "refuses to open, with escape sequences",
    "LIBVIRT_UNREACHABLE",
    (channel) => answerCalls(channel, { ...inOrder, [Remote.CONNECT_OPEN.number]: { refusal: escapes } }),
  ],
  [
    "claims a message of 4 GiB",
    "PROTOCOL_BROKEN",
    (channel) =>
      answerCalls(channel, {
        ...inOrder,
        [Remote.NODE_DEVICE_GET_XML_DESC.number]: { bytes: Buffer.alloc(64, 0xff) },
      }),
  ],
  [
    "ends in the middle of an answer",
    "LIBVIRT_CONNECTION_LOST",
    (channel) => {
      answerCalls(channel, { ...inOrder, [Remote.NODE_DEVICE_GET_XML_DESC.number]: undefined });
      setTimeout(() => channel.end(Buffer.from([0, 0, 1, 0, 0x20])), 100);
    },
  ],
  [
    "refuses with megabytes of escape sequences",
    "LIBVIRT_REFUSED",
    (channel) =>
      answerCalls(channel, {
        ...inOrder,
        [Remote.NODE_DEVICE_GET_XML_DESC.number]: { refusal: escapes.repeat(50_000) },
      }),
  ],
  [
    "sends a document that is none",
    "XML_UNREADABLE",
    (channel) =>
      answerCalls(channel, {
        ...inOrder,
        [Remote.NODE_DEVICE_GET_XML_DESC.number]: (writer) => writer.string(`<device>${escapes}`),
      }),
  ],
];

describe("A host whose libvirt", () => {
  it.each(hosts)("%s is an error with code %s, which no terminal obeys", async (_name, code, libvirt) => {
    const properties = await attachedOn(libvirt);
    await withinBounds(bounds, async () => {
      for (const run of [
        () => provider.create(properties),
        () => provider.read("id", properties),
        () => provider.update("id", properties, properties),
        () => provider.delete("id", properties),
      ]) {
        const error = (await rejectionOf(run())) as ProviderError;
        expect({ code: error.code, message: error.message }).toMatchObject({ code });
        expect(error).toBeInstanceOf(ProviderError);
        expect(error.message).not.toMatch(obeyed);
        expect(error.message.length).toBeLessThan(9_000);
        expect(error.message).not.toContain("correct horse");
      }
    });
  });

  it.each(hosts)(
    "%s (%s) is told by a preview in one line, which cannot be forged",
    async (_name, _code, libvirt) => {
      const properties = await attachedOn(libvirt);
      await withinBounds(bounds, () => provider.diff("id", properties, properties));
      expect(said).toHaveLength(1);
      for (const line of said) {
        expect(line).toMatch(/^nic: /);
        expect(line).not.toMatch(obeyed);
      }
    },
  );

  it("does not answer is given up, by the limit of its opening", async () => {
    server = await InProcessServer.listen({ onUnixSocket: () => undefined });
    const ssh = await server.pool().acquire(server.target());
    const streams = {
      label: ssh.label,
      openUnixSocket: ssh.openUnixSocket.bind(ssh),
      openCommand: ssh.exec.bind(ssh),
    };
    const error = await rejectionOf(new LibvirtSession(streams, "qemu:///system", 200).client());
    expect(hasCode(error, "LIBVIRT_UNREACHABLE")).toBe(true);
    expect((error as Error).message).toContain("did not answer within 0.2 s");
  });
});
