export {
  DynamicProvider,
  RpcError,
  serializedShim,
  unknownValue,
  type Failure,
  type PartialFailure,
  type Properties,
  type StartOptions,
} from "./dynamic-provider";
export { SilentListener } from "./silent-listener";
