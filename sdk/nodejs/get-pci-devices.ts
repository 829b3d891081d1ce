/* eslint-disable @typescript-eslint/no-require-imports -- the provider is loaded when it is asked for */
import * as pulumi from "@pulumi/pulumi";
import type { GuestArgs } from "./attachment-args";
import type { ConnectionArgs } from "./connection-args";
import type { PciDevices } from "./pci-devices";
import { sealCredentials } from "./seal-credentials";

/** Arguments of {@link getPciDevices}. */
export interface GetPciDevicesArgs {
  /**
   * How to reach the host, as an attachment has it, with plain values. `dialErrorLimit` is 1 here where it is
   * not given: whoever looks does not want to wait for a host that is not there. Credentials that are left
   * out come from the stack's configuration, the environment, an agent or key files, as for an attachment.
   */
  connection: pulumi.Unwrap<ConnectionArgs>;
  /**
   * The guest to look into. Default: none; the answers are then those for some running guest with a free
   * slot.
   */
  guest?: pulumi.Unwrap<GuestArgs>;
}

/** Arguments of {@link getPciDevicesOutput}: those of {@link getPciDevices}, each as a value or an output. */
export interface GetPciDevicesOutputArgs {
  /** See {@link GetPciDevicesArgs.connection}. */
  connection: pulumi.Input<ConnectionArgs>;
  /** See {@link GetPciDevicesArgs.guest}. */
  guest?: pulumi.Input<GuestArgs | undefined>;
}

/** What the subpath `./provider` exports for this. */
interface Installed {
  readonly inspectHost: (
    args: GetPciDevicesArgs,
    options: { readonly config: { readonly get: (key: string) => string | undefined } },
  ) => Promise<PciDevices>;
}

const NAMESPACE = "multifunction-pci";

/**
 * Looks at a hypervisor host, and at one of its guests, and tells of each PCI device whether it could be
 * attached, by the same judgement as {@link MultifunctionPciAttachment}'s. One SSH connection, which is
 * closed before this resolves; nothing is changed on the host and no lock is taken.
 *
 * @throws ArgumentError (a TypeError) naming each argument that cannot be used; errors with a code of
 * docs/errors.md where host or guest cannot be looked at.
 *
 * @example
 * const { devices } = await getPciDevices({ connection: { host: "hv1" }, guest: { domain: "guest1" } });
 * const whole = devices.filter((one) => one.attach.possible === "whole");
 * const cards = whole.filter((one) => one.className === "Ethernet controller");
 */
export async function getPciDevices(args: GetPciDevicesArgs): Promise<PciDevices> {
  const stack = new pulumi.Config(NAMESPACE);
  const config = { get: (key: string) => stack.get(key.slice(NAMESPACE.length + 1)) };
  return (require("pulumi-multifunction-pci/provider") as Installed).inspectHost(args, { config });
}

/**
 * {@link getPciDevices} for arguments that may be outputs. Not called while one of them is unknown.
 * Credentials are taken as secrets, and what is made of a secret is one: use `pulumi.unsecret` on the result,
 * which holds none.
 */
export function getPciDevicesOutput(args: GetPciDevicesOutputArgs): pulumi.Output<PciDevices> {
  const known = pulumi.output({ ...args, connection: sealCredentials(args.connection) });
  return (known as pulumi.Output<GetPciDevicesArgs>).apply(getPciDevices);
}
