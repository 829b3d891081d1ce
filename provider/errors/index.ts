export { catalogue, refusalCodes, type ErrorCode } from "./catalogue";
export { ProviderError, providerError, hasCode, causeText } from "./provider-error";
export { printable } from "./printable";
