export { catalogue, refusalCodes, type ErrorCode } from "./catalogue";
export { printable, shorten } from "./printable";
export { ProviderError, providerError, hasCode, causeText } from "./provider-error";
