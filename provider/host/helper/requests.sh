# shellcheck shell=bash
#
# What the helper is asked beside locks and looks: nothing, on a host with libvirt. The host program has a file
# of its own in this place.

# Whether the client may ask what it asks; else `why` tells.
may_ask() { why=; }

watch_changes() { :; }

own_request() { :; }
