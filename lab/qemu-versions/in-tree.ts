/**
 * Puts a layer in memory over the tree, so that nothing of a run stays in it, and in that a private /proc, the machine's
 * devices, and the shared folders at their own paths. It all goes with the last process of this mount namespace.
 */
const ENTER = `
set -e
tree=$1 base=$1/mnt; shift
mount -t tmpfs tmpfs "$base"
mkdir "$base/upper" "$base/work" "$base/root"
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$base/upper,workdir=$base/work" "$base/root"
while [ "$1" != -- ]; do
  mkdir -p "$base/root$1"
  mount --bind "$1" "$base/root$1"
  shift
done
shift
mount --rbind /dev "$base/root/dev"
mount --rbind /sys "$base/root/sys"
mount -t proc proc "$base/root/proc"
exec chroot "$base/root" "$@"
`;

/** How a program of a tree is started. */
export interface InTree {
  readonly tree: string;
  /** Folders of this machine that it sees at their own paths. */
  readonly folders: readonly string[];
  /** With processes and a network of its own: what it leaves behind ends with its first process. Default: false. */
  readonly apart?: boolean;
}

/** The command line that runs a program in a tree (root needed); it ends with the process that starts it. */
export function inTree({ tree, folders, apart }: InTree, command: readonly string[]): string[] {
  return [
    ...["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private"],
    ...(apart ? ["--pid", "--fork", "--kill-child=KILL", "--net", "--ipc", "--uts"] : []),
    ...["sh", "-c", ENTER, "sh", tree, ...folders, "--", ...command],
  ];
}
