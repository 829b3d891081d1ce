#!/bin/bash
#
# Runs a real QEMU before nodes of VFIO's that it cannot open, each for a reason of the kernel's own, in a mount
# namespace of its own (`unshare -m`). Needs root. Prints QEMU's answer to the device_add behind a word each, and then
# what the helper's look at the nodes says while one of them is open elsewhere.
#
# A stand-in for the group's node is a terminal that has been taken for one process alone (TIOCEXCL): the kernel answers
# EBUSY to whoever is not root.

set -e
folder=$1 look=$2
function=$folder/0000:01:00.0
holder=
mkdir -p "$folder/groups/7" "$function"
ln -s "$folder/groups/7" "$function/iommu_group"
chmod 755 "$folder"
made=
[ -d /dev/vfio ] || { made=1; mkdir /dev/vfio; }
leave() {
  [ -z "$holder" ] || kill "$holder"
  umount -R /dev/vfio
  [ -z "$made" ] || rmdir /dev/vfio
}
trap leave EXIT
mount -t tmpfs -o mode=755 none /dev/vfio

commands='{"execute":"qmp_capabilities"}{"execute":"device_add","arguments":{"driver":"vfio-pci","bus":"p","id":"f0",'
commands+="\"sysfsdev\":\"$function\"}}"'{"execute":"quit"}'

# The rest is a command before QEMU's.
plug() {
  local word=$1 answer
  shift
  answer=$("$@" timeout 60 qemu-system-x86_64 -M q35 -S -display none -nodefaults -device pcie-root-port,id=p \
    -qmp stdio <<<"$commands" | grep '"error"')
  printf "%s %s\n" "$word" "$answer"
}

plug absent
mknod -m 666 /dev/vfio/7 c 1 3
mount -o remount,nodev /dev/vfio
plug denied
mount -o remount,dev /dev/vfio
rm /dev/vfio/7
mknod -m 666 /dev/vfio/7 c 240 77
plug no-driver
rm /dev/vfio/7

touch /dev/vfio/7
# shellcheck disable=SC2016 # That is Perl.
perl -e '
  open(my $main, "+<", "/dev/ptmx") or die; my $unlocked = pack("i", 0); ioctl($main, 0x40045431, $unlocked) or die;
  my $number = pack("i", 0); ioctl($main, 0x80045430, $number) or die; my $name = "/dev/pts/" . unpack("i", $number);
  chmod 0666, $name; system("mount", "--bind", $name, "/dev/vfio/7") and die;
  open(my $node, "+<", "/dev/vfio/7") or die; ioctl($node, 0x540C, 0) or die;
  open(my $news, ">", $ARGV[0]) or die; close $news; sleep 300;
' "$folder/news" >&2 &
holder=$!
for ((tries = 0; tries < 100; tries++)); do
  [ ! -e "$folder/news" ] || break
  sleep 0.1
done
[ -e "$folder/news" ]
plug busy setpriv --reuid=65534 --regid=65534 --clear-groups
printf "holder %s\n" "$holder"
bash -p "$look"
