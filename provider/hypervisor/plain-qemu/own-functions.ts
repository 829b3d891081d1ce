import { isVfioDriver, type HostFunction } from "../../host/facts";
import type { PciAddress } from "../../pci";
import { aliasOf, type GuestIdentity, type Holding, type Observation } from "../../plan";
import type { GuestSurvey } from "../qemu";
import type { HostLook } from "./program/host-look";

/** Whether an address is one of these, or in a slot that is. */
export function isNamed(names: readonly string[], hostAddress: PciAddress): boolean {
  return names.some((name) => name === hostAddress || hostAddress.startsWith(`${name}.`));
}

/**
 * What the query names and what the guest has of ours, with their groups; what other guests have is not this
 * one's.
 */
export function relevantFunctions(
  { functions, ledger }: HostLook,
  names: readonly string[],
  guest: GuestIdentity,
): ReadonlyMap<PciAddress, HostFunction> {
  const own = new Set(
    ledger
      .filter((file) => file.guest.uuid === guest.uuid)
      .flatMap((file) => file.entries.flatMap((entry) => entry.functions.map((one) => one.hostAddress))),
  );
  const all = [...functions.values()];
  const direct = new Set(
    all.filter(({ hostAddress }) => own.has(hostAddress) || isNamed(names, hostAddress)),
  );
  const groups = new Set([...direct].flatMap((one) => one.iommuGroup ?? []));
  const isMember = ({ iommuGroup }: HostFunction): boolean =>
    iommuGroup !== undefined && groups.has(iommuGroup);
  return new Map(all.filter((one) => direct.has(one) || isMember(one)).map((one) => [one.hostAddress, one]));
}

/** What tells who has functions of the host. */
export interface HoldingEvidence {
  readonly look: HostLook;
  readonly ledger: Observation["ledger"];
  /** Undefined if no guest was looked at, or if it does not run. */
  readonly survey: GuestSurvey | undefined;
  readonly guest: GuestIdentity;
}

/**
 * What the ledger says is held and vfio-pci has; and what other processes have open, whoever gave it to them.
 */
export function holdingsOf(evidence: HoldingEvidence): Holding[] {
  const recorded = [...readHoldings(evidence), ...unreadHoldings(evidence)];
  const heldForOthers = new Set(
    recorded.filter((one) => one.guest.uuid !== evidence.guest.uuid).map((one) => one.hostAddress),
  );
  return [...recorded, ...foreignHoldings(evidence, heldForOthers)];
}

function isBound({ functions }: HostLook, hostAddress: PciAddress): boolean {
  return isVfioDriver(functions.get(hostAddress)?.driver);
}

/** By the ledger's entries. */
function readHoldings({ look, ledger }: HoldingEvidence): Holding[] {
  return ledger.flatMap(({ guest, entry }) =>
    entry.functions
      .filter(({ hostAddress }) => isBound(look, hostAddress))
      .map(({ hostAddress }) => ({
        guest,
        hostAddress,
        alias: aliasOf(entry.tag, hostAddress),
        isUnassigned: true,
      })),
  );
}

/** By entries that cannot be read: who has the functions is known, under which alias is not. */
function unreadHoldings({ look, guest }: HoldingEvidence): Holding[] {
  return look.ledger.flatMap((file) =>
    file.unread.flatMap(({ owner = "", addresses }) =>
      addresses
        .filter((hostAddress) => isBound(look, hostAddress))
        .map((hostAddress) => ({
          guest: file.guest.uuid === guest.uuid ? guest : file.guest,
          hostAddress,
          alias: `ledger entry of ${owner}`,
          isUnassigned: false,
        })),
    ),
  );
}

/** By other processes that have a VFIO group open. */
function foreignHoldings(
  { look, survey }: HoldingEvidence,
  heldForOthers: ReadonlySet<PciAddress>,
): Holding[] {
  const ownGroups = new Set(
    (survey?.plugged ?? []).map((one) => look.functions.get(one.hostAddress)?.iommuGroup),
  );
  const isOwn = ({ pid, iommuGroup }: HostLook["users"][number]): boolean =>
    look.qemu === undefined
      ? ownGroups.has(iommuGroup)
      : pid === look.qemu.pid || look.monitorHolders.has(pid);
  const bound = [...look.functions.values()].filter(
    (one) => isVfioDriver(one.driver) && !heldForOthers.has(one.hostAddress),
  );
  // one process of several is enough to keep a group
  const users = new Map(look.users.filter((user) => !isOwn(user)).map((user) => [user.iommuGroup, user]));
  return bound.flatMap(({ hostAddress, iommuGroup }): Holding[] => {
    const user = users.get(iommuGroup ?? -1);
    if (user === undefined) return [];
    const name = `of process ${user.pid}${user.command === "" ? "" : ` (${user.command})`}`;
    return [
      { guest: { name, uuid: "" }, hostAddress, alias: `VFIO group ${user.iommuGroup}`, isUnassigned: false },
    ];
  });
}
