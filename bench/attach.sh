#!/bin/bash
# The steps of the provider's plan as a script of virsh calls: write the ledger, hold four functions, plug
# them in order, confirm. What the provider does before (look, choose the slot, lock) is left out: a script
# that runs by hand knows what it wants.
# Usage: attach.sh GUEST BUS; prints the seconds it took.
set -eu
guest=$1 bus=$2 started=$EPOCHREALTIME

hostdev() {
    printf "<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/><source><address domain='0' bus='1' slot='0' function='%s'/></source><alias name='ua-bench-%s'/><address type='unassigned'/></hostdev>" "$1" "$1"
}

virsh -q metadata "$guest" --uri urn:bench --key bench --live \
    --set "<attachment slot='$bus' functions='0000:01:00.0-3' driver='e1000e'/>" > /dev/null
for f in 0 1 2 3; do
    hostdev "$f" > "/run/bench-$f.xml"
    virsh -q attach-device "$guest" "/run/bench-$f.xml" --live > /dev/null
done
for f in 1 2 3 0; do
    virsh -q qemu-monitor-command "$guest" "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"vfio-pci\",\"id\":\"bench-f$f\",\"host\":\"0000:01:00.$f\",\"bus\":\"$bus\",\"addr\":\"0x0.$f\",\"multifunction\":true}}" > /dev/null
done
virsh -q qemu-monitor-command "$guest" '{"execute":"qom-list","arguments":{"path":"/machine/peripheral"}}' | grep -q bench-f0
awk "BEGIN { print $EPOCHREALTIME - $started }"
