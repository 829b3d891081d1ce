import * as pulumi from "@pulumi/pulumi";
import { execFileSync } from "node:child_process";

interface DomainArgs {
  /** Host alias, as `ssh` knows it. */
  readonly host: string;
  /** Name of the libvirt domain, which is defined on that host. */
  readonly domain: string;
}

/** `virsh` on the host; an error holds what it said. */
const virsh = ({ host }: DomainArgs, command: string): string =>
  execFileSync("ssh", ["-T", "--", host, `virsh --connect qemu:///system ${command}`], { encoding: "utf8" });

const provider: pulumi.dynamic.ResourceProvider<DomainArgs, DomainArgs> = {
  async create(args) {
    const isRunning = virsh(args, `domstate '${args.domain}'`).trim() === "running";
    if (!isRunning) virsh(args, `start '${args.domain}'`);
    return { id: `${args.host}/${args.domain}`, outs: args };
  },
  async diff(_, olds, news) {
    const isOther = olds.host !== news.host || olds.domain !== news.domain;
    return { changes: isOther, replaces: isOther ? ["domain"] : [], deleteBeforeReplace: true };
  },
  async delete(_, args) {
    virsh(args, `destroy '${args.domain}'`);
  },
};

/**
 * A running guest: started where it does not run, switched off when it is deleted. It stands in for whatever
 * makes your guests; only that it is a resource matters here.
 */
export class Domain extends pulumi.dynamic.Resource {
  constructor(name: string, args: DomainArgs, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, args, opts, "fleet", "Domain");
  }
}
