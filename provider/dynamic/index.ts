import { endWithEngine } from "./end-with-engine";
import { Operations } from "./operations";
import { MultifunctionPciProvider } from "./provider";
import { ignoreBrokenPipe } from "./survive-broken-output";

ignoreBrokenPipe(process.stdout, process.stderr);
const operations = new Operations();
endWithEngine(operations);

/** What the shim in every state asks for by this name. Permanent. */
export const provider = new MultifunctionPciProvider(operations);

/** What `getPciDevices` and the command line ask for; not for programs. */
export { inspectHost } from "./inspect-host";
export { describeReport } from "../inspect";
