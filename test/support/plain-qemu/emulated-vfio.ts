import {
  isRecord,
  PERIPHERAL_PATH,
  QmpError,
  type QmpArguments,
  type QmpListener,
  type QmpMonitor,
} from "../../../provider/qmp";

/** An emulated device under the slot rules of any other; each has one function. */
const STAND_IN = "virtio-rng-pci";

/**
 * A monitor that plays vfio-pci, which needs a host's IOMMU, by an emulated device: `device_add` plugs a
 * stand-in, and `qom-get` of its `host` answers with the address that was asked for, and `qom-list` shows
 * vfio-pci in its place. All else goes to the real monitor.
 */
export class EmulatedVfio implements QmpMonitor {
  readonly #monitor: QmpMonitor;
  readonly #isHeld: (hostAddress: string) => boolean | Promise<boolean>;
  readonly #hosts: Map<string, string>;

  /**
   * @param isHeld whether QEMU could open this host function: what is not held for it, it cannot
   * @param hosts which host function each stand-in is for; shared by those that speak to one QEMU
   */
  constructor(
    monitor: QmpMonitor,
    isHeld: (hostAddress: string) => boolean | Promise<boolean>,
    hosts: Map<string, string> = new Map(),
  ) {
    this.#monitor = monitor;
    this.#isHeld = isHeld;
    this.#hosts = hosts;
  }

  /** Whether this plays a command; all others go to the real monitor as they are. */
  static plays(command: string, args: QmpArguments): boolean {
    if (command === "device_add") return args["driver"] === "vfio-pci";
    return command === "qom-list" || (command === "qom-get" && args["property"] === "host");
  }

  async execute(command: string, args: QmpArguments = {}, signal?: AbortSignal): Promise<unknown> {
    const { driver, host, ...others } = args;
    if (command === "device_add" && driver === "vfio-pci") {
      const address = String(host);
      if (!(await this.#isHeld(address)))
        throw new QmpError("GenericError", `vfio ${address}: no such host device`);
      await this.#refuseSecond(address, signal);
      const answer = await this.#monitor.execute(command, { ...others, driver: STAND_IN }, signal);
      this.#hosts.set(`${PERIPHERAL_PATH}/${String(args["id"])}`, address);
      return answer;
    }
    if (command === "qom-list") return withTypesOfVfio(await this.#monitor.execute(command, args, signal));
    const known =
      command === "qom-get" && args["property"] === "host" && this.#hosts.get(String(args["path"]));
    if (!known) return this.#monitor.execute(command, args, signal);
    // fails, as the question itself would, where the device is gone
    await this.#monitor.execute(command, { ...args, property: "addr" }, signal);
    return known;
  }

  /** As hw/vfio does for a function that another device of the same QEMU has. */
  async #refuseSecond(address: string, signal?: AbortSignal): Promise<void> {
    for (const [path, host] of [...this.#hosts]) {
      if (host !== address) continue;
      const isThere = await this.#monitor.execute("qom-get", { path, property: "addr" }, signal).then(
        () => true,
        (cause: unknown) => {
          if (cause instanceof QmpError) return false;
          throw cause;
        },
      );
      if (isThere) throw new QmpError("GenericError", `vfio ${address}: device is already attached`);
      this.#hosts.delete(path);
    }
  }

  listen(listener: QmpListener, signal?: AbortSignal): Promise<() => Promise<void>> {
    return this.#monitor.listen(listener, signal);
  }
}

function withTypesOfVfio(list: unknown): unknown {
  if (!Array.isArray(list)) return list;
  return list.map((one: unknown) =>
    isRecord(one) && typeof one["type"] === "string"
      ? { ...one, type: one["type"].replace(`<${STAND_IN}>`, "<vfio-pci>") }
      : one,
  );
}
