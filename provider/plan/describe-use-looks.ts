import type { UnseenUse, UseLook, UseLooks } from "../host/uses";

const LOOKS: Readonly<Record<UseLook, string>> = {
  network: "network",
  disk: "disk",
  display: "display",
  tty: "serial console",
  compute: "compute",
  mdev: "mdev",
  vdpa: "vDPA",
  thunderbolt: "Thunderbolt",
  tpm: "TPM",
  watchdog: "watchdog",
  ipmi: "IPMI",
  uio: "uio",
};

const UNSEEN: Readonly<Record<UnseenUse, string>> = {
  open: "who has a device open is seen by root alone: a function without a use here may be in use all the same",
  beneath:
    "the host's own program is of an earlier release, which does not look at displays, serial consoles, " +
    "computing, mdev, vDPA, Thunderbolt, TPM, watchdog and IPMI",
};

/** What uses were looked for by, a word each. */
export function describeUseLooks({ by }: UseLooks): string[] {
  return by.map((one) => LOOKS[one]);
}

/** What uses may be that were not looked for, a sentence each without its full stop. */
export function describeUnseenUses({ notBy }: UseLooks): string[] {
  return notBy.map((one) => UNSEEN[one]);
}
