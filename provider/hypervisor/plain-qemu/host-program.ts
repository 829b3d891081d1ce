import { HOST_FOLDERS, type HostFolders } from "./host-folders";

/**
 * Changes with what the program understands or answers; an installed one of another version is refused. A record of a kind
 * that is only added leaves it: whoever does not know that kind passes over it, and whoever does can do without.
 */
export const HOST_PROGRAM_VERSION = 1;

/** Begins the line before the answer, so that nothing a login script prints is taken for it. */
export const HOST_PROGRAM_WORD = "multifunction-pci-host";

/** Where a host has the program for an account with sudo (docs/security.md). */
export const HOST_PROGRAM_PATH = "/usr/local/sbin/multifunction-pci-host";

/** How long a request waits for a change that is under way, of whichever client. */
const TURN_SECONDS = 20;

/**
 * All that is done as root on a host without libvirt: one bash process for one request, which comes as one line on
 * standard input. What is not a whole line is not carried out.
 *
 *     look SOCKET NAME...       functions (or slots), those of the socket's ledger too, with their groups; QEMU; ledger
 *     functions ADDRESS...      these alone
 *     ledger UUID               one guest's file
 *     write UUID [JSON]         the same, written anew or removed
 *     bind WAIT ADDRESS...      to vfio-pci, all of them
 *     release ADDRESS=DRIVER... back to DRIVER; "-": to none, "?": to whichever takes it
 *     relay SOCKET              standard input and output are QEMU's monitor from then on
 *
 * It answers with records, a line each, and `done`, or with `fail TEXT`. Every argument is checked here as well: with
 * sudo this program is the border of what an account may do.
 *
 * - A change that was begun is carried out though its client has gone. A lock of its own keeps whoever comes then from
 *   looking at the middle of it (docs/internals/decisions/0004: a connection that is fenced takes its channels along, not this).
 * - What is bound goes through the same step all together before the next, as libvirt's own code has it
 *   (virHostdevPreparePCIDevicesImpl). driver_override makes vfio-pci take this function and no other of its kind.
 * - A file of /proc with many lines is read by mapfile, at one go: `read` goes back to the end of each line, the kernel
 *   writes the text anew, and a word that has become longer meanwhile (running, sleeping) shifts the rest.
 * - A function whose group some process has open is not unbound: the kernel would wait for that process without end,
 *   and on 5.10 a group that has one function back on a host driver while it is open is a kernel BUG.
 */
const SOURCE = `
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

say() { printf "%s\\n" "$*"; }
die() { say "fail $*"; exit 0; }
check_address() { [[ $1 =~ ^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f][.][0-7]$ ]] || die "not a PCI address"; }
check_uuid() { [[ $1 =~ ^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$ ]] || die "not a UUID"; }
check_path() { [[ $1 =~ ^(/[A-Za-z0-9._@+=-]+)+$ ]] && [[ $1/ != */../* ]] || die "not a path"; }
is_vfio() { [[ $1 = *vfio-pci || $1 = *vfio_pci ]]; }
put() { printf "%s\\n" "$1" >"$2"; }

# Shared for a look, exclusive for a change. Without the folder nothing has ever been changed.
enter() {
  local turn
  [ "$1" = -s ] && [ ! -d "$ledger" ] && return
  [ -d "$ledger" ] || mkdir -p "$ledger" || die "cannot make $ledger"
  { [ -O "$ledger" ] && [ ! -L "$ledger" ]; } || die "$ledger belongs to somebody else"
  exec {turn}>>"$ledger/.turn" || die "cannot write to $ledger"
  flock "$1" -w ${TURN_SECONDS} "$turn" || die "another change of this host's functions has been under way for ${TURN_SECONDS} s"
}

driver_of() { driver=; cd -P "$pci/devices/$1/driver" 2>/dev/null && driver=\${PWD##*/}; cd /; }
group_of() { group=; cd -P "$pci/devices/$1/iommu_group" 2>/dev/null && group=\${PWD##*/}; cd /; }

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
  say "function $1 \${vendor:--} \${product:--} \${class:--} \${driver:--} \${group:--}"
  for node in "$dir"/vfio-dev/*; do say "cdev \${node##*/} $1"; done
}

add() { [ -n "\${seen[$1]}" ] || { seen[$1]=1; names+=("$1"); }; }

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
find_inode() {
  local line lines words name
  mapfile -t lines <"$1"
  set -f
  for line in "\${lines[@]}"; do
    words=($line)
    [ "\${words[3]}" = 00010000 ] || continue
    name=\${line#*" \${words[6]} "}
    if [ "$name" = "$socket" ] || [ "$name" -ef "$socket" ]; then inode=\${words[6]}; break; fi
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
      for space in "\${spaces[@]}"; do [ "$space" -ef "$dir/ns/net" ] && continue 2; done
      spaces+=("$dir/ns/net")
      find_inode "$dir/net/unix"
      [ -z "$inode" ] || break
    done
  fi
  if [ -n "$inode" ]; then say "socket listening"; else say "socket dead"; fi
  if [ ! -L "$socket" ] && cd -P "\${socket%/*}/" 2>/dev/null; then
    say "path \${PWD%/}/\${socket##*/}"
    cd /
  else
    say "path $(exec readlink -f -- "$socket")"
  fi
}

# Which process listens there, and which have a group of VFIO's open, of all on the host.
find_processes() {
  local line target pid comm found
  qemu= users=()
  found=$(exec find "$proc"/[0-9]*/fd -maxdepth 1 \\( -lname "$vfio/*" -o -lname "socket:\\\\[$inode\\\\]" \\) -printf "%p=%l\\n" 2>/dev/null)
  # as they are: "socket:[1]" is no pattern
  set -f
  for line in $found; do
    pid=\${line#"$proc/"} pid=\${pid%%/*} target=\${line#*=} comm=
    case $target in
      socket:*) [ -n "$qemu" ] || qemu=$pid ;;
      *) { IFS= read -r comm <"$proc/$pid/comm"; } 2>/dev/null; users+=("$pid \${target#"$vfio/"} $comm") ;;
    esac
  done
  set +f
}

show_qemu() {
  local value rest uid= groups= caps= limit= line lines words comm=
  set -f
  {
    IFS= read -r comm <"$proc/$qemu/comm"
    mapfile -t lines <"$proc/$qemu/status"
    for line in "\${lines[@]}"; do
      words=($line)
      case $line in
        Uid:*) uid=\${words[2]} ;;
        Gid:*) groups="\${words[2]} $groups" ;;
        Groups:*) groups="$groups\${words[*]:1}" ;;
        CapEff:*) caps=\${words[1]} ;;
      esac
    done
    mapfile -t lines <"$proc/$qemu/limits"
    for line in "\${lines[@]}"; do
      case $line in "Max locked memory"*) words=($line) limit=\${words[3]} ;; esac
    done
  } 2>/dev/null
  if [ -z "$uid" ]; then set +f; return; fi
  say "qemu $qemu $uid \${caps:-0} \${limit:-unlimited} $comm"
  line=$(exec getent passwd "$uid")
  say "user \${line%%:*}"
  for line in $(exec getent group $groups); do
    case $line in *:*:*) rest=\${line#*:*:} && say "group \${rest%%:*} \${line%%:*}" ;; esac
  done
  for value in $groups; do say "group $value"; done
  mapfile -d "" -t words <"$proc/$qemu/cmdline"
  for line in "\${words[@]}"; do
    case $line in */libvirt/qemu/*domain-*) say "libvirt"; break ;; esac
  done
  mapfile -t lines <"$proc/$qemu/cgroup"
  for line in "\${lines[@]}"; do
    case $line in */*.service | */*.scope) say "unit \${line##*/}"; break ;; esac
  done
  set +f
} 2>/dev/null

show_host() {
  local uuid= machine=
  {
    IFS= read -r uuid <"$sys/class/dmi/id/product_uuid"
    IFS= read -r machine <"$machine_id"
  } 2>/dev/null
  say "host \${uuid:--} \${machine:--}"
}

# A file as one line, with or without a line break at its end, and whatever of them an editor has put within.
read_whole() {
  local lines IFS=" "
  mapfile -t lines <"$1" || die "cannot read $1"
  json=\${lines[*]}
} 2>/dev/null

# Whether the socket that a ledger file names is the one that is looked at, also by another way through the folders.
leads_here() {
  local form='"socket" *: *"(/[^"\\\\]+)"'
  [[ $1 =~ $form ]] || return
  theirs=\${BASH_REMATCH[1]}
  [ "$theirs" = "$socket" ] || [ "$theirs" -ef "$socket" ] && return
  [ "\${theirs##*/}" = "\${socket##*/}" ] && [ "\${theirs%/*}/" -ef "\${socket%/*}/" ]
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
    say "ledger \${file##*/} $json"
    leads_here "$json" || continue
    [ "$theirs" = "$socket" ] || say "same \${file##*/}"
    rest=$json
    while [[ $rest =~ \\"address\\"\\ *:\\ *\\"([0-9a-f:.]+)\\"(.*) ]]; do
      add "\${BASH_REMATCH[1]}"
      rest=\${BASH_REMATCH[2]}
    done
  done
  for name in "\${names[@]}"; do
    for member in "$pci/devices/$name/iommu_group/devices"/*; do add "\${member##*/}"; done
  done
  for name in "\${names[@]}"; do show "$name"; done
  nodes=("$vfio"/[0-9]*)
  [ "\${#nodes[@]}" = 0 ] || stat -c "node %n %u %g %a %U" "\${nodes[@]}"
  find_processes
  for name in "\${users[@]}"; do say "open $name"; done
  if [ -n "$qemu" ]; then
    show_qemu
    found=$(exec grep -hs "^[^#]*SUBSYSTEM==\\"vfio\\"" /dev/null \${rules[@]/%//*.rules})
    [ -z "$found" ] || while IFS= read -r name; do say "rule $name"; done <<<"$found"
  fi
}

bind() {
  local wait=$1 address todo=() dir
  shift
  for address; do check_address "$address"; done
  enter -x
  [ -d "$pci/drivers/vfio-pci" ] || modprobe vfio-pci
  [ -d "$pci/drivers/vfio-pci" ] || die "this host's kernel has no driver vfio-pci"
  for address; do
    [ -d "$pci/devices/$address" ] || die "$address is not there"
    driver_of "$address"
    is_vfio "$driver" || todo+=("$address")
  done
  for address in "\${todo[@]}"; do
    put vfio-pci "$pci/devices/$address/driver_override" || die "$address: its driver_override cannot be written"
  done
  for address in "\${todo[@]}"; do
    dir=$pci/devices/$address/driver
    [ ! -e "$dir" ] || put "$address" "$dir/unbind" || die "$address cannot be taken from its driver"
  done
  for address in "\${todo[@]}"; do
    await_driver none "$address" && put "$address" "$pci/drivers_probe"
  done
  for address in "\${todo[@]}"; do
    await_driver vfio "$address" || die "$address was not taken by vfio-pci\${driver:+, it is on $driver}"
  done
  [ "$wait" != settle ] || udevadm settle --timeout=5
}

release() {
  local pair address want group tries path leaving=() back=() groups=
  declare -A wants opened
  for pair; do
    address=\${pair%%=*} want=\${pair#*=}
    check_address "$address"
    [[ $want =~ ^([A-Za-z0-9_.-]+|[?])$ ]] || die "not a driver"
  done
  enter -x
  for pair; do
    address=\${pair%%=*} want=\${pair#*=}
    [ -d "$pci/devices/$address" ] || continue
    is_vfio "$want" && continue
    wants[$address]=$want
    back+=("$address")
    driver_of "$address"
    ! is_vfio "$driver" || leaving+=("$address")
  done
  # QEMU closes a group some 150 ms after its last function has left its object tree
  for ((tries = 0; tries < 20 && \${#leaving[@]} > 0; tries++)); do
    [ "$tries" = 0 ] || pause 0.2
    opened=() inode=
    find_processes
    for pair in "\${users[@]}"; do
      path=\${pair#* }
      [ -n "\${opened[\${path%% *}]}" ] || opened[\${path%% *}]="\${pair%% *} \${path#* }"
    done
    groups=
    for address in "\${leaving[@]}"; do
      group_of "$address"
      for path in "$group" "noiommu-$group" "$pci/devices/$address/vfio-dev"/*; do
        case $path in */vfio-dev/*) path=devices/\${path##*/} ;; esac
        [ -z "\${opened[$path]}" ] || groups="$address \${opened[$path]}"
      done
    done
    [ -n "$groups" ] || break
  done
  if [ -n "$groups" ]; then say "busy $groups"; return; fi
  for address in "\${leaving[@]}"; do
    put "$address" "$pci/devices/$address/driver/unbind" || die "$address cannot be taken from vfio-pci"
  done
  for address in "\${back[@]}"; do put "" "$pci/devices/$address/driver_override"; done
  for address in "\${leaving[@]}"; do await_driver none "$address"; done
  for address in "\${back[@]}"; do
    want=\${wants[$address]}
    driver_of "$address"
    if [ "$want" = - ] || [ -n "$driver" ]; then continue; fi
    { [ "$want" != "?" ] && [ -d "$pci/drivers/$want" ] && put "$address" "$pci/drivers/$want/bind"; } ||
      put "$address" "$pci/drivers_probe"
  done
  for address in "\${back[@]}"; do
    want=\${wants[$address]}
    [ "$want" = - ] || await_driver "$want" "$address"
  done
}

write() {
  local file=$ledger/guest-$1.json
  check_uuid "$1"
  enter -x
  if [ -z "$2" ]; then
    rm -f -- "$file" || die "cannot remove $file"
  else
    printf "%s\\n" "$2" >"$file.new" && mv -fT -- "$file.new" "$file" || die "cannot write $file"
  fi
}

read_ledger() {
  local json file=$ledger/guest-$1.json
  check_uuid "$1"
  enter -s
  [ -e "$file" ] || [ -L "$file" ] || return
  read_whole "$file"
  say "ledger guest-$1.json $json"
}

# For a host whose sshd forwards no sockets, or an account that may not open this one. Only to QEMU.
relay() {
  local path comm=
  check_path "$1"
  socket=$(readlink -f -- "$1")
  check_path "$socket"
  look_for_socket >/dev/null
  [ -n "$inode" ] || die "nobody listens at $1"
  find_processes >/dev/null
  { IFS= read -r comm <"$proc/$qemu/comm"; } 2>/dev/null
  case $comm in qemu* | kvm* | CPU*) ;; *) die "\${comm:-no process that can be seen} listens at $1, which is no QEMU" ;; esac
  # one that may not become root by itself must not be led elsewhere between this look and the connection
  path=\${socket%/*}
  while [ -n "$SUDO_UID" ] && [ -n "$path" ]; do
    [ -z "$(find "$path" -maxdepth 0 \\( ! -uid 0 -o -perm /022 \\))" ] || die "$path is not root's alone"
    path=\${path%/*}
  done
  trap - PIPE HUP
  command -v socat >/dev/null && say open && exec socat - "UNIX-CONNECT:$socket"
  command -v ncat >/dev/null && say open && exec ncat -U "$socket"
  command -v nc >/dev/null && [[ $(nc -h 2>&1) = *-U* ]] && say open && exec nc -U "$socket"
  command -v python3 >/dev/null && say open && exec python3 -c '
import os, select, socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
while True:
    for one in select.select([0, peer], [], [])[0]:
        data = peer.recv(65536) if one is peer else os.read(0, 65536)
        if not data: sys.exit()
        if one is not peer: peer.sendall(data)
        while one is peer and data: data = data[os.write(1, data):]
' "$socket"
  command -v perl >/dev/null && say open && exec perl -MIO::Socket::UNIX -MIO::Select -e '
my $peer = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "$!\\n";
my $both = IO::Select->new($peer, \\*STDIN);
for (;;) {
  for my $one ($both->can_read) {
    sysread($one, my $data, 65536) or exit;
    my $other = $one == $peer ? \\*STDOUT : $peer;
    while (length $data) { my $n = syswrite($other, $data) or exit; substr($data, 0, $n) = ""; }
  }
}' "$socket"
  die "it has none of the relay programs socat, ncat, nc, python3, perl"
}

printf "\\n${HOST_PROGRAM_WORD} ${HOST_PROGRAM_VERSION}\\n"
IFS=" " read -r verb first rest || exit 0
[ "$EUID" -eq 0 ] || die "not root"
[ -z "$missing" ] || die "it has no $missing"
# as they came: a question mark is a driver, and no pattern
set -f
words=($first $rest)
set +f
case $verb in
  look) look "\${words[@]}" ;;
  functions)
    for name in "\${words[@]}"; do check_address "$name"; done
    enter -s
    for name in "\${words[@]}"; do show "$name"; done
    ;;
  ledger) read_ledger "$first" ;;
  write) write "$first" "$rest" ;;
  bind) bind "\${words[@]}" ;;
  release) release "\${words[@]}" ;;
  relay) relay "$first" ;;
  *) die "no such request" ;;
esac
say "done"
`;

/** The program for a host with these folders, without its comments and indentation. ASCII. */
export function hostProgram(folders: HostFolders = HOST_FOLDERS): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  return [
    `sys=${quoted(folders.sysfs)}`,
    `proc=${quoted(folders.procfs)}`,
    `vfio=${quoted(folders.vfio)}`,
    `ledger=${quoted(folders.ledger)}`,
    `machine_id=${quoted(folders.machineId)}`,
    `rules=(${folders.udevRules.map(quoted).join(" ")})`,
    SOURCE.replace(/^[ ]*(#.*)?\n/gm, "").trimStart(),
  ].join("\n");
}

/** The file that an account with sudo runs, at {@link HOST_PROGRAM_PATH}. */
export const HOST_PROGRAM_FILE = `#!/bin/bash -p\n${hostProgram()}`;
