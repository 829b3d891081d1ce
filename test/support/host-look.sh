#!/bin/sh
# Everything on the lab's host that an attachment may change, and everything that it must not, as lines.
cd /sys/bus/pci/devices || exit
for a in *; do echo "function $a"; done
for d in ../drivers/*/????:??:??.?; do echo "driver $d"; done
running=" $(virsh -q list --name | tr '\n' ' ')"
questions=
for g in guest1 guest2; do
  questions="$questions echo == state $g ==; domstate $g; echo == inactive $g ==; dumpxml --inactive $g;"
  case $running in *" $g "*)
    list='{"execute":"qom-list","arguments":{"path":"/machine/peripheral"}}'
    questions="$questions echo == live $g ==; dumpxml $g; echo == qom $g ==; qemu-monitor-command $g '$list';"
  esac
done
LC_ALL=C virsh -q "$questions" 2>&1 | awk '
  /^== / { head = $2 " " $3; sub(/^== [a-z]+ [a-z0-9]+ ==/, "") }
  head ~ /^qom/ {
    while (match($0, /"name":"[^"]*"/)) { print head, substr($0, RSTART, RLENGTH); $0 = substr($0, RSTART + RLENGTH) }
    next
  }
  NF { print head, $0 }'
# shellcheck disable=SC2010 # Names in these folders are plain.
ls /dev/vfio 2>/dev/null | grep -v '^vfio$' | sed 's/^/vfio group /'
# shellcheck disable=SC2010 # The same.
ls /run/lock /tmp | grep -i multifunction | sed 's/^/file /'
ps -e -o args= | sed -n -e '/read -r -N [0-9][0-9]* program/s/^/process /p' -e '/^sshd-session/s/^/process /p'
# shellcheck disable=SC2009 # Each line counts, and not a number of a process.
ps -e -o comm= | grep -x virt-ssh-helper | sed 's/^/process /'
true
