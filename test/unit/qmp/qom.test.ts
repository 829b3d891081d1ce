import {
  findProperty,
  listProperties,
  QmpError,
  QmpProtocolError,
  type QmpMonitor,
} from "../../../provider/qmp";

const answering = (answer: unknown): QmpMonitor & { asked: unknown[] } => {
  const asked: unknown[] = [];
  return {
    asked,
    execute: (command, args) => {
      asked.push([command, args]);
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    listen: () => Promise.reject(new Error("not asked for")),
  };
};

describe("the properties of an object", () => {
  it("are asked for by its path, and reduced to name and type", async () => {
    const monitor = answering([{ name: "type", type: "string", description: "x" }]);
    expect(await listProperties(monitor, "/machine")).toEqual([{ name: "type", type: "string" }]);
    expect(monitor.asked).toEqual([["qom-list", { path: "/machine" }]]);
  });

  it.each([{}, null, "text", [7], [{ name: "x" }], [{ name: 1, type: "t" }]])(
    "are refused where the answer is %j",
    async (answer) => {
      await expect(listProperties(answering(answer), "/machine")).rejects.toThrow(QmpProtocolError);
    },
  );
});

describe("a property", () => {
  it("that the object does not have is undefined", async () => {
    const refusal = new QmpError("GenericError", "Property 'PCIE.acpi-pcihp-bsel' not found");
    expect(await findProperty(answering(refusal), "/x", "acpi-pcihp-bsel")).toBeUndefined();
  });

  it("that is false, 0 or empty is that", async () => {
    for (const value of [false, 0, ""]) expect(await findProperty(answering(value), "/x", "y")).toBe(value);
  });

  it("that cannot be asked for is an error, not undefined", async () => {
    const lost = new Error("connection lost");
    await expect(findProperty(answering(lost), "/x", "y")).rejects.toBe(lost);
  });
});
