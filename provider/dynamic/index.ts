import { MultifunctionPciProvider } from "./provider";
import { surviveBrokenOutput } from "./survive-broken-output";

surviveBrokenOutput(process.stdout, process.stderr);

/** What the shim in every state asks for by this name. Permanent. */
export const provider = new MultifunctionPciProvider();
