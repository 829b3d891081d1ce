import { MultifunctionPciProvider } from "./provider";

/** What the shim in every state asks for by this name. Permanent. */
export const provider = new MultifunctionPciProvider();
