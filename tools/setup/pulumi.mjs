import { ensurePulumiCli } from "../pulumi-cli/ensure.mjs";

/**
 * The Pulumi CLI: the installed one, or one built into the cache. It finds out itself what there is, in no
 * time.
 */
export const pulumi = {
  name: "pulumi",
  isReady: () => false,
  obstacle: () => undefined,
  make: (log) => ensurePulumiCli({ log }),
};
