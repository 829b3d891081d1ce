# shellcheck shell=bash disable=SC2154 # What host-program.sh and the helper assign.
#
# What the host program tells: functions, who listens at a socket, QEMU's process, ledgers. Nothing is
# changed. All of it runs in children.

show() {
  local dir=$pci/devices/$1 vendor= product= class= override header node
  [ -d "$dir" ] || return 0
  {
    IFS= read -r vendor <"$dir/vendor"
    IFS= read -r product <"$dir/device"
    IFS= read -r class <"$dir/class"
  } 2>/dev/null
  driver_of "$1"
  group_of "$1"
  override_of "$1"
  header_of "$dir" "$class"
  say "function $1 ${vendor:--} ${product:--} ${class:--} ${driver:--} ${group:--} ${override:--} $header"
  for node in "$dir"/vfio-dev/*; do say "cdev ${node##*/} $1"; done
  is_listed "$1" || say "unlisted $1"
}

show_functions() {
  local name
  for name; do check_address "$name"; done
  for name; do show "$name"; done
}

add() { [ -n "${seen[$1]}" ] || { seen[$1]=1; names_seen+=("$1"); }; }

add_named() {
  local number
  if is_slot "$1"; then
    for number in 0 1 2 3 4 5 6 7; do add "$1.$number"; done
  else
    check_address "$1"
    add "$1"
  fi
}

# The inodes of the sockets that listen at a path, in the table of one network namespace. The kernel prints a
# name as it was bound, line breaks included, so that a line may be anybody's: whoever is asked for more than
# the look of things takes no path with more than one. A name is compared as text, since it may as well lead into
# a file system that never answers; those that are alike alone are kept in `similar`.
# shellcheck disable=SC2206 # A line is split into words, and `set -f` keeps them from being patterns.
find_inodes() {
  local line lines words name
  mapfile -t lines <"$1"
  set -f
  for line in "${lines[@]}"; do
    words=($line)
    [[ ${words[3]} = 00010000 && ${words[6]} =~ ^[0-9]+$ ]] || continue
    name=${line#*" ${words[6]} "}
    if [ "$name" = "$socket" ] || [ "${name/#\/var\/run\///run/}" = "$real_socket" ]; then inodes+=("${words[6]}")
    elif [[ $name = /* && ${name##*/} = "${real_socket##*/}" ]]; then similar+=("$name" "${words[6]}")
    fi
  done
  set +f
} 2>/dev/null

# The socket may have been bound by way of a link in a folder. Each that could be it is looked at by a process with
# a limit of its own.
settle_similar() {
  local at
  [ "${#similar[@]}" -le 16 ] || die "more than eight sockets elsewhere have the name ${real_socket##*/}"
  for ((at = 0; at < ${#similar[@]}; at += 2)); do
    timeout -k 1 1 test "${similar[at]}" -ef "$socket" && inodes+=("${similar[at + 1]}")
  done
}

# All that listen at `socket`, which really is `real_socket`. The names are compared, and none is followed.
find_listeners() {
  local dir spaces=("$proc/self/ns/net") space
  inodes=() similar=()
  find_inodes "$proc/net/unix"
  [ "${#inodes[@]}" -eq 0 ] || return 0
  for dir in "$proc"/[0-9]*; do
    for space in "${spaces[@]}"; do [ "$space" -ef "$dir/ns/net" ] && continue 2; done
    spaces+=("$dir/ns/net")
    find_inodes "$dir/net/unix"
    [ "${#inodes[@]}" -eq 0 ] || return 0
  done
}

look_for_socket() {
  inodes=()
  [ -S "$socket" ] || return 0
  find_listeners
  [ "${#inodes[@]}" -gt 0 ] || settle_similar
}

show_socket() {
  real_socket=
  if [ ! -S "$socket" ]; then say "socket absent"; return; fi
  if [ ! -L "$socket" ] && cd -P "${socket%/*}/" 2>/dev/null; then
    real_socket=${PWD%/}/${socket##*/}
    cd /
  else
    real_socket=$(exec readlink -f -- "$socket")
  fi
  look_for_socket
  if [ "${#inodes[@]}" -gt 0 ]; then say "socket listening"; else say "socket dead"; fi
  say "path $real_socket"
}

# Whether a process is a QEMU, by its name or by the program that it was started as: `-name process=` gives it
# another name.
is_qemu() {
  local comm= words=()
  {
    IFS= read -r comm <"$proc/$1/comm"
    mapfile -d "" -t -n 1 words <"$proc/$1/cmdline"
  } 2>/dev/null
  [[ $comm = @(qemu*|kvm*|CPU*) || ${words[0]##*/} = @(qemu*|kvm*) ]]
}

# Of descriptors, those that lead to VFIO's nodes and to the monitor, for find.
want_descriptors() {
  local inode
  wanted=(-lname "$vfio/*")
  for inode in "${inodes[@]}"; do wanted+=(-o -lname "socket:\\[$inode\\]"); done
}

# Which processes listen there, and which have a group of VFIO's open, of all on the host. What has started a
# QEMU may have its monitor open as well. With $1 also which descriptors lead to disks, as `disk_paths`.
find_processes() {
  local line target pid found comm wanted disks=() holders=()
  qemu='' users=() disk_paths=()
  want_descriptors
  [ -z "$1" ] || disks=(-o "${to_disks[@]}" -printf "%p=disk\n")
  found=$(exec find "$proc"/[0-9]*/fd -maxdepth 1 \( "${wanted[@]}" \) -printf "%p=%l\n" "${disks[@]}" 2>/dev/null)
  # as they are: "socket:[1]" is no pattern
  set -f
  for line in $found; do
    pid=${line#"$proc/"} pid=${pid%%/*} target=${line#*=}
    case $target in
      disk) disk_paths+=("${line%=disk}") ;;
      socket:*) [[ " ${holders[*]} " = *" $pid "* ]] || holders+=("$pid") ;;
      *)
        comm=
        { IFS= read -r comm <"$proc/$pid/comm"; } 2>/dev/null
        users+=("$pid ${target#"$vfio/"} $comm")
        ;;
    esac
  done
  set +f
  for pid in "${holders[@]}"; do
    ! is_qemu "$pid" || { qemu=$pid; break; }
  done
  [ -n "$qemu" ] || qemu=${holders[0]}
  monitor_holders=("${holders[@]}")
}

# The name behind a number, of the host's own file, else of whatever else it asks.
name_of() {
  local file=$1 database=$2 number=$3 line lines
  found_name=
  { mapfile -t lines <"$file"; } 2>/dev/null
  for line in "${lines[@]}"; do
    [[ $line = *:*:"$number":* ]] && [[ ${line#*:*:} = "$number":* ]] && found_name=${line%%:*} && return
  done
  command -v getent >/dev/null || return
  line=$(exec getent "$database" "$number")
  found_name=${line%%:*}
}

# Lines of udev's rules that speak of VFIO's nodes; a file of a folder that comes first hides one of the same
# name. Few files do.
show_udev_rules() {
  local folder file text line lines
  for folder in "${udev_rules[@]}"; do
    for file in "$folder"/*.rules; do
      IFS= read -r -d "" text <"$file"
      [[ $text = *'SUBSYSTEM=="vfio"'* ]] || continue
      mapfile -t lines <<<"$text"
      for line in "${lines[@]}"; do [[ $line = *([!#])'SUBSYSTEM=="vfio"'* ]] && say "rule $line"; done
    done
  done
} 2>/dev/null

# The nodes of VFIO's groups, by a process: bash does not tell whose a file is.
show_nodes() {
  local nodes=("$vfio"/[0-9]*) found line
  [ "${#nodes[@]}" -gt 0 ] || return
  found=$(exec find "${nodes[@]}" -maxdepth 0 -printf "node %p %U %G %m %u\n" 2>/dev/null)
  while IFS= read -r line; do [ -z "$line" ] || say "$line"; done <<<"$found"
}

# shellcheck disable=SC2206 # Lines are split into words, and `set -f` keeps them from being patterns.
show_qemu() {
  local value uid= groups= caps= limit= line lines words comm=
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
  name_of "$passwd" passwd "$uid"
  say "user $found_name"
  for value in $groups; do
    name_of "$group_file" group "$value"
    say "group $value $found_name"
  done
  mapfile -d "" -t words <"$proc/$qemu/cmdline"
  for line in "${words[@]}"; do
    case $line in */libvirt/qemu/*domain-*) say "libvirt"; break ;; esac
  done
  mapfile -t lines <"$proc/$qemu/cgroup"
  for line in "${lines[@]}"; do
    case $line in */*.service | */*.scope) say "unit ${line##*/}"; break ;; esac
  done
  set +f
  # a process that may open every file is stopped by the mode of none
  ((16#${caps:-0} & 2)) || { show_nodes; show_udev_rules; }
} 2>/dev/null

# The interfaces of the host that QEMU has open for its guest, by what the kernel tells of its descriptors.
show_taps() {
  local file lines line taps=()
  for file in "$proc/$qemu/fdinfo"/*; do
    lines=()
    { mapfile -t -n 20 lines <"$file"; } 2>/dev/null
    for line in "${lines[@]}"; do
      case $line in iff:*) line=${line#iff:} taps+=("${line//[[:space:]]/}") ;; esac
    done
  done
  say "taps ${taps[*]}"
}

show_host() {
  local uuid= machine=
  {
    IFS= read -r uuid <"$sys/class/dmi/id/product_uuid"
    IFS= read -r machine <"$machine_id"
  } 2>/dev/null
  say "host ${uuid:--} ${machine:--}"
}

# What a look is about: a monitor, and functions or slots by name.
look() {
  local extent=$1 name member known='' has_guests='' details_of=()
  socket=$2
  shift 2
  is_path "$socket" || die "not a path"
  require_socket "$socket"
  for name; do
    case $name in
      qemu=*) known=${name#qemu=} ;;
      *) is_uuid "$name" || { details_of+=("$name"); add_named "$name"; } ;;
    esac
  done
  case ,$extent, in *,host,*) survey_host "$id" ;; esac
  case ,$extent, in *,guests,*) has_guests=1; show_guests ;; esac
  show_host
  show_socket
  show_ledgers "$@"
  for name in "${names_seen[@]}"; do
    for member in "$pci/devices/$name/iommu_group/devices"/*; do add "${member##*/}"; done
  done
  show_ledgers_of_functions
  for name in "${names_seen[@]}"; do show "$name"; done
  case ,$extent, in *,details,*) find_details "$id" "${details_of[*]}" x ;; esac
  case ,$extent, in
    *,open,*) show_open ;;
    *,qemu,*)
      if [[ $known =~ ^[0-9]{1,10}$ && -d $proc/$known/fd ]]; then
        qemu=$known
        show_qemu
        show_taps
        [ -z "$has_guests" ] || find_open_disks
        show_open
      fi
      find_processes "$has_guests"
      [ -z "$has_guests" ] || show_open_disks "${disk_paths[@]}"
      for name in "${users[@]}"; do say "open $name"; done
      for name in "${monitor_holders[@]}"; do say "holder $name"; done
      [ -z "$qemu" ] || { show_qemu; show_taps; }
      ;;
  esac
}

# The end of a look, by a process that takes the place of this one: each descriptor that leads to a node of VFIO's
# or to the monitor, in a write of its own.
show_open() {
  local wanted
  want_descriptors
  exec find "$proc"/[0-9]*/fd /dev/null -maxdepth 1 \( -path /dev/null -printf "done $id\n\c" \) -o \
    \( \( "${wanted[@]}" \) -printf "S $id fd %p %l\n\c" \) 2>/dev/null
}
