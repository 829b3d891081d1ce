import { toPublicError } from "../../../provider/connections/public-error";
import { LibvirtDisconnectedError, LibvirtProtocolError } from "../../../provider/libvirt-rpc";
import { QmpDisconnectedError } from "../../../provider/qmp";

test.each([
  ["PROTOCOL_BROKEN", new LibvirtProtocolError("half a message")],
  ["LIBVIRT_CONNECTION_LOST", new LibvirtDisconnectedError("the stream ended")],
  ["QMP_CONNECTION_LOST", new QmpDisconnectedError("the stream ended")],
])("an error of a protocol becomes %s, which names the host and the cause", (code, cause) => {
  const error = toPublicError(cause, "hv1");
  expect(error).toMatchObject({ code, cause });
  expect((error as Error).message).toContain("hv1");
  expect((error as Error).message).toContain(cause.message);
});

test("any other error is itself, with a message that no terminal obeys", () => {
  const error = new Error("first\nsecond\u001b[2J");
  expect(toPublicError(error, "hv1")).toBe(error);
  // eslint-disable-next-line no-control-regex -- that none of them is there is what is tested
  expect(error.message).not.toMatch(/[\u0000-\u001f]/);
  expect(error.message).toContain("second");
  expect(toPublicError("no error at all", "hv1")).toBe("no error at all");
});
