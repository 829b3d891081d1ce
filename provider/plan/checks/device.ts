import { providerError } from "../../errors";
import type { PlanRequest } from "../plan-request";
import { findMissingDevice } from "../select-functions";
import type { Refusal } from "./refusal";

/** Where a whole device is named, its functions tell whose it is: without any, nothing else can be asked. */
export function checkDevice(request: PlanRequest): Refusal[] {
  const device = findMissingDevice(request, request.prior);
  return device === undefined ? [] : [providerError("DEVICE_NOT_FOUND", { device })];
}
