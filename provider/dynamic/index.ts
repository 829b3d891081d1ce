import { endWithEngine } from "./end-with-engine";
import { Operations } from "./operations";
import { MultifunctionPciProvider } from "./provider";
import { surviveBrokenOutput } from "./survive-broken-output";

surviveBrokenOutput(process.stdout, process.stderr);
const operations = new Operations();
endWithEngine(operations);

/** What the shim in every state asks for by this name. Permanent. */
export const provider = new MultifunctionPciProvider(operations);
