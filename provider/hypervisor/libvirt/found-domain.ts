import { providerError } from "../../errors";
import { isLibvirtError, LibvirtErrorCode, type LibvirtClient, type LibvirtDomain } from "../../libvirt-rpc";

/** What a {@link FoundDomain} is made of. */
export interface FoundDomainOptions {
  /** Name or UUID of the guest. */
  readonly guest: string;
  /** Told of the guest as soon as it is found, for the parts that speak to it. */
  readonly onDomain: (domain: LibvirtDomain) => void;
}

/** The guest that an operation is about, as libvirt was last asked for it. */
export class FoundDomain {
  readonly #options: FoundDomainOptions;
  #domain: LibvirtDomain | undefined;
  /** The guest that alone counts; undefined for whichever has the name. */
  #keptUuid: string | undefined;

  constructor(options: FoundDomainOptions) {
    this.#options = options;
  }

  /** Name or UUID of the guest, as it was asked for. */
  get guest(): string {
    return this.#options.guest;
  }

  /** From now on this guest alone counts, whichever has the name. */
  keepTo(guestUuid: string): void {
    this.#keptUuid = guestUuid;
  }

  /** @throws GUEST_NOT_FOUND if it was not found, or not looked for */
  get(): LibvirtDomain {
    if (this.#domain === undefined) throw providerError("GUEST_NOT_FOUND", { guest: this.guest });
    return this.#domain;
  }

  /** Asks libvirt for the guest; undefined if there is none. */
  async find(client: LibvirtClient, signal: AbortSignal): Promise<LibvirtDomain | undefined> {
    try {
      this.#domain = await client.lookupDomain(this.#keptUuid ?? this.guest, signal);
      this.#options.onDomain(this.#domain);
    } catch (error) {
      if (!isLibvirtError(error, LibvirtErrorCode.NO_DOMAIN)) throw error;
      this.#domain = undefined;
    }
    return this.#domain;
  }
}
