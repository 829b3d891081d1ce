import type { GuestName } from "../../lab";
import { DynamicProvider, RpcError, type Properties } from "../support/dynamic-provider";
import { eventually } from "../support/eventually";
import { attachmentLab, NIC, OTHER_NIC } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();
const e1000e = ["e1000e", "e1000e", "e1000e", "e1000e"];

/** One stack: a `pulumi` command of its own has a provider process of its own. */
class Stack implements AsyncDisposable {
  private constructor(
    private readonly provider: DynamicProvider,
    readonly owner: string,
    private readonly overrides: Properties,
  ) {}

  static async start(name: string, overrides: Properties): Promise<Stack> {
    return new Stack(await DynamicProvider.startConfigured(), `organization/${name}/dev/nic`, overrides);
  }

  async create(): Promise<{ id: string; outs: Properties }> {
    const desired = lab.inputs({ ...this.overrides, ownerToken: this.owner });
    const { inputs, failures } = await this.provider.check({}, desired);
    expect(failures).toEqual([]);
    return this.provider.create(inputs);
  }

  delete({ id, outs }: { id: string; outs: Properties }): Promise<void> {
    return this.provider.delete(id, outs);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.provider[Symbol.asyncDispose]();
  }
}

const functionsOn = (...buses: readonly string[]): string[] =>
  buses.flatMap((bus) => [0, 1, 2, 3].map((n) => `0000:${bus}:00.${n}`));

test("two stacks attach to one guest at once, and detach at once", async () => {
  await using network = await Stack.start("network", { device: NIC });
  await using storage = await Stack.start("storage", { device: OTHER_NIC });
  const [first, second] = await Promise.all([network.create(), storage.create()]);
  const slots = [first, second].map(({ outs }) => (outs["slot"] as { bus: string }).bus);
  expect(slots.sort()).toEqual(["pci.7", "pci.8"]);
  await eventually(() => lab.pluggedFunctions(), functionsOn("07", "08"));

  await Promise.all([network.delete(first), storage.delete(second)]);
  await eventually(() => lab.pluggedFunctions(), []);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.driversOf(OTHER_NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});

test.each<[string, readonly [GuestName, GuestName]]>([
  ["for one guest", ["guest1", "guest1"]],
  ["for two guests", ["guest1", "guest2"]],
])("of two stacks that want one device at once %s, one has it", async (_what, [guest, otherGuest]) => {
  await using network = await Stack.start("network", { guest: { domain: guest } });
  await using storage = await Stack.start("storage", { guest: { domain: otherGuest } });
  const stacks = [network, storage];
  const created = await Promise.allSettled(stacks.map((stack) => stack.create()));
  const won = created.findIndex(({ status }) => status === "fulfilled");
  const [winner, loser] = won === 0 ? [network, storage] : [storage, network];
  const [success, refusal] = won === 0 ? created : [...created].reverse();
  if (success?.status !== "fulfilled" || refusal?.status !== "rejected")
    throw new Error(`one was to succeed: ${JSON.stringify(created)}`);

  const error = refusal.reason as RpcError;
  expect(error).toBeInstanceOf(RpcError);
  expect(error.message).toContain("[ATTACHMENT_OWNED_BY_ANOTHER]");
  expect(error.message).toContain(winner.owner);
  expect(error.message).not.toContain(loser.owner);
  // no state is kept of what was refused
  expect(error.partial).toBeUndefined();
  const { outs } = success.value;
  const guestOfWinner = won === 0 ? guest : otherGuest;
  await eventually(() => lab.pluggedFunctions(guestOfWinner), functionsOn("08"));
  if (otherGuest !== guest) {
    const guestOfLoser = won === 0 ? otherGuest : guest;
    expect(await lab.pluggedFunctions(guestOfLoser)).toEqual([]);
  }
  const left = (await lab.leftBehind()).join("\n");
  expect(left).toContain(winner.owner);
  expect(left).not.toContain(loser.owner);
  expect(new Set(left.match(/mfpci-[0-9a-f]{12}/g))).toEqual(new Set([success.value.id]));

  await winner.delete({ id: success.value.id, outs });
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});
