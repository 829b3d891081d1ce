import { createServer, type AddressInfo } from "node:net";
import { eventually } from "../support/eventually";
import { DynamicProvider, unknownValue } from "../support/dynamic-provider";
import { attachedState, validInputs } from "../support/dynamic-provider/inputs";
import { SshStranger } from "./support/ssh-stranger";

/** What each method does when the host cannot be reached: never more than it knows. */
let provider: DynamicProvider;
let stranger: SshStranger;

beforeAll(async () => {
  stranger = await SshStranger.listen();
  provider = await DynamicProvider.start();
  await provider.configure({});
});
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  await stranger[Symbol.asyncDispose]();
});

const inputs = () => ({ ...validInputs, connection: { ...validInputs.connection, port: stranger.port } });
const state = () => ({ ...attachedState, connection: inputs().connection });
const refused = {
  message: expect.stringContaining("[SSH_HOST_KEY_MISMATCH]") as string,
  partial: undefined,
};

/** What a process prints arrives by another way than its answers, before or after. */
function untilPrinted(pattern: RegExp, since = 0): Promise<void> {
  return eventually(() => Promise.resolve(pattern.test(provider.printed.slice(since).join("\n"))), true);
}

test("create fails with the reason, and no state is kept", async () => {
  await expect(provider.create(inputs())).rejects.toMatchObject(refused);
});

test("read fails instead of saying that the attachment is gone", async () => {
  await expect(provider.read("id", state())).rejects.toMatchObject(refused);
});

test("update fails, and the engine keeps the state that it has", async () => {
  await expect(provider.update("id", state(), { ...inputs(), functions: [0] })).rejects.toMatchObject(
    refused,
  );
});

test("delete fails instead of forgetting a device that may still be plugged", async () => {
  await expect(provider.delete("id", state())).rejects.toMatchObject(refused);
});

test("diff of a change is in place, and says when plans are made", async () => {
  const before = provider.printed.length;
  const diff = await provider.diff("id", state(), { ...inputs(), functions: [0] });
  expect(diff).toMatchObject({ changes: "some", replaces: [] });
  expect(provider.printed.slice(before).join("\n")).toMatch(/^nic: .*apply/m);
});

test("check of a create says when plans are made, and passes it", async () => {
  const before = provider.printed.length;
  expect((await provider.check({}, inputs())).failures).toEqual([]);
  expect(provider.printed.slice(before).join("\n")).toMatch(
    /^nic: the host cannot be looked at, so .* apply/m,
  );
});

test("check of a create with an unknown argument asks no host", async () => {
  const before = stranger.connections.count;
  await provider.check({}, { ...inputs(), functions: unknownValue });
  expect(stranger.connections.count).toBe(before);
});

test("check of what exists asks no host: diff does", async () => {
  const before = stranger.connections.count;
  await provider.check(inputs(), inputs());
  expect(stranger.connections.count).toBe(before);
});

test("a silent host is waited for once, however many resources it gets", async () => {
  let dials = 0;
  const silent = createServer((socket) => {
    dials += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as AddressInfo;
  const there = { ...inputs(), connection: { ...inputs().connection, port } };
  for (const name of ["a", "b", "c"]) {
    await provider.check({}, { ...there, ownerToken: `acme/shop/prod/${name}` });
    await untilPrinted(new RegExp(`^${name}: .* the plan will be made at apply`, "m"));
  }
  expect(dials).toBe(1);
  await new Promise((resolve) => silent.close(resolve));
});

test("diff of another host that cannot be reached is in place", async () => {
  const elsewhere = { ...inputs(), connection: { ...inputs().connection, host: "localhost" } };
  expect(await provider.diff("id", state(), elsewhere)).toMatchObject({ changes: "some", replaces: [] });
});

test("diff without a change makes none of a host that cannot be reached", async () => {
  expect(await provider.diff("id", state(), inputs())).toMatchObject({ changes: "none", replaces: [] });
});

test("diff with an argument that is not known yet asks no host", async () => {
  const before = stranger.connections.count;
  const diff = await provider.diff("id", state(), { ...inputs(), functions: unknownValue });
  expect(diff).toMatchObject({ changes: "some", replaces: [] });
  expect(stranger.connections.count).toBe(before);
});

test("a replacement, if there is one, deletes first", async () => {
  expect(await provider.diff("id", state(), inputs())).toMatchObject({ deleteBeforeReplace: true });
});

test("several at once each get their own answer", async () => {
  const answers = await Promise.allSettled([
    ...Array.from({ length: 4 }, (_, i) =>
      provider.create({ ...inputs(), ownerToken: `acme/shop/prod/nic${i}` }),
    ),
    provider.read("id", state()),
    provider.check({}, { ...inputs(), functions: [8] }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([
    ...Array.from({ length: 5 }, () => "rejected"),
    "fulfilled",
  ]);
});

test("an error for users is printed without a stack of this program", () => {
  expect(provider.printed.join("\n")).not.toMatch(/^\s+at .*provider/m);
});

test("no answer and no line holds a credential", () => {
  expect(provider.printed.join("\n")).not.toContain(validInputs.connection.password);
});

describe("delete, where nobody answers", () => {
  // a port that was free a moment ago, so that the dial is refused at once
  const gone = async () => {
    const silent = await SshStranger.listen();
    const { port } = silent;
    await silent[Symbol.asyncDispose]();
    return { ...attachedState, connection: { ...validInputs.connection, port, dialErrorLimit: 1 } };
  };

  test("says what cannot be verified, and how to go on", async () => {
    await expect(provider.delete("id", await gone())).rejects.toMatchObject({
      message: expect.stringMatching(
        /cannot be verified that 0000:01:00\.0.*MULTIFUNCTION_PCI_FORGET_UNREACHABLE=1.*\[HOST_NOT_VERIFIED\]/s,
      ) as string,
    });
  });

  test("forgets if the user says the host is gone, and only silent hosts", async () => {
    await using forgetful = await DynamicProvider.start({
      env: { MULTIFUNCTION_PCI_FORGET_UNREACHABLE: "1" },
    });
    await forgetful.configure({});
    await forgetful.delete("id", await gone());
    expect(forgetful.printed.join("\n")).toMatch(/forgotten without a look at the host/);
    await expect(forgetful.delete("id", state())).rejects.toMatchObject(refused);
  });
});
