import { endWithEngine } from "./end-with-engine";
import { Operations } from "../operations/running-operations";
import { MultifunctionPciProvider } from "./provider";
import { ignoreBrokenPipe } from "./ignore-broken-pipe";

ignoreBrokenPipe(process.stdout, process.stderr);
const operations = new Operations();
endWithEngine(operations);

/** What the shim in every state asks for by this name. Permanent. */
export const provider = new MultifunctionPciProvider(operations);

/** What `getPciDevices` and the command line ask for; not for programs. */
export { inspectHost } from "../operations/inspect";
export { describeReport } from "../inspect";
