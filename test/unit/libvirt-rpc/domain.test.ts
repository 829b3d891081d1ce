import fc from "fast-check";
import {
  findUuidBytes,
  formatUuid,
  readDomain,
  readDomainState,
  writeDomain,
} from "../../../provider/libvirt-rpc/domain";
import { XdrReader } from "../../../provider/libvirt-rpc/xdr-reader";
import { XdrWriter } from "../../../provider/libvirt-rpc/xdr-writer";

const domain = fc.record({
  name: fc.string({ unit: "grapheme" }).filter((value) => !value.includes("\0")),
  uuid: fc.uuid(),
  id: fc.integer({ min: -1, max: 0x7fffffff }),
});

describe("A domain", () => {
  test("comes back as it was written", () => {
    fc.assert(
      fc.property(domain, (one) => {
        const reader = new XdrReader(writeDomain(new XdrWriter(), one).toBuffer());
        expect(readDomain(reader)).toEqual(one);
        reader.end();
      }),
    );
  });

  test("is not written with a UUID that is none", () => {
    expect(() => writeDomain(new XdrWriter(), { name: "guest1", uuid: "guest1", id: 1 })).toThrow(TypeError);
  });

  test("has its number for a state that libvirt did not have yet", () => {
    const read = (number: number): string =>
      readDomainState(new XdrReader(new XdrWriter().i32(number).toBuffer()));
    expect([7, 8, -1].map(read)).toEqual(["pmsuspended", "state 8", "state -1"]);
  });
});

describe("A UUID", () => {
  test("is found with and without hyphens and in capitals, and printed canonically", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.boolean(), fc.boolean(), (uuid, plain, capitals) => {
        const hyphens = plain ? uuid.replaceAll("-", "") : uuid;
        const bytes = findUuidBytes(capitals ? hyphens.toUpperCase() : hyphens);
        expect(bytes && formatUuid(bytes)).toBe(uuid);
      }),
    );
  });

  test.each([
    "",
    "guest1",
    "00112233-4455-6677-8899-aabbccddeef",
    "00112233-4455-6677-8899-aabbccddeeffa",
    "g0112233-4455-6677-8899-aabbccddeeff",
  ])("is not found in %j", (text) => {
    expect(findUuidBytes(text)).toBeUndefined();
  });
});
