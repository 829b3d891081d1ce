import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** Top folder of the repository. */
export const repository = join(__dirname, "..", "..");

/** What npm says of a tarball that it packed. */
interface Packed {
  readonly filename: string;
  /** Bytes of the tarball. */
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

/** Packs dist/ as it is, and what goes with it, into a tarball in the folder. */
export function pack(folder: string): Packed {
  // Jest's set-up has built dist/ already.
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const [packed] = JSON.parse(
    execFileSync("npm", args, { cwd: repository, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
  ) as Packed[];
  if (packed === undefined) throw new Error("npm packed nothing");
  return packed;
}
