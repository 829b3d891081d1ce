import type { HostDisk, HostFacts, HostInterface } from "../../../../../provider/host/facts";
import { findHostUses } from "../../../../../provider/host/uses";
import type { PciAddress } from "../../../../../provider/pci";
import { describeHostUse } from "../../../../../provider/plan";
import { nothingUsed } from "../../../../support/host-facts";

/** An interface that is down. */
export const nic = (name: string, hostAddress?: string, ...lowerInterfaces: string[]): HostInterface => ({
  name,
  isUp: false,
  lowerInterfaces,
  addresses: [],
  routes: [],
  ...(hostAddress !== undefined && { hostAddress: hostAddress as PciAddress }),
});

/** An interface that is up. */
export const upNic = (fields: Partial<HostInterface> = {}): HostInterface => ({
  ...nic("eth0", "0000:01:00.0"),
  isUp: true,
  ...fields,
});

/** A disk that nothing uses, if no more is said. */
export const disk = (
  name: string,
  hostAddress?: string,
  slaves: string[] = [],
  mountPoints: string[] = [],
  more: Partial<HostDisk> = {},
): HostDisk => ({
  name,
  slaves,
  mountPoints,
  claims: [],
  ...(hostAddress !== undefined && { hostAddress: hostAddress as PciAddress }),
  ...more,
});

/** The uses in words: `0000:01:00.0 has …`. */
export const usesOf = (facts: Partial<HostFacts>): string[] =>
  findHostUses({ ...nothingUsed, ...facts }).map((one) => `${one.hostAddress} ${describeHostUse(one)}`);
