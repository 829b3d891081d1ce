import { AttachFailure } from "../../../provider/apply";
import { providerError, withOthers, type ProviderError } from "../../../provider/errors";
import { LibvirtDisconnectedError, LibvirtError, LibvirtProtocolError } from "../../../provider/libvirt-rpc";
import { toPublicError } from "../../../provider/connections/public-error";
import { QmpDisconnectedError, QmpError, QmpProtocolError } from "../../../provider/qmp";

const refusedByLibvirt = new LibvirtError({
  code: 55,
  domain: 10,
  libvirtMessage: "the domain is not running",
  procedure: "DOMAIN_GET_XML_DESC",
});

describe("what a protocol's room has thrown", () => {
  it.each([
    ["LIBVIRT_REFUSED", refusedByLibvirt, "the domain is not running"],
    ["LIBVIRT_CONNECTION_LOST", new LibvirtDisconnectedError("it was closed"), "it was closed"],
    ["PROTOCOL_BROKEN", new LibvirtProtocolError("a message of 4 GiB"), "a message of 4 GiB"],
    ["QEMU_REFUSED", new QmpError("GenericError", "no such device"), " asked: no such device. "],
    ["QMP_CONNECTION_LOST", new QmpDisconnectedError("it was closed"), "it was closed"],
    ["QMP_PROTOCOL_BROKEN", new QmpProtocolError("an answer is not JSON"), "an answer is not JSON"],
  ])("becomes %s, which names the host and quotes it", (code, thrown, quoted) => {
    const error = toPublicError(thrown, "root@hv1:22") as ProviderError;
    expect(error.code).toBe(code);
    expect(error.cause).toBe(thrown);
    expect(error.message).toContain("root@hv1:22");
    expect(error.message).toContain(quoted);
  });

  it.each([
    ["Failed to connect socket to '/var/run/libvirt/virtnodedevd-sock': No such file or directory"],
    ["Socket-Erstellung zu »/run/libvirt/virtnodedevd-sock« fehlgeschlagen: Verbindungsaufbau abgelehnt"],
  ])("names the modular daemon that does not listen, in whichever language: %s", (libvirtMessage) => {
    const details = { domain: 7, libvirtMessage, procedure: "NODE_DEVICE_LOOKUP_BY_NAME" };
    const error = toPublicError(new LibvirtError({ code: 38, ...details }), "hv1") as ProviderError;
    expect(error.code).toBe("LIBVIRT_REFUSED");
    expect(error.message).toContain("systemctl enable --now virtnodedevd.socket");
    const other = toPublicError(new LibvirtError({ code: 1, ...details }), "hv1") as ProviderError;
    expect(other.message).not.toContain("systemctl");
  });

  it("sends nobody to libvirt's log for what QEMU has refused", () => {
    const { message } = toPublicError(new QmpError("GenericError", "no"), "hv1") as ProviderError;
    expect(message).not.toMatch(/libvirt/i);
  });
});

describe("an error that has its words already", () => {
  it("keeps the lines of the others", () => {
    const first = providerError("GUEST_NEVER_RAN", { guest: "g" });
    const error = withOthers(first, [providerError("DEVICE_NOT_FOUND", { device: "0000:01:00" })]);
    const { message } = error;
    expect(toPublicError(error, "hv1")).toBe(error);
    expect(error.message).toBe(message);
    expect(message.split("\n")).toHaveLength(2);
  });

  it("keeps the whole message of a failed attach, with the code at its end", () => {
    const outcome = "y".repeat(9_000);
    const cause = providerError("ATTACH_FAILED", { guest: "g", reason: "no", outcome });
    const failure = new AttachFailure(cause, undefined);
    const { message } = failure;
    expect(toPublicError(failure, "hv1")).toBe(failure);
    expect(failure.message).toBe(message);
    expect(message).toMatch(/\[ATTACH_FAILED\]$/);
  });

  it("is the same error in words that a terminal does not obey", () => {
    const error = new Error("a\u001bb\nc");
    expect(toPublicError(error, "hv1")).toBe(error);
    expect(error.message).toBe("a\\u001bb c");
    expect(toPublicError("text", "hv1")).toBe("text");
  });
});
