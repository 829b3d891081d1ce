import { HostHelper, type HelperHost } from "../../provider/host/helper";

const helpers = new WeakMap<HelperHost, HostHelper>();

/** The helper of a connection: the same at each call, as the provider has one for each connection. */
export function openHelper(connection: HelperHost): HostHelper {
  const helper = helpers.get(connection) ?? new HostHelper(connection);
  helpers.set(connection, helper);
  return helper;
}
