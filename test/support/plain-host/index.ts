export { FakeSysfs, FOUR_FUNCTIONS, type FakeFunction } from "./fake-sysfs";
export { outputsOf, PlainBench } from "./plain-bench";
