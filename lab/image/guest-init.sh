#!/bin/busybox sh
# First process of a guest: a shell on the serial port that a program can talk to.
# Each line read is run; what it prints is followed by a line of the caller's own making.
/bin/busybox mkdir -p /proc /sys /dev /tmp /sbin /usr/bin /usr/sbin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
# The kernel's messages would end up amid the output of commands; dmesg still has them.
dmesg -n 1
exec </dev/ttyS0 >/dev/ttyS0 2>&1
stty -echo -onlcr
echo GUEST-READY
while :; do
	while IFS= read -r line; do
		eval "$line"
	done
	sleep 1
done
