#!/bin/busybox sh
# First process of a guest: a shell on the serial port that a program can talk to.
# Each line read is run by itself, so that not even a syntax error ends the first process; a caller
# sends a second line that prints a mark of its own making and $status, the first one's exit code.
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
		(eval "$line") </dev/null
		status=$?
	done
	sleep 1
done
