import { chmod, copyFile, cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { ensureBuilt, recipeKey } from "../cache";
import { runCommand } from "../command";
import type { GuestFiles } from "../image";
import { withProgress, type Log } from "../progress";
import { inTree } from "./in-tree";
import { makeTree } from "./mmdebstrap";
import { ensureTree } from "./tree";

/** Architectures of guests other than the lab's own, as Debian names them. */
export type ForeignArchitecture = "arm64" | "ppc64el";

/** What makes a guest of an architecture. */
interface GuestRecipe {
  readonly release: string;
  readonly packages: readonly string[];
  /** The kernel's name in /boot. */
  readonly kernel: string;
  readonly console: string;
  /**
   * Files of the packages that go into the initrd, by where they lie there; a pattern's last part may have a
   * `*`.
   */
  readonly files: Readonly<Record<string, readonly string[]>>;
  /** Run by the first process before it says that the guest is ready. */
  readonly setUp: readonly string[];
}

const recipes: Readonly<Record<ForeignArchitecture, GuestRecipe>> = {
  arm64: {
    release: "trixie",
    packages: ["busybox-static", "linux-image-arm64"],
    kernel: "vmlinuz",
    console: "ttyAMA0",
    files: { bin: ["usr/bin/busybox"] },
    setUp: [],
  },
  // a function comes and goes by the work of rtas_errd, which is told of it, and drmgr, which it runs
  ppc64el: {
    release: "bookworm",
    packages: ["busybox-static", "linux-image-powerpc64le", "powerpc-ibm-utils", "ppc64-diag"],
    kernel: "vmlinux",
    console: "hvc0",
    files: {
      bin: ["bin/busybox"],
      "usr/sbin": ["usr/sbin/rtas_errd", "usr/sbin/drmgr"],
      lib64: ["lib/powerpc64le-linux-gnu/ld64.so.2"],
      lib: [
        ...["ld64.so.2", "libc.so.6", "libm.so.6"].map((name) => `lib/powerpc64le-linux-gnu/${name}`),
        ...[
          "libnuma.so.1",
          "librtas.so.2",
          "librtasevent.so.2",
          "libservicelog-1.1.so.1",
          "libsqlite3.so.0",
        ].map((name) => `usr/lib/powerpc64le-linux-gnu/${name}`),
      ],
      modules: ["rpaphp.ko", "rpadlpar_io.ko"].map(
        (name) => `lib/modules/*/kernel/drivers/pci/hotplug/${name}`,
      ),
      "etc/ppc64-diag": ["etc/ppc64-diag/ppc64-diag.config"],
    },
    setUp: [
      "mkdir -p /var/log /var/lib/servicelog /var/lock /run",
      "insmod /modules/rpaphp.ko",
      "insmod /modules/rpadlpar_io.ko",
      "PATH=/bin:/usr/sbin rtas_errd",
    ],
  },
};

/** The same first process as the lab's guests have. */
const INIT = join(__dirname, "../image/recipe/guest-init.sh");
const INIT_CONSOLE = "ttyS0";
const INIT_READY = "echo GUEST-READY";

/** The files that boot a guest of this architecture, from the cache or made now (root needed). */
export async function ensureForeignGuest(architecture: ForeignArchitecture, log: Log): Promise<GuestFiles> {
  const recipe = recipes[architecture];
  const init = await readFile(INIT, "utf8");
  const args = [
    "--variant=extract",
    `--architectures=${architecture}`,
    // nothing of it is run here
    "--skip=check/qemu",
    // a guest that lives for a minute needs no updates
    `--setup-hook=sed -i "/-security\\|-updates/d" "$1/etc/apt/sources.list"`,
    `--include=${recipe.packages.join(",")}`,
    recipe.release,
  ];
  const folder = await ensureBuilt({
    family: "foreign-guest",
    key: `${architecture}-${await recipeKey([...args, JSON.stringify(recipe), init])}`,
    log,
    build: (unfinished) =>
      withProgress(log, `Making a guest for ${architecture} (Debian ${recipe.release})`, () =>
        buildGuest({ folder: unfinished, recipe, args, init: initOf(recipe, init) }, log),
      ),
  });
  return { kernel: join(folder, "kernel"), initrd: join(folder, "initrd.img") };
}

function initOf({ console, setUp }: GuestRecipe, init: string): string {
  const lines = [...setUp, INIT_READY].join("\n");
  return init.replaceAll(INIT_CONSOLE, console).replace(INIT_READY, lines);
}

async function buildGuest(
  parts: { folder: string; recipe: GuestRecipe; args: readonly string[]; init: string },
  log: Log,
): Promise<void> {
  const { folder, recipe, args, init } = parts;
  const packages = join(folder, "packages");
  const content = join(folder, "initrd");
  await chmod(folder, 0o755);
  await mkdir(packages);
  await makeTree(args, packages);
  for (const [place, patterns] of Object.entries(recipe.files)) {
    await mkdir(join(content, place), { recursive: true });
    for (const file of await Promise.all(patterns.map((one) => found(packages, one))))
      await cp(file, join(content, place, basename(file)), { dereference: true });
  }
  await writeFile(join(content, "init"), init, { mode: 0o755 });
  await copyFile(await found(packages, `boot/${recipe.kernel}-*`), join(folder, "kernel"));
  const pack = `cd ${content} && find . | cpio --quiet -o -H newc >../initrd.img`;
  const [file = "", ...rest] = inTree({ tree: await ensureTree("10.0", log), folders: [folder] }, [
    "sh",
    "-c",
    pack,
  ]);
  await runCommand(file, rest);
  await Promise.all([packages, content].map((one) => rm(one, { recursive: true })));
}

/** The one file that a pattern names. */
async function found(root: string, pattern: string): Promise<string> {
  let places = [root];
  for (const part of pattern.split("/")) {
    const names = await Promise.all(
      places.map(async (place) => {
        if (!part.includes("*")) return [join(place, part)];
        const start = part.slice(0, part.indexOf("*"));
        return (await readdir(place))
          .filter((name) => name.startsWith(start))
          .map((name) => join(place, name));
      }),
    );
    places = names.flat();
  }
  const [one] = places;
  if (one === undefined || places.length > 1)
    throw new Error(`${pattern} is ${places.length} files in the packages, not one`);
  return one;
}
