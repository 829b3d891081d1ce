/* eslint-disable @typescript-eslint/no-require-imports -- see `shim`: it asks for the package when it runs */
import type { ResourceProvider } from "@pulumi/pulumi/dynamic";

/** What the subpath `./provider` exports. */
interface Installed {
  readonly provider: Required<ResourceProvider>;
}

/**
 * The provider as Pulumi stores it: the *source text* of this object goes into every resource's state, and a
 * later `pulumi destroy` runs that text, whatever release is installed by then. So each method is one line
 * that asks the installed package, and nothing of this module is captured. The text, the subpath `./provider`
 * and the export `provider` are a permanent contract; test/unit/sdk/shim.test.ts holds the text.
 */
export const shim: Required<ResourceProvider> = {
  check(olds, news) {
    return (require("pulumi-multifunction-pci/provider") as Installed).provider.check(olds, news);
  },
  diff(id, olds, news) {
    return (require("pulumi-multifunction-pci/provider") as Installed).provider.diff(id, olds, news);
  },
  create(inputs) {
    return (require("pulumi-multifunction-pci/provider") as Installed).provider.create(inputs);
  },
  read(id, props) {
    return (require("pulumi-multifunction-pci/provider") as Installed).provider.read(id, props);
  },
  update(id, olds, news) {
    return (require("pulumi-multifunction-pci/provider") as Installed).provider.update(id, olds, news);
  },
  delete(id, props) {
    return (require("pulumi-multifunction-pci/provider") as Installed).provider.delete(id, props);
  },
  configure(request) {
    return (require("pulumi-multifunction-pci/provider") as Installed).provider.configure(request);
  },
};
