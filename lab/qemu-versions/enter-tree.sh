#!/bin/sh
# Runs a program in a tree: enter-tree.sh TREE FOLDER... -- COMMAND ARGUMENT...
#
# A layer in memory is put over the tree, so that nothing of a run stays in it. In that are a private /proc, the
# machine's devices, and the shared folders at their own paths. It all goes with the last process of this mount
# namespace.
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
