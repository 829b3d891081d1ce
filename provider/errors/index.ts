export { catalogue, refusalCodes, type ErrorCode } from "./catalogue";
export { printable } from "./printable";
export { ProviderError, providerError, hasCode, causeText, withOthers } from "./provider-error";
