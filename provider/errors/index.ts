export { catalogue, refusalCodes, type ErrorCode } from "./catalogue";
export { ProviderError, fail, hasCode, causeText } from "./provider-error";
export { printable } from "./printable";
