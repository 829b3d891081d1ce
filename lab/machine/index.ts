export { machineFacts } from "./arguments";
export { chooseAccelerator, type Accelerator } from "./accelerator";
export { EVERYDAY, EVERYDAY_LATE, EXTRA_DISK_SIZE, extraDisks } from "./everyday-devices";
export { chooseEmulator, type Emulator } from "./emulator";
export { parseHardware, USUAL_HARDWARE, type Hardware } from "./hardware";
export { forwardedSshPort, startMachine, type Machine } from "./machine";
export { humanMonitorSilently, machineMonitor } from "./monitor";
export {
  createRunFolder,
  isMachineThere,
  listLastingRuns,
  openRunFolder,
  removeAbandonedRuns,
  removeRun,
  type Lifetime,
  type RunFolder,
} from "./run-folder";
