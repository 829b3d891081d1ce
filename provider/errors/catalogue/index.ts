import { carryingOut } from "./carrying-out";
import { reaching } from "./reaching";
import { refusals } from "./refusals";

export { joinParts, type ErrorParts } from "./entry";
export { describeHostSetup, hostListLines, type HostListNeeds } from "./host-list";

/**
 * Every error that a user can meet: a stable code, and the parts of its message. The parts never hold a
 * credential or a whole document of the peer. docs/errors.md lists each code with cause and cure; a test
 * holds the two together.
 */
export const catalogue = { ...reaching, ...refusals, ...carryingOut } as const;

/** A stable code of the catalogue. */
export type ErrorCode = keyof typeof catalogue;

/** Codes of what planning refuses with: the chapter Planning of docs/errors.md. */
export const refusalCodes = Object.keys(refusals) as readonly (keyof typeof refusals)[];
