/**
 * Says what is to be done where the program's folder does not have the package, though the program has loaded
 * it: where it is a dependency of a component alone, as pnpm installs it. Each method that a state stores
 * asks for it from that folder (see `shim`), and would fail with "Cannot find module".
 *
 * @param folder - Where the program runs.
 * @returns undefined if the package is found from there
 */
export function findResolutionProblem(folder: string): string | undefined {
  try {
    require.resolve("pulumi-multifunction-pci/provider", { paths: [folder] });
    return undefined;
  } catch {
    return (
      `The folder ${folder} does not have the package pulumi-multifunction-pci: it stands below another package only. ` +
      `Add it to the program's package.json ("npm install pulumi-multifunction-pci" or "pnpm add pulumi-multifunction-pci"), ` +
      `or the provider is not found when it is to do its work.`
    );
  }
}
