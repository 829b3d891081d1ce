# shellcheck shell=bash disable=SC2154 # What host-program.sh and the helper assign.
#
# What guests and containers have of the host by way of its own drivers, where no libvirt tells: the arguments of
# every QEMU, the disks that any process has open, Proxmox VE's files. Anybody may name a process or an argument
# as he likes: all of it is text, cut to a length, without control characters.

# What is read here, without a process; show_open_disks has the rest.
show_guests() {
  show_arguments
  show_proxmox
}

# Most arguments of one QEMU, and most descriptors of all processes, that are told.
most_arguments=200 most_open=1000

plain_text() {
  text=${1:0:$2}
  text=${text//[[:cntrl:]]/ }
}

show_arguments() {
  local dir pid at count words text
  for dir in "$proc"/[0-9]*; do
    pid=${dir##*/}
    is_qemu "$pid" || continue
    words=() count=0
    { mapfile -d "" -t words <"$dir/cmdline"; } 2>/dev/null
    for ((at = 0; at < ${#words[@]}; at++)); do
      case ${words[at]} in
        # what a guest's own kernel is told names devices of the guest
        -append | --append | -smbios | -fw_cfg) at=$((at + 1)) ;;
        -name) plain_text "${words[at + 1]}" 200; say "named $pid $text" ;;
        *dev/* | *hostbus* | *vendorid*)
          if [ "$((++count))" -gt "$most_arguments" ]; then say "more $pid"; break; fi
          plain_text "${words[at]}" 1000
          say "argument $pid $text"
          ;;
      esac
    done
  done
}

# Of descriptors, those that lead to block devices, for find. A descriptor of which the name is none below /dev is
# not followed: it may lead into a file system that never answers.
to_disks=(-lname "/dev/*" -xtype b)

# By a process of its own, where none looks at all descriptors anyway.
find_open_disks() {
  local found paths
  found=$(exec find "$proc"/[0-9]*/fd -maxdepth 1 "${to_disks[@]}" -printf "%p\n" 2>/dev/null)
  [ -n "$found" ] || return 0
  mapfile -t paths <<<"$found"
  show_open_disks "${paths[@]}"
}

# What these descriptors lead to, and whose they are; a process asks for the numbers of the devices.
show_open_disks() {
  local path pid paths=("$@") comm line lines last=
  [ "${#paths[@]}" -gt 0 ] || return 0
  [ "${#paths[@]}" -le "$most_open" ] || say "more -"
  paths=("${paths[@]:0:most_open}")
  find_nodes "${paths[@]}"
  for path in "${paths[@]}"; do
    pid=${path#"$proc/"} pid=${pid%%/*}
    [ "$pid" != "$last" ] || continue
    last=$pid comm='' lines=()
    {
      IFS= read -r comm <"$proc/$pid/comm"
      mapfile -t -n 20 lines <"$proc/$pid/cgroup"
    } 2>/dev/null
    plain_text "$comm" 64
    say "opener $pid $text"
    for line in "${lines[@]}"; do
      [[ $line =~ /(lxc|incus)(\.payload\.|/)([^/]+) ]] || continue
      plain_text "${BASH_REMATCH[3]}" 100
      say "container $pid $text"
      break
    done
  done
}

# The devices of each guest of Proxmox VE, as its file has them now: what follows a heading is a snapshot's.
show_proxmox() {
  local file vmid line lines text state pid
  for file in "$proxmox"/qemu-server/*.conf; do
    vmid=${file##*/} vmid=${vmid%.conf} state=off pid='' lines=()
    [[ $vmid =~ ^[0-9]{1,9}$ ]] || continue
    {
      IFS= read -r pid <"$proxmox_run/$vmid.pid"
      mapfile -t -n 400 lines <"$file"
    } 2>/dev/null
    [[ ! $pid =~ ^[0-9]{1,10}$ || ! -d $proc/$pid ]] || state=running
    for line in "${lines[@]}"; do
      case $line in
        "["*) break ;;
        name:* | hostpci[0-9]*:* | usb[0-9]*:* | [a-z]*": /dev/"* | [a-z]*": file=/dev/"*)
          plain_text "$line" 1000
          say "proxmox $vmid $state $text"
          ;;
      esac
    done
  done
  lines=()
  { mapfile -t -n 2000 lines <"$proxmox/mapping/pci.cfg"; } 2>/dev/null
  [ "${#lines[@]}" -eq 0 ] || say "node $HOSTNAME"
  for line in "${lines[@]}"; do plain_text "$line" 500; [ -z "$text" ] || say "mapping $text"; done
}
