import { endWithEngine } from "./end-with-engine";
import { RunningOperations } from "../operations/running-operations";
import { MultifunctionPciProvider } from "./provider";
import { ignoreBrokenPipe } from "./ignore-broken-pipe";

ignoreBrokenPipe(process.stdout, process.stderr);
const running = new RunningOperations();
endWithEngine(running);

/** What the shim in every state asks for by this name. Permanent. */
export const provider = new MultifunctionPciProvider(running);

/** What `getPciDevices` and the command line ask for; not for programs. */
export { describeHostSetup, hostListLines } from "../errors";
export { inspectHost } from "./inspect-host";
export { recordHost } from "./record-host";
export { describeReport } from "../operations/inspect";
