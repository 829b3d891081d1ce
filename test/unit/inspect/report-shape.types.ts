import type { PciReport } from "../../../provider/inspect";
import type { PciDevices } from "../../../sdk/nodejs";

/*
 * What the provider finds is what the SDK promises. The two are written down twice, because a program must
 * not load the provider with the SDK. The compiler compares them here (`npm run check`): no test that runs
 * could.
 */

/* eslint-disable @typescript-eslint/no-unnecessary-type-parameters -- alike if their types are */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/* eslint-enable @typescript-eslint/no-unnecessary-type-parameters */
type Plain<T> = T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
/** A code is one of the catalogue's here, and a text for programs. */
type WithTextCodes<T> = T extends { readonly code: string }
  ? { readonly [K in keyof T]: K extends "code" ? string : WithTextCodes<T[K]> }
  : T extends object
    ? { readonly [K in keyof T]: WithTextCodes<T[K]> }
    : T;

/** Takes nothing but `true`. */
type Holds<T extends true> = T;

/** Compiles only where the two are the same, field by field. */
export type FoundIsPromised = Holds<Same<Plain<WithTextCodes<PciReport>>, Plain<WithTextCodes<PciDevices>>>>;
