# shellcheck shell=bash
#
# What the host itself needs, and its devices. All of it runs in children without locks.
#
# shellcheck disable=SC2154 # The folders are assigned in requests.sh.

record() {
  local id=$1 text=$2 at=0
  for ((; ${#text} - at > 1000; at += 1000)); do printf "s %s %s\n" "$id" "${text:at:1000}"; done
  printf "S %s %s\n" "$id" "${text:at}"
}

# Records what has the disk that a path leads to, through whatever links.
claim() {
  local dir name
  for dir in /sys/class/block/*; do
    name=${dir##*/}
    [ "$3" -ef "/dev/${name//!//}" ] && record "$1" "claim $name $2"
  done
}

# Disks in use without a mount that this login can see and without a holder in sysfs.
survey_claims() {
  local id=$1 dir path name device type label line lines=() pools
  for dir in /sys/fs/*/*; do
    name=${dir##*/} dir=${dir%/*}
    [ ! -e "/sys/class/block/$name" ] || record "$id" "claim $name filesystem ${dir##*/}"
  done
  for path in /sys/kernel/config/{target/core/*/*/udev_path,nvmet/subsystems/*/namespaces/*/device_path}; do
    line=
    { IFS= read -r line <"$path"; } 2>/dev/null
    case $line in /dev/*) claim "$id" "target ${path#/sys/kernel/config/}" "$line" ;; esac
  done
  pools=(/proc/spl/kstat/zfs/*/)
  [ "${#pools[@]}" -gt 0 ] || return 0
  for dir in "${pools[@]}"; do
    dir=${dir%/}
    record "$id" "pool ${dir##*/}"
  done
  for dir in /sys/class/block/*; do
    { IFS= read -r device <"$dir/dev" && mapfile -t lines <"/run/udev/data/b$device"; } 2>/dev/null || continue
    type= label=
    for line in "${lines[@]}"; do
      case $line in
        E:ID_FS_TYPE=zfs_member) type=zfs ;;
        E:ID_FS_LABEL=*) label=${line#*=} ;;
      esac
    done
    [ -z "$type" ] || record "$id" "member ${dir##*/} $label"
  done
  # The list of what is imported, as ZFS packs it (XDR): each text in it ends at a zero byte or at a length.
  lines=()
  { mapfile -d "" -t lines </etc/zfs/zpool.cache; } 2>/dev/null
  for line in "${lines[@]}"; do
    case $line in */dev/*) claim "$id" zfs "/dev/${line#*/dev/}" ;; esac
  done
}

# The header type of the function in a folder of sysfs, 0, 1 or 2, `bridge` for 1 or 2, "-" where it is not told.
# The kernel gives the numbers of the buses behind it to bridges alone (since 4.13). What calls itself one of some
# sort (class 06) and has none is asked by its configuration space, byte 0x0e, which everybody may read.
header_of() {
  local byte=
  header=-
  if [ -e "$1/secondary_bus_number" ]; then header=bridge
  elif [[ $2 = 0x06* ]] && byte=$(exec od -An -tu1 -j14 -N1 "$1/config" 2>/dev/null) && [ -n "$byte" ]; then
    header=$((byte & 0x7f))
  elif [[ $2 = 0x* && $2 != 0x06* ]]; then header=0
  fi
}

# Asks ip several things at once, a line for each. `answers` then has a line for each, empty where it has none,
# and `said` what else it has printed. If `ip_answers` is a descriptor, ip has been asked by that already.
ask_ip() {
  local questions out status
  mapfile -t questions <<<"$1"
  if [ -n "$ip_answers" ]; then
    mapfile -t answers <&"$ip_answers"
    exec {ip_answers}<&-
    ip_answers=
    # a bash before 4.4 does not tell, and ip is asked again
    wait "$ip_process" 2>/dev/null
    status=$?
  else
    out=$(exec ip -j -d -force -batch - <<<"$1" 2>/dev/null)
    status=$?
    mapfile -t answers <<<"$out"
  fi
  said=()
  if [ "$status" -ne 0 ] || ! are_answers "${#questions[@]}" "${answers[@]}"; then ask_ip_again "$1"; fi
}

# Whether there are that many lines, each a list.
are_answers() {
  local count=$1 line
  shift
  [ "$#" -eq "$count" ] || return
  for line in "$@"; do [[ $line = "["* ]] || return; done
}

# The same with what ip prints of errors, which is kept apart, for it would land in the middle of an answer: that
# takes one process more. A command that fails is named by its number, and prints no line.
ask_ip_again() {
  local all out status line lines at=0 failed=" "
  all=$({
    out=$(exec ip -j -d -force -batch - <<<"$1")
    status=$?
  } 2>&1; printf "\nanswers %s\n%s" "$status" "$out")
  mapfile -t lines <<<"$all"
  answers=() said=() out=
  for line in "${lines[@]}"; do
    if [ -n "$out" ]; then
      while [[ $failed = *" $((at + 1)) "* ]]; do answers[at++]=; done
      case $line in "["*) answers[at++]=$line ;; ?*) said+=("$line") ;; esac
    elif [[ $line =~ ^Command\ failed\ -:([0-9]+)$ ]]; then
      failed+="${BASH_REMATCH[1]} "
    elif [[ $line =~ ^answers\ ([0-9]+)$ ]]; then
      out=begun status=${BASH_REMATCH[1]}
      # 1: one of the commands has failed
      [ "$status" -le 1 ] || said+=("it ended with code $status")
    elif [ -n "$line" ]; then
      said+=("$line")
    fi
  done
}

survey() {
  survey_host "$1"
  printf "done %s\n" "$1"
}

survey_host() {
  local id=$1 dir name uuid file line names device partition lines count release=
  local questions client ip_answers='' ip_process=''
  if ! command -v ip >/dev/null; then
    printf "fail %s missing ip\n" "$id"
    exit
  fi
  record "$id" "arch $HOSTTYPE"
  record "$id" "ssh $SSH_CONNECTION"
  { IFS= read -r release <"$proc/sys/kernel/osrelease"; } 2>/dev/null
  [ -z "$release" ] || record "$id" "kernel $release"
  for dir in /sys/class/net/*; do
    cd -P "$dir" 2>/dev/null || continue
    names=(lower_*)
    record "$id" "net ${dir##*/} ${names[*]#lower_} $PWD"
  done
  # A function whose interface another network namespace has shows an empty directory.
  for dir in /sys/bus/pci/devices/*/net /sys/bus/pci/devices/*/virtio*/net; do
    names=("$dir"/*)
    dir=${dir#/sys/bus/pci/devices/}
    [ "${#names[@]}" -gt 0 ] || record "$id" "away ${dir%%/*}"
  done
  for dir in /sys/bus/pci/devices/*/sriov_numvfs; do
    count=0
    { IFS= read -r count <"$dir"; } 2>/dev/null
    [ "$count" -gt 0 ] || continue
    dir=${dir%/*} names=()
    for name in "$dir"/virtfn*; do cd -P "$name" 2>/dev/null && names+=("${PWD##*/}"); done
    record "$id" "vf ${dir##*/} $count ${names[*]}"
  done
  for dir in /sys/class/block/*; do
    cd -P "$dir" 2>/dev/null || continue
    device= partition=0 name= uuid= file=
    {
      IFS= read -r device <dev
      IFS= read -r name <dm/name
      IFS= read -r uuid <dm/uuid
      IFS= read -r file <loop/backing_file
    } 2>/dev/null
    [ -e partition ] && partition=1
    names=(slaves/*)
    record "$id" "blk ${dir##*/} ${device:--} $partition ${names[*]#slaves/} $PWD"
    [ -z "$name" ] || record "$id" "dm ${dir##*/} $name $uuid"
    case $file in /dev/*) record "$id" "loop ${dir##*/} $file" ;; esac
  done
  for dir in /sys/fs/btrfs/*/devices; do
    cd "$dir" 2>/dev/null || continue
    names=(*)
    record "$id" "btrfs ${names[*]}"
  done
  cd /
  survey_claims "$id"
  mapfile -t lines </proc/self/mountinfo
  # Of those without a device (containers have thousands) only what names some: btrfs has no number of its
  # own.
  for line in "${lines[@]}"; do
    file=${line#* * }
    [[ $file = 0:* && ${line##* - } != */dev/* ]] || record "$id" "mnt $line"
  done
  mapfile -t lines </proc/swaps
  for line in "${lines[@]:1}"; do record "$id" "swap $line"; done
  ask_of_network
  survey_beneath "$id" "$questions"
  survey_network "$id"
}

# What ip is asked of every host, as `questions`; `client` is whom it leads back to.
ask_of_network() {
  client=${SSH_CONNECTION%% *}
  case $client in "" | *%*) client= ;; *) client="
route get $client" ;; esac
  questions="addr show
nexthop show
route show table all$client"
}

# What ip tells, and the network card beneath a PPPoE session, which it does not.
survey_network() {
  local id=$1 lines=() line answers said count=3
  { mapfile -t lines </proc/net/pppoe; } 2>/dev/null
  for line in "${lines[@]:1}"; do record "$id" "pppoe $line"; done
  ask_ip "$questions"
  case "${said[*]}" in *BusyBox* | *'"-j" is unknown'*)
    printf "fail %s unfit ip\n" "$id"
    exit
    ;;
  esac
  # Of a router with the whole internet's routes, only those that are few.
  if [ "${#answers[2]}" -gt "$max_route_bytes" ]; then
    ask_ip "addr show
nexthop show
route show table all default
route show table all 0.0.0.0/1
route show table all 128.0.0.0/1
route show table all ::/1
route show table all 8000::/1
route show table all proto static
route show table all proto boot
route show table all proto dhcp
route show table all proto ra$client"
    count=11
  fi
  record "$id" "ip ${answers[0]}"
  record "$id" "hop ${answers[1]}"
  for line in "${answers[@]:2:count - 2}"; do record "$id" "ip $line"; done
  for line in "${answers[@]:count}"; do record "$id" "get $line"; done
  for line in "${said[@]:0:5}"; do record "$id" "said ${line:0:200}"; done
}

# Every PCI function, and the lines of pci.ids that name what is there: vendors, their products, classes.
# Those of one vendor (or class) stand between its line and the next that is not indented.
list_devices() {
  local id=$1 dir vendor product class numa driver group physical header file tab=$'\t' key script out lines line
  declare -A wanted
  for dir in /sys/bus/pci/devices/*; do
    vendor= product= class= numa= driver= group= physical=
    {
      IFS= read -r vendor <"$dir/vendor"
      IFS= read -r product <"$dir/device"
      IFS= read -r class <"$dir/class"
      IFS= read -r numa <"$dir/numa_node"
    } 2>/dev/null
    cd -P "$dir/driver" 2>/dev/null && driver=${PWD##*/}
    cd -P "$dir/iommu_group" 2>/dev/null && group=${PWD##*/}
    cd -P "$dir/physfn" 2>/dev/null && physical=${PWD##*/}
    header_of "$dir" "$class"
    record "$id" "pci ${dir##*/} ${vendor:--} ${product:--} ${class:--} ${numa:--} ${driver:--} ${group:--} ${physical:--} $header"
    [[ $vendor$product =~ ^0x([0-9a-f]{4})0x([0-9a-f]{4})$ ]] &&
      wanted[${BASH_REMATCH[1]}]+="/^$tab${BASH_REMATCH[2]}  /p;"
    [[ $class =~ ^0x([0-9a-f]{2})([0-9a-f]{2})[0-9a-f]{2}$ ]] &&
      wanted["C ${BASH_REMATCH[1]}"]+="/^$tab${BASH_REMATCH[2]}  /p;"
  done
  cd /
  for file in /usr/share/misc/pci.ids /usr/share/hwdata/pci.ids; do [ ! -r "$file" ] || break; file=; done
  if [ -n "$file" ] && command -v sed >/dev/null; then
    record "$id" "file $file"
    script=
    for key in "${!wanted[@]}"; do script+="/^$key  /,/^[^$tab#]/{/^$key  /p;${wanted[$key]}}"$'\n'; done
    out=$(exec sed -n "$script" "$file" 2>/dev/null)
    mapfile -t lines <<<"$out"
    for line in "${lines[@]}"; do record "$id" "name $line"; done
  fi
  printf "done %s\n" "$id"
}

# Who has nodes of VFIO's open, as far as this login may see it, and which of the kernel's security modules are
# there: for whoever was refused one. The host program has folders of its own for these.
look_at_nodes() {
  local id=$1 line pid node comm group text found lines
  found=$(exec find "$proc"/[0-9]*/fd -maxdepth 1 -lname "$vfio/*" -printf "%p=%l\n" 2>/dev/null)
  mapfile -t lines <<<"$found"
  for line in "${lines[@]}"; do
    [[ $line = *=* ]] || continue
    pid=${line#"$proc/"} pid=${pid%%/*} node=${line#*=} node=${node#"$vfio/"} comm= group=-
    { IFS= read -r comm <"$proc/$pid/comm"; } 2>/dev/null
    cd -P "$sys/class/vfio-dev/${node#devices/}/device/iommu_group" 2>/dev/null && group=${PWD##*/}
    record "$id" "open $pid ${node// /} $group $comm"
  done
  cd /
  text=
  { IFS= read -r text <"$sys/kernel/security/lsm"; } 2>/dev/null
  [ -z "$text" ] || record "$id" "lsm $text"
  text=
  { IFS= read -r text <"$sys/module/apparmor/parameters/enabled"; } 2>/dev/null
  [ "$text" != Y ] || record "$id" "lsm apparmor"
  text=
  { IFS= read -r text <"$sys/fs/selinux/enforce"; } 2>/dev/null
  [ -z "$text" ] || record "$id" "selinux $text"
  printf "done %s\n" "$id"
}
