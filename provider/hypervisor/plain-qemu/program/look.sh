# shellcheck shell=bash
#
# What the host program tells: functions, who listens at a socket, QEMU's process, ledgers. Nothing is
# changed.

show() {
  local dir=$pci/devices/$1 vendor= product= class= node
  [ -d "$dir" ] || return 0
  {
    IFS= read -r vendor <"$dir/vendor"
    IFS= read -r product <"$dir/device"
    IFS= read -r class <"$dir/class"
  } 2>/dev/null
  driver_of "$1"
  group_of "$1"
  say "function $1 ${vendor:--} ${product:--} ${class:--} ${driver:--} ${group:--}"
  for node in "$dir"/vfio-dev/*; do say "cdev ${node##*/} $1"; done
}

add() { [ -n "${seen[$1]}" ] || { seen[$1]=1; names+=("$1"); }; }

add_named() {
  local number
  if [[ $1 =~ ^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]$ ]]; then
    for number in 0 1 2 3 4 5 6 7; do add "$1.$number"; done
  else
    check_address "$1"
    add "$1"
  fi
}

# The inode of the socket that listens at a path, in the table of one network namespace.
# shellcheck disable=SC2206 # A line is split into words, and `set -f` keeps them from being patterns.
find_inode() {
  local line lines words name
  mapfile -t lines <"$1"
  set -f
  for line in "${lines[@]}"; do
    words=($line)
    [ "${words[3]}" = 00010000 ] || continue
    name=${line#*" ${words[6]} "}
    if [ "$name" = "$socket" ] || [ "$name" -ef "$socket" ]; then inode=${words[6]}; break; fi
  done
  set +f
} 2>/dev/null

look_for_socket() {
  local dir spaces=("$proc/self/ns/net") space
  inode=
  if [ ! -S "$socket" ]; then say "socket absent"; return; fi
  find_inode "$proc/net/unix"
  if [ -z "$inode" ]; then
    for dir in "$proc"/[0-9]*; do
      for space in "${spaces[@]}"; do [ "$space" -ef "$dir/ns/net" ] && continue 2; done
      spaces+=("$dir/ns/net")
      find_inode "$dir/net/unix"
      [ -z "$inode" ] || break
    done
  fi
  if [ -n "$inode" ]; then say "socket listening"; else say "socket dead"; fi
  if [ ! -L "$socket" ] && cd -P "${socket%/*}/" 2>/dev/null; then
    say "path ${PWD%/}/${socket##*/}"
    cd /
  else
    say "path $(exec readlink -f -- "$socket")"
  fi
}

# Which process listens there, and which have a group of VFIO's open, of all on the host.
find_processes() {
  local line target pid comm found
  qemu= users=()
  found=$(exec find "$proc"/[0-9]*/fd -maxdepth 1 \( -lname "$vfio/*" -o -lname "socket:\\[$inode\\]" \) -printf "%p=%l\n" 2>/dev/null)
  # as they are: "socket:[1]" is no pattern
  set -f
  for line in $found; do
    pid=${line#"$proc/"} pid=${pid%%/*} target=${line#*=} comm=
    case $target in
      socket:*) [ -n "$qemu" ] || qemu=$pid ;;
      *) { IFS= read -r comm <"$proc/$pid/comm"; } 2>/dev/null; users+=("$pid ${target#"$vfio/"} $comm") ;;
    esac
  done
  set +f
}

# shellcheck disable=SC2206,SC2086 # Lines are split into words, and `set -f` keeps them from being patterns.
show_qemu() {
  local value rest uid= groups= caps= limit= line lines words comm=
  set -f
  {
    IFS= read -r comm <"$proc/$qemu/comm"
    mapfile -t lines <"$proc/$qemu/status"
    for line in "${lines[@]}"; do
      words=($line)
      case $line in
        Uid:*) uid=${words[2]} ;;
        Gid:*) groups="${words[2]} $groups" ;;
        Groups:*) groups="$groups${words[*]:1}" ;;
        CapEff:*) caps=${words[1]} ;;
      esac
    done
    mapfile -t lines <"$proc/$qemu/limits"
    for line in "${lines[@]}"; do
      case $line in "Max locked memory"*) words=($line) limit=${words[3]} ;; esac
    done
  } 2>/dev/null
  if [ -z "$uid" ]; then set +f; return; fi
  say "qemu $qemu $uid ${caps:-0} ${limit:-unlimited} $comm"
  line=$(exec getent passwd "$uid")
  say "user ${line%%:*}"
  for line in $(exec getent group $groups); do
    case $line in *:*:*) rest=${line#*:*:} && say "group ${rest%%:*} ${line%%:*}" ;; esac
  done
  for value in $groups; do say "group $value"; done
  mapfile -d "" -t words <"$proc/$qemu/cmdline"
  for line in "${words[@]}"; do
    case $line in */libvirt/qemu/*domain-*) say "libvirt"; break ;; esac
  done
  mapfile -t lines <"$proc/$qemu/cgroup"
  for line in "${lines[@]}"; do
    case $line in */*.service | */*.scope) say "unit ${line##*/}"; break ;; esac
  done
  set +f
} 2>/dev/null

show_host() {
  local uuid= machine=
  {
    IFS= read -r uuid <"$sys/class/dmi/id/product_uuid"
    IFS= read -r machine <"$machine_id"
  } 2>/dev/null
  say "host ${uuid:--} ${machine:--}"
}

# A file as one line, with or without a line break at its end, and whatever of them an editor has put within.
read_whole() {
  local lines IFS=" "
  mapfile -t lines <"$1" || die "cannot read $1"
  json=${lines[*]}
} 2>/dev/null

# Whether the socket that a ledger file names is the one that is looked at, also by another way through the
# folders.
leads_here() {
  local form='"socket" *: *"(/[^"\\]+)"'
  [[ $1 =~ $form ]] || return
  theirs=${BASH_REMATCH[1]}
  [ "$theirs" = "$socket" ] || [ "$theirs" -ef "$socket" ] && return
  [ "${theirs##*/}" = "${socket##*/}" ] && [ "${theirs%/*}/" -ef "${socket%/*}/" ]
}

look() {
  local theirs file json name member rest nodes found
  socket=$1
  shift
  check_path "$socket"
  for name; do add_named "$name"; done
  enter -s
  show_host
  look_for_socket
  for file in "$ledger"/guest-*.json; do
    read_whole "$file"
    say "ledger ${file##*/} $json"
    leads_here "$json" || continue
    [ "$theirs" = "$socket" ] || say "same ${file##*/}"
    rest=$json
    while [[ $rest =~ \"address\"\ *:\ *\"([0-9a-f:.]+)\"(.*) ]]; do
      add "${BASH_REMATCH[1]}"
      rest=${BASH_REMATCH[2]}
    done
  done
  for name in "${names[@]}"; do
    for member in "$pci/devices/$name/iommu_group/devices"/*; do add "${member##*/}"; done
  done
  for name in "${names[@]}"; do show "$name"; done
  nodes=("$vfio"/[0-9]*)
  [ "${#nodes[@]}" = 0 ] || stat -c "node %n %u %g %a %U" "${nodes[@]}"
  find_processes
  for name in "${users[@]}"; do say "open $name"; done
  if [ -n "$qemu" ]; then
    show_qemu
    # shellcheck disable=SC2068 # These are patterns of files.
    found=$(exec grep -hs "^[^#]*SUBSYSTEM==\"vfio\"" /dev/null ${rules[@]/%//*.rules})
    [ -z "$found" ] || while IFS= read -r name; do say "rule $name"; done <<<"$found"
  fi
}
