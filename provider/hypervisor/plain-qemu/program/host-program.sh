# shellcheck shell=bash
#
# All that is done as root on a host without libvirt: one bash process for one request. The request comes as
# one line on standard input, and what is not a whole line is not carried out.
#
#     look SOCKET NAME...       functions (or slots) with their groups; QEMU; the ledger and the functions in it
#     functions ADDRESS...      these alone
#     ledger UUID               one guest's file
#     write UUID [JSON]         the same, written anew or removed
#     bind WAIT ADDRESS...      to vfio-pci, all of them
#     release ADDRESS=DRIVER... back to DRIVER; "-": to none, "?": to whichever takes it
#     relay SOCKET              standard input and output are QEMU's monitor from then on
#
# It answers with records, a line each, and `done`, or with `fail TEXT`. Every argument is checked here as
# well: with sudo this program is the border of what an account may do.
#
# - A change that was begun is carried out though its client has gone: a connection that is fenced takes its
#   channels along, not this process (decision 0004). A lock of its own keeps others from looking meanwhile.
# - A file of /proc with many lines is read by mapfile, at one go. `read` goes back to the end of each line,
#   and the kernel writes the text anew. A word that has become longer (running, sleeping) then shifts the
#   rest.

# host-program.ts fills these in. Folders and files of the host come first (host-folders.ts).
sys=
proc=
vfio=
ledger=
machine_id=
rules=()
# How long a request waits for a change that is under way, of whichever client.
turn_seconds=
# Begins the line before the answer, so that nothing a login script prints is taken for it.
greeting=

LC_ALL=C
PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin
umask 077
shopt -s nullglob
for tool in flock find getent grep stat readlink; do
  command -v "$tool" >/dev/null || missing=$tool
done
trap "" PIPE HUP
cd /
pci=$sys/bus/pci
names=()
declare -A seen

say() { printf "%s\n" "$*"; }
die() { say "fail $*"; exit 0; }
check_address() { [[ $1 =~ ^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f][.][0-7]$ ]] || die "not a PCI address"; }
check_uuid() { [[ $1 =~ ^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$ ]] || die "not a UUID"; }
# shellcheck disable=SC2015 # Both have to hold.
check_path() { [[ $1 =~ ^(/[A-Za-z0-9._@+=-]+)+$ ]] && [[ $1/ != */../* ]] || die "not a path"; }
is_vfio() { [[ $1 = *vfio-pci || $1 = *vfio_pci ]]; }
put() { printf "%s\n" "$1" >"$2"; }

# Shared for a look, exclusive for a change. Without the folder nothing has ever been changed.
enter() {
  local turn
  [ "$1" = -s ] && [ ! -d "$ledger" ] && return
  [ -d "$ledger" ] || mkdir -p "$ledger" || die "cannot make $ledger"
  { [ -O "$ledger" ] && [ ! -L "$ledger" ]; } || die "$ledger belongs to somebody else"
  exec {turn}>>"$ledger/.turn" || die "cannot write to $ledger"
  flock "$1" -w "$turn_seconds" "$turn" || die "another change of this host's functions has been under way for $turn_seconds s"
}

driver_of() { driver=; cd -P "$pci/devices/$1/driver" 2>/dev/null && driver=${PWD##*/}; cd /; }
group_of() { group=; cd -P "$pci/devices/$1/iommu_group" 2>/dev/null && group=${PWD##*/}; cd /; }

# A pause without a process of its own: nobody ever writes into this pipe.
pause() {
  [ -n "$never" ] || { exec {never}<> <(:); } 2>/dev/null || { sleep "$1"; return; }
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

. look.sh
. change.sh
. ledger.sh
. relay.sh

printf "\n%s\n" "$greeting"
IFS=" " read -r verb first rest || exit 0
[ "$EUID" -eq 0 ] || die "not root"
[ -z "$missing" ] || die "it has no $missing"
# as they came: a question mark is a driver, and no pattern
set -f
# shellcheck disable=SC2206 # These are words.
words=($first $rest)
set +f
case $verb in
  look) look "${words[@]}" ;;
  functions)
    for name in "${words[@]}"; do check_address "$name"; done
    enter -s
    for name in "${words[@]}"; do show "$name"; done
    ;;
  ledger) read_ledger "$first" ;;
  write) write "$first" "$rest" ;;
  bind) bind "${words[@]}" ;;
  release) release "${words[@]}" ;;
  relay) relay "$first" ;;
  *) die "no such request" ;;
esac
say "done"
