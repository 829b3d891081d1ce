# shellcheck shell=bash
#
# What the helper is asked beside locks and looks: nothing, on a host with libvirt. The host program has a file
# of its own in this place.

# Folders of the host, which the host program has by values of its own.
# shellcheck disable=SC2034 # looks.sh uses them.
sys=/sys proc=/proc vfio=/dev/vfio

# Whether the client may ask what it asks; else `why` tells.
may_ask() { why=; }

watch_changes() { :; }

own_request() { :; }
