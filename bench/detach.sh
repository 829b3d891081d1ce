#!/bin/bash
# The steps of the provider's plan as a script of virsh calls: one unplug, wait until QEMU has none, release,
# see the drivers back, erase the ledger.
# Usage: detach.sh GUEST; prints the seconds it took.
set -eu
guest=$1 started=$EPOCHREALTIME

virsh -q qemu-monitor-command "$guest" '{"execute":"device_del","arguments":{"id":"bench-f0"}}' > /dev/null
while virsh -q qemu-monitor-command "$guest" '{"execute":"qom-list","arguments":{"path":"/machine/peripheral"}}' | grep -q bench-f; do
    sleep 0.1
done
# QEMU closes the VFIO group some 150 ms after the devices have gone; a script does not hear the events
sleep 0.2
for f in 0 1 2 3; do
    virsh -q detach-device "$guest" "/run/bench-$f.xml" --live > /dev/null
done
for f in 0 1 2 3; do
    [ "$(basename "$(readlink "/sys/bus/pci/devices/0000:01:00.$f/driver")")" = e1000e ]
done
virsh -q metadata "$guest" --uri urn:bench --key bench --live --remove > /dev/null
awk "BEGIN { print $EPOCHREALTIME - $started }"
