import { providerError, ProviderError } from "../../../../provider/errors";
import { findRefusals, throwRefusals, type Phase } from "../../../../provider/plan/checks";

const missing = providerError("GUEST_NOT_FOUND", { guest: "guest1" });
const bridge = providerError("FUNCTION_IS_BRIDGE", { hostAddress: "0000:01:00.0", isOfMachine: false });
const device = providerError("DEVICE_NOT_FOUND", { device: "0000:01:00" });

/** Phases whose checks give these refusals, and what was asked. */
function phasesOf(...phases: (readonly ProviderError[])[]) {
  const asked: string[] = [];
  const made = phases.map((refusals, index): Phase<string> => ({
    name: `phase ${index}`,
    checks: refusals.map((one) => (context) => {
      asked.push(`${context} ${one.code}`);
      return one === missing ? [] : [one];
    }),
  }));
  return { made, asked };
}

test("all checks of a phase are asked, and no later phase after a refusal", () => {
  const { made, asked } = phasesOf([missing], [bridge, missing, device], [device]);
  expect(findRefusals(made, "a")).toEqual([bridge, device]);
  expect(asked).toEqual([
    "a GUEST_NOT_FOUND",
    "a FUNCTION_IS_BRIDGE",
    "a GUEST_NOT_FOUND",
    "a DEVICE_NOT_FOUND",
  ]);
});

test("nothing is found where no check refuses", () => {
  expect(findRefusals(phasesOf([missing], [missing]).made, "a")).toEqual([]);
  expect(() => throwRefusals([])).not.toThrow();
});

test("the error is the first refusal, and tells of the others", () => {
  let thrown: unknown;
  try {
    throwRefusals([bridge, device, missing]);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(ProviderError);
  const { code, others, message } = thrown as ProviderError;
  expect(code).toBe("FUNCTION_IS_BRIDGE");
  expect(others.map((one) => one.code)).toEqual(["DEVICE_NOT_FOUND", "GUEST_NOT_FOUND"]);
  expect(message.split("\n")).toEqual([bridge.message, device.message, missing.message]);
});
