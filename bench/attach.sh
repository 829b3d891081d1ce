#!/bin/bash
# The provider's steps as a script of virsh calls: hold four functions, plug them in order, look.
# Usage: attach.sh GUEST BUS; prints the seconds it took.
set -eu
guest=$1 bus=$2 started=$EPOCHREALTIME

hostdev() {
    printf "<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/><source><address domain='0' bus='1' slot='0' function='%s'/></source><alias name='ua-bench-%s'/><address type='unassigned'/></hostdev>" "$1" "$1"
}

for f in 0 1 2 3; do
    hostdev "$f" > "/run/bench-$f.xml"
    virsh -q attach-device "$guest" "/run/bench-$f.xml" --live > /dev/null
done
for f in 1 2 3 0; do
    virsh -q qemu-monitor-command "$guest" "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"vfio-pci\",\"id\":\"bench-f$f\",\"host\":\"0000:01:00.$f\",\"bus\":\"$bus\",\"addr\":\"0x0.$f\",\"multifunction\":true}}" > /dev/null
done
virsh -q qemu-monitor-command "$guest" '{"execute":"qom-list","arguments":{"path":"/machine/peripheral"}}' | grep -q bench-f0
awk "BEGIN { print $EPOCHREALTIME - $started }"
