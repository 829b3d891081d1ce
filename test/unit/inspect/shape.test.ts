import { composeReport, type PciReport } from "../../../provider/inspect";
import type { PciDevices } from "../../../sdk/nodejs";
import { card, input } from "./support/inputs";

/* eslint-disable @typescript-eslint/no-unnecessary-type-parameters -- two functions are the same where their types are */
/** Compiles only where the two are the same, field by field; a code is a text for programs. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Plain<T> = T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
type WithTextCodes<T> = T extends { readonly code: string }
  ? { readonly [K in keyof T]: K extends "code" ? string : WithTextCodes<T[K]> }
  : T extends object
    ? { readonly [K in keyof T]: WithTextCodes<T[K]> }
    : T;

const isSame: Same<Plain<WithTextCodes<PciReport>>, Plain<WithTextCodes<PciDevices>>> = true;

test("what the provider finds is what the SDK promises", () => {
  const found: PciDevices = composeReport(input(card("0000:01:00", { shared: 7 })));
  expect(isSame).toBe(true);
  expect(JSON.parse(JSON.stringify(found))).toEqual(found);
});
