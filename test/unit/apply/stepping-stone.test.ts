import { attach, type AttachFailure } from "../../../provider/apply";
import { planAttach } from "../../../provider/plan";
import { letTimePass } from "../../support/fake-time";
import { attachRequest, createRequest } from "../../support/requests";
import { OLD_STATE, OLDER_LIBVIRT } from "../../support/scenarios";
import { wants } from "../../support/desired";
import { hostDevice, World } from "../../support/world";
import { WorldHypervisor } from "../../support/world-hypervisor";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** An operation has died while a function stood alone in the spare slot. */
function cutOff(): World {
  const world = new World({ functions: hostDevice(), plugsSingles: true, olderLibvirt: OLDER_LIBVIRT });
  const { steps } = planAttach(world.observe(), wants(), OLD_STATE);
  world.applyAll(
    steps.slice(
      0,
      steps.findIndex((step) => step.kind === "unplug-stepping-stone"),
    ),
  );
  return world;
}

const asked = [
  ["a create", createRequest()],
  ["an update", attachRequest()],
] as const;

it.each(asked)("%s finishes what was cut off at a stepping stone", async (_what, request) => {
  const world = cutOff();
  const { error } = await letTimePass(attach(new WorldHypervisor(world), request));
  expect(error).toBeUndefined();
  expect(world.plugged.map((one) => `${one.slot} ${one.guestFunction}`).sort()).toEqual(
    [0, 1, 2, 3].map((n) => `0 ${n}`),
  );
});

it.each(asked)("%s that fails puts no stepping stone back: it was no attachment", async (_what, request) => {
  const world = cutOff();
  const hypervisor = new WorldHypervisor(world, (call) => (call === "plug f0" ? "refused" : undefined));
  const { error } = await letTimePass(attach(hypervisor, request));
  expect((error as AttachFailure).message).toContain("Everything was undone");
  expect((error as AttachFailure).actual).toBeUndefined();
  expect([...world.plugged, ...world.holdings, ...world.ledger]).toEqual([]);
});
