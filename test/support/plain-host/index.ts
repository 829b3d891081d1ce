export { FakeSysfs, type FakeFunction } from "./fake-sysfs";
export { outputsOf, PlainBench } from "./plain-bench";
