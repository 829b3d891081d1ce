# shellcheck shell=bash disable=SC2154,SC2034 # What the helper (helper.sh) assigns and uses, which this is a part of.
#
# All that is done as root on a host without libvirt. It is a part of the helper: one process for each
# connection takes its locks, and begins what is asked under them. Beside the helper's requests, which are
# `VERB ID WORD...` in a line each, it has
#
#     speak ID VERSION               of what follows: this one or the one before
#     look ID PARTS SOCKET NAME...   functions (or slots) with their groups, and the ledger's files about them
#     functions ID ADDRESS...        these alone
#     ledger ID UUID                 one guest's file
#     write ID LOCKS UUID PATH [JSON]  the same, written anew or removed; PATH is where the monitor in it really
#                                    is, "-" if that is not known
#     bind ID LOCKS OWNER WAIT ADDRESS...  to vfio-pci, all of them
#     release ID LOCKS OWNER ADDRESS=DRIVER[=OVERRIDE]...  back to DRIVER; "-": to none, "?": to whichever
#     monitor ID SOCKET              opens QEMU's monitor: what it says follows as records
#     ask ID JSON                    one command to the monitor that was opened under this ID
#     leave ID                       closes it
#
# PARTS of a look, with commas between: `host`, as the helper's survey; `guests`, what guests have by way of the
# host's drivers; `open`, which descriptors lead to VFIO's nodes and to the monitor; `qemu`, its process, and who has
# the nodes open. NAME may also be the UUID of a guest
# whose file is wanted, and `qemu=PID` if it is known which process that is.
#
# LOCKS are names of the connection's own, with commas between, which must be held. Answers: records
# (`s`, `S`), `at ID TEXT` before what may not return, and at the end `done ID` or `fail ID TEXT`.
#
# - A look, a bind, a release and a monitor is a child each, because what it touches may not return. A child
#   that changes something has the locks' folders open until it has ended: no lock passes on before.
# - A change that was begun is carried out though its client has gone, and though it is asked to end. None is begun
#   any more when the connection has ended, whatever has come over it before.
# - Every argument is checked here as well: with sudo this program is the border of what an account may do.
# - A file of /proc with many lines is read by mapfile, at one go. `read` goes back to the end of each line,
#   and the kernel writes the text anew. A word that has become longer (running, sleeping) then shifts the
#   rest.

# host-program.ts fills these in. Folders and files of the host come first (host-folders.ts).
sys=
proc=
vfio=
ledger=
machine_id=
udev_rules=()
passwd=
group_file=
# Proxmox VE's configurations, and the numbers of its guests' processes.
proxmox=
proxmox_run=
# The list of what an account with sudo may do; empty for a login that is root's itself.
permissions=
program_version=
oldest_version=

pci=$sys/bus/pci
names_seen=()
declare -A seen changing open_guests change_ids unanswered

# For children: one record; the end.
say() { record "$id" "$*"; }
die() { leave_locks; printf "fail %s %s\n" "$id" "$*"; exit 0; }
# What may not return, told before it is begun.
at() { printf "at %s %s\n" "$id" "$*"; }

is_address() { [[ $1 =~ ^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f][.][0-7]$ ]]; }
is_slot() { [[ $1 =~ ^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]$ ]]; }
is_uuid() { [[ $1 =~ ^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$ ]]; }
is_path() { [[ $1 =~ ^(/[A-Za-z0-9._@+=-]+)+$ && $1/ != */../* ]]; }
# As isVfioDriver of the client has it.
is_vfio() { [[ $1 =~ (^|[-_])vfio([-_]|$) ]]; }
check_address() { is_address "$1" || die "not a PCI address"; }
put() { printf "%s\n" "$1" >"$2"; } 2>/dev/null

driver_of() { driver=; cd -P "$pci/devices/$1/driver" 2>/dev/null && driver=${PWD##*/}; cd /; }
group_of() { group=; cd -P "$pci/devices/$1/iommu_group" 2>/dev/null && group=${PWD##*/}; cd /; }
# Empty where there is none: the kernel prints (null).
override_of() {
  override=
  { IFS= read -r override <"$pci/devices/$1/driver_override"; } 2>/dev/null
  [ "$override" != "(null)" ] || override=
}

# A pause without a process of its own: nobody ever writes into this pipe, which stands beside the ledger.
pause() {
  [ -n "$never" ] || { [ -p "$index/never" ] && exec {never}<>"$index/never"; } 2>/dev/null || { sleep "$1"; return; }
  read -r -t "$1" -u "$never"
}

# A probe may come a moment after the write that asked for it.
await_driver() {
  local tries
  for ((tries = 0; tries < 40; tries++)); do
    driver_of "$2"
    case $1 in
      vfio) is_vfio "$driver" && return ;;
      none) [ -z "$driver" ] && return ;;
      "?") [ -n "$driver" ] && ! is_vfio "$driver" && return ;;
      *) [ "$driver" = "$1" ] && return ;;
    esac
    pause 0.05
  done
  return 1
}

. permissions.sh
. look.sh
. guests.sh
. change.sh
. ledger.sh
. monitor.sh

# Whether the connection has these locks, in this moment. Nobody but this process lets go of them.
has_locks() {
  local name path
  for name in ${1//,/ }; do
    [ -n "${fds[$name]}" ] || return
    path_of "$name"
    is_own "${fds[$name]}" "$path" || return
  done
  [ -n "$name" ]
}

# A change whose process was killed answers nothing. This says so for it, at the second beat that finds it gone: what
# it may have said has come by then, and who has an answer takes no other.
watch_changes() {
  local pid
  for pid in "${!change_ids[@]}"; do
    [ ! -d "/proc/$pid" ] || continue
    if [ -z "${unanswered[$pid]}" ]; then unanswered[$pid]=1; continue; fi
    tell "fail ${change_ids[$pid]} the process that carried it out was ended"
    unset "change_ids[$pid]" "unanswered[$pid]"
  done
}

# A change in a process of its own, which nobody waits for. It keeps what is open here, and so the locks, until it
# answers: whoever asks for the next then finds neither it nor its locks. The words behind are functions, a driver
# or more behind each.
begin_change() {
  local change=$1 locks=$2 word name path
  shift 2
  if ! has_locks "$locks"; then tell "fail $id the locks $locks are not held"; return; fi
  if session_is_gone; then finish; fi
  for word; do
    name=${word%%=*}
    if [ -n "${changing[$name]}" ] && [ -n "${changes[${changing[$name]}]}" ] && is_changing "${changing[$name]}"; then
      tell "fail $id stuck $name is still under way from an earlier request"
      return
    fi
  done
  (
    exec </dev/null 2>/dev/null
    trap "" TERM HUP INT
    leave_monitors
    "$change" "$@"
    leave_locks
    printf "done %s\n" "$id"
    note_change "$change" "$@"
  ) &
  changes[$!]=$locks
  change_ids[$!]=$id
  change_fds[$!]=${fds[${locks%%,*}]}
  for word; do name=${word%%=*}; ! is_address "$name" || changing[$name]=$!; done
}

# shellcheck disable=SC2086,SC2206 # Arguments are words. A question mark is a driver, and no pattern.
own_request() {
  local words
  set -f
  words=($names)
  set +f
  if [ "$verb" = ask ]; then ask "$names"; return; fi
  if [ -z "$spoken" ] && [ "$verb" != speak ]; then tell "fail $id it was not told a version"; return; fi
  case $verb in
    speak) speak "$names" ;;
    look) answer whole look "${words[@]}" ;;
    functions) answer whole show_functions "${words[@]}" ;;
    ledger) answer whole read_ledger "${words[0]}" ;;
    write) write "${words[@]:0:3}" "${names#* "${words[1]} ${words[2]}"}" ;;
    bind) owner=${words[1]} begin_change bind "${words[0]}" "${words[@]:2}" ;;
    release) owner=${words[1]} begin_change release "${words[0]}" "${words[@]:2}" ;;
    monitor) open_monitor "${words[0]}" ;;
    leave) leave_monitor ;;
    *) tell "fail $id no such request" ;;
  esac
}

# A look, and its end.
whole() {
  "$@"
  printf "done %s\n" "$id"
}

speak() {
  if [[ ! $1 =~ ^[0-9]{1,4}$ ]] || [ "$1" -lt "$oldest_version" ] || [ "$1" -gt "$program_version" ]; then
    tell "fail $id it speaks versions $oldest_version to $program_version"
    return
  fi
  spoken=$1
  tell "done $id"
}

for tool in find readlink mv; do
  command -v "$tool" >/dev/null || { printf "\nfail start it has no %s\n" "$tool"; exit 0; }
done
if [ "$EUID" -ne 0 ]; then
  printf "\nfail start not root\n"
  exit 0
fi
read_permissions
