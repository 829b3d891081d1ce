#!/bin/sh
# The mounts of a working host, in a namespace of their own: nothing of this machine's is written to. The first
# argument is the folder that stands for the host's own; whatever comes after it is run there.
set -e
root=$1; shift
for one in null zero full random urandom tty; do
  : >"$root/dev/$one"
  mount --bind "/dev/$one" "$root/dev/$one"
done
mount --rbind /dev/pts "$root/dev/pts"
mount --bind "$root/sys" /sys
mount --bind "$root/run" /run
mount --bind "$root/etc/machine-id" /etc/machine-id
mount --rbind "$root/dev" /dev
exec "$@"
