export { catalogue, joinParts, refusalCodes, type ErrorCode, type ErrorParts } from "./catalogue";
export { printable, shorten } from "./printable";
export { ProviderError, providerError, hasCode, causeText, withOthers } from "./provider-error";
