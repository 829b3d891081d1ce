export { FakeSysfs, FOUR_FUNCTIONS, type FakeFunction } from "./fake-sysfs";
export { PlainBench } from "./plain-bench";
