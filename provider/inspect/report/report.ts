import type { ErrorCode } from "../../errors";
import type { BeneathKind, BeneathTrait } from "../../host/facts";
import type { SlotKind } from "../../pci";
import type { GuestRunState, HaltedState } from "../../plan";

/*
 * What `getPciDevices` returns and `inspect --json` prints. sdk/nodejs/pci-devices.ts has the same types with
 * their documentation, for programs; test/unit/inspect/report-shape.types.ts holds the two together.
 */

export interface PciReport {
  readonly host: HostReport;
  readonly guest: GuestReport | null;
  readonly guests: readonly { readonly name: string; readonly uuid: string }[] | null;
  readonly devices: readonly DeviceReport[];
  readonly prologue: readonly string[];
  readonly notes: readonly string[];
  readonly usesLookedFor: readonly string[];
}

export interface HostReport {
  readonly address: string;
  readonly uuid: string | null;
  readonly hostKeyFingerprint: string | null;
}

export interface GuestReport {
  readonly name: string;
  readonly uuid: string;
  readonly runState: Exclude<GuestRunState, "missing" | HaltedState> | "halted";
  readonly machine: string | null;
  readonly qemuVersion: string | null;
  readonly memoryBytes: number | null;
  readonly buses: readonly GuestBusReport[];
  readonly attachments: readonly AttachmentReport[];
  readonly refusal: RefusalReport | null;
  readonly refusals: readonly RefusalReport[];
}

export interface GuestBusReport {
  readonly bus: string;
  readonly kind: SlotKind | null;
  readonly freeSlots: readonly number[];
  readonly takenBy: readonly string[];
  readonly reason: string | null;
}

export interface AttachmentReport {
  readonly owner: string;
  readonly bus: string;
  readonly slot: number;
  readonly attached: readonly string[];
  readonly held: readonly string[];
}

export interface DeviceReport {
  readonly address: string;
  readonly vendorName: string | null;
  readonly productName: string | null;
  readonly className: string | null;
  readonly numaNode: number | null;
  readonly isBridge: boolean;
  readonly functions: readonly FunctionReport[];
  readonly iommuGroups: readonly IommuGroupReport[];
  readonly attach: AttachAnswer;
}

export interface FunctionReport {
  readonly address: string;
  readonly function: number;
  readonly vendorId: string;
  readonly productId: string;
  readonly classCode: string;
  readonly vendorName: string | null;
  readonly productName: string | null;
  readonly className: string | null;
  readonly driver: string | null;
  readonly iommuGroup: number | null;
  readonly physicalFunction: string | null;
  readonly interfaces: readonly string[];
  readonly disks: readonly string[];
  readonly beneath: readonly BeneathReport[];
  readonly hostUses: readonly string[];
  readonly heldBy: HolderReport | null;
}

export interface BeneathReport {
  readonly kind: BeneathKind;
  readonly name: string;
  readonly detail: string | null;
  readonly traits: readonly BeneathTrait[];
  readonly within: string | null;
}

export interface HolderReport {
  readonly guest: string;
  readonly guestUuid: string | null;
  readonly owner: string | null;
  readonly bus: string | null;
  readonly slot: number | null;
  readonly guestFunction: number | null;
}

export interface IommuGroupReport {
  readonly group: number;
  readonly others: readonly {
    readonly address: string;
    readonly driver: string | null;
    readonly isBridge: boolean;
  }[];
}

export interface AttachAnswer {
  readonly possible: "whole" | "part" | "no";
  readonly functions: readonly number[];
  readonly leftovers: "refuse" | "hold";
  readonly allowInUse: boolean;
  readonly consequences: readonly string[];
  readonly refusal: RefusalReport | null;
  readonly refusals: readonly RefusalReport[];
  readonly program: readonly string[];
}

export interface RefusalReport {
  readonly code: ErrorCode;
  readonly message: string;
}
