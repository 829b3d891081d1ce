export { catalogue, refusalCodes, type ErrorCode } from "./catalogue";
export { printable } from "./printable";
export { ProviderError, providerError, hasCode, causeText } from "./provider-error";
