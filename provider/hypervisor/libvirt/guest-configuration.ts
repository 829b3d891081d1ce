import type { GuestConfiguration } from "../../apply";
import { providerError } from "../../errors";
import { LibvirtError, LibvirtErrorCode, undefinedOnError, type LibvirtDomain } from "../../libvirt-rpc";
import type { ConfiguredFunction } from "../../plan";
import { retryBusyJob } from "./busy-job";
import type { FoundDomain } from "./found-domain";
import type { LibvirtSession } from "./libvirt-session";
import { reasonOf } from "./refused";
import { findBusNumber, parseDomainXml } from "./xml/domain-xml";
import { configuredHostdev, unassignedHostdev } from "./xml/hostdev-xml";

/** The configuration that libvirt keeps of a guest, from which the guest boots. */
export class LibvirtConfiguration implements GuestConfiguration {
  readonly #session: LibvirtSession;
  readonly #domain: FoundDomain;

  constructor(session: LibvirtSession, domain: FoundDomain) {
    this.#session = session;
    this.#domain = domain;
  }

  /**
   * The calls go out together: libvirt carries out what it has been sent though its client dies, so that a
   * part of a set, with which the guest might not boot, does not stay
   * (docs/internals/decisions/0012-persistent-configuration.md).
   */
  async configure(functions: readonly ConfiguredFunction[], signal: AbortSignal): Promise<void> {
    const client = await this.#session.client(signal);
    const domain = this.#domain.get();
    const { buses } = parseDomainXml(await client.domainXml(domain, { inactive: true }, signal));
    const isMultifunction = functions.some((one) => (one.guestAddress?.guestFunction ?? 0) > 0);
    const elements = functions.map((one) => {
      const number = one.guestAddress && findBusNumber(buses, one.guestAddress.bus);
      if (one.guestAddress === undefined || number !== undefined)
        return configuredHostdev(one, number ?? 0, isMultifunction);
      const reason = `it has no bus ${one.guestAddress.bus}`;
      throw providerError("CONFIGURE_FAILED", { functions: [one.hostAddress], guest: domain.name, reason });
    });
    const failures = await failuresOf(
      elements.map((xml) => retryBusyJob(() => client.attachDevice(domain, xml, "config"), signal)),
    );
    throwFirstFailure({ code: "CONFIGURE_FAILED", functions, domain, failures });
  }

  /** @see GuestConfiguration.unconfigure */
  async unconfigure(functions: readonly ConfiguredFunction[], signal: AbortSignal): Promise<void> {
    const client = await this.#session.client(signal);
    const domain = this.#domain.get();
    const failures = await failuresOf(
      functions.map(async ({ hostAddress, alias }) => {
        const xml = unassignedHostdev(hostAddress, alias);
        const detached = retryBusyJob(() => client.detachDevice(domain, xml, "config"), signal);
        await undefinedOnError(LibvirtErrorCode.DEVICE_MISSING, () => detached);
      }),
    );
    throwFirstFailure({ code: "UNCONFIGURE_FAILED", functions, domain, failures });
  }
}

/** Waits for all, so that none runs on unwatched; what each has failed with, in their order. */
async function failuresOf(calls: readonly Promise<void>[]): Promise<unknown[]> {
  const results = await Promise.allSettled(calls);
  return results.map((one) => (one.status === "rejected" ? (one.reason as unknown) : undefined));
}

interface ConfigurationChange {
  readonly code: "CONFIGURE_FAILED" | "UNCONFIGURE_FAILED";
  readonly functions: readonly ConfiguredFunction[];
  readonly domain: LibvirtDomain;
  /** By function; undefined for a function that did not fail. */
  readonly failures: readonly unknown[];
}

function throwFirstFailure({ code, functions, domain, failures }: ConfigurationChange): void {
  const first = failures.find((one) => one !== undefined);
  if (first === undefined) return;
  if (!(first instanceof LibvirtError)) throw first as Error;
  const failed = functions.filter((_one, index) => failures[index] !== undefined);
  const addresses = failed.map((one) => one.hostAddress);
  throw providerError(code, { functions: addresses, guest: domain.name, reason: reasonOf(first) }, first);
}
