export { catalogue, joinParts, refusalCodes, type ErrorCode, type ErrorParts } from "./catalogue";
export { printable } from "./printable";
export { ProviderError, providerError, hasCode, causeText, withOthers } from "./provider-error";
