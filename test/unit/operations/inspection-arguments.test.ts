import {
  ArgumentError,
  parseInspectionArguments,
  publicArgumentsOf,
} from "../../../provider/operations/inspection-arguments";

const full = {
  connection: {
    host: "hv1",
    port: 2222,
    password: "hunter2",
    dialErrorLimit: 3,
    proxy: { host: "jump", privateKeyPassword: "hunter3" },
  },
  guest: { domain: "guest1" },
};

test("a connection alone is a host, a guest beside it is its guest", () => {
  expect(parseInspectionArguments({ connection: { host: "hv1" } }, {})).toEqual({
    connection: { host: "hv1" },
  });
  expect(parseInspectionArguments({ connection: { host: "hv1" }, guest: null }, {})).not.toHaveProperty(
    "guest",
  );
  expect(parseInspectionArguments(full, {})).toEqual(full);
});

test("all that is wrong is said at once, a line each", () => {
  const parse = () => parseInspectionArguments({ connection: { host: "", port: 0 }, device: "x\n" }, {});
  expect(parse).toThrow(ArgumentError);
  let lines: string[] = [];
  try {
    parse();
  } catch (error) {
    lines = (error as Error).message.split("\n");
  }
  expect(lines).toHaveLength(3);
  expect(lines[0]).toBe('unknown argument "device"; it takes connection, guest');
});

test("neither credentials nor limits are public, the names of credentials are", () => {
  const told = publicArgumentsOf(parseInspectionArguments(full, {}));
  expect(told).toEqual({
    connection: { host: "hv1", port: 2222, proxy: { host: "jump" } },
    credentials: ["password"],
    guest: { domain: "guest1" },
  });
});
