# shellcheck shell=bash disable=SC2154 # What host-program.sh and the helper assign.
#
# QEMU's monitor by way of this program: for an account with sudo, and for a host whose sshd forwards no sockets.
# Whoever has QEMU's monitor owns QEMU. So an account with sudo has none: a command is taken apart, each part is
# looked at, and what goes to QEMU is put together anew.
#
# QEMU serves one client of a socket at a time. The negotiation, and the question which guest this is, are
# settled here before anything else; the client gets QEMU's greeting, and an answer to its own negotiation.

# The UUIDs of the guests behind the monitors that were opened, and the monitors' paths, as the children report
# them to the process that has the locks: a line each, in one write, so that of what has begun the rest is there.
hear_monitors() {
  local uuid paths
  [ -n "$reports" ] || return 0
  # shellcheck disable=SC2004 # The array is associative, so its index is no arithmetic.
  while read -t 0 -u "$reports" && read -r -t 1 -u "$reports" uuid paths; do open_guests[$uuid]+=" $paths"; done
}

open_monitor() {
  local fd
  if [ -n "${monitors[$id]}" ]; then tell "fail $id it is open"; return; fi
  [ -n "$reports" ] || exec {reports}<> <(:)
  exec {fd}> >(serve_monitor "$1")
  # shellcheck disable=SC2004 # The same.
  monitors[$id]=$fd
}

leave_monitor() {
  local fd=${monitors[$id]}
  [ -n "$fd" ] || return
  unset "monitors[$id]"
  exec {fd}>&-
}

# One command, to the child that has the monitor. A client asks no more at a time than a pipe has room for.
ask() {
  local fd=${monitors[$id]}
  if [ -z "$fd" ]; then tell "fail $id no monitor is open"; return; fi
  { printf "%s\n" "$1" >&"$fd"; } 2>/dev/null || leave_monitor
}

# The child: standard input is what is asked. What comes from QEMU is told as records, a message each.
serve_monitor() {
  local inodes similar real_socket qemu monitor_holders users message QEMU input client from to
  exec {input}<&0 {client}>&1 2>/dev/null
  leave_locks
  trap - PIPE
  is_path "$1" || die "not a path"
  socket=$1
  require_socket "$1"
  [ -n "$permissions" ] || socket=$(exec readlink -f -- "$1")
  is_path "$socket" || die "nobody listens at $1"
  real_socket=$socket
  look_for_socket
  [ "${#inodes[@]}" -gt 0 ] || die "nobody listens at $1"
  find_processes
  if [ -z "$qemu" ] || ! is_qemu "$qemu"; then die "what listens at $1 is no QEMU, or no process that can be seen"; fi
  require_monitor "$1"
  connect_monitor
  # those of a coprocess are not its children's
  # shellcheck disable=SC2093 # These are descriptors of this shell.
  exec {from}<&"${QEMU[0]}" {to}>&"${QEMU[1]}" {QEMU[0]}<&- {QEMU[1]}>&-
  at open
  read_message || die "$1 was closed before QEMU greeted"
  say "$message"
  printf "%s\n" '{"execute":"qmp_capabilities"}' '{"execute":"query-uuid"}' >&"$to"
  until [[ $message = *'"UUID"'* || $message = *'"error"'* ]]; do read_message || die "$1 was closed by QEMU"; done
  report_guest "$1" "$message"
  (
    exec {from}<&-
    while IFS= read -r line; do pass_on "$line"; done
  ) <&"$input" >&"$to" &
  exec {input}<&- {to}>&-
  while read_message; do say "$message"; done
  printf "done %s\n" "$id"
}

# On one line, or (pretty=on) on several.
read_message() {
  local line
  IFS= read -r message <&"$from" || return
  message=${message%$'\r'}
  [ "$message" = "{" ] || return 0
  while IFS= read -r line <&"$from"; do
    line=${line%$'\r'}
    message+=$line
    [ "$line" != "}" ] || return 0
  done
  return 1
}

# To QEMU, or back: in QEMU's own form, under a class of this program's, and in one line, since what QEMU says
# is told in pieces by another process.
pass_on() {
  local command=$1 number why=
  if [[ $1 = '{"execute":"qmp_capabilities"'* && $1 =~ \"id\":\"([0-9]{1,9})\" ]]; then
    command="{\"execute\":\"query-version\",\"id\":\"${BASH_REMATCH[1]}\"}"
  elif [ -n "$permissions" ] && ! filter_command "$1"; then
    why=${why:0:1000} why=${why//\\/\\\\}
    at "{\"id\":\"${number:-0}\",\"error\":{\"class\":\"HostRules\",\"desc\":\"${why//\"/\\\"}\"}}" >&"$client"
    return
  fi
  printf "%s\n" "$command"
}

# Whichever of these a host has.
connect_monitor() {
  if command -v socat >/dev/null; then coproc QEMU { exec socat -t 0.1 - "UNIX-CONNECT:$socket"; }
  elif command -v ncat >/dev/null; then coproc QEMU { exec ncat -U "$socket"; }
  elif command -v nc >/dev/null && [[ $(nc -h 2>&1) = *-U* ]]; then coproc QEMU { exec nc -U "$socket"; }
  elif command -v python3 >/dev/null; then
    coproc QEMU { exec python3 -I -c '
import os, select, socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
while True:
    for one in select.select([0, peer], [], [])[0]:
        data = peer.recv(65536) if one is peer else os.read(0, 65536)
        if not data: sys.exit()
        if one is not peer: peer.sendall(data)
        while one is peer and data: data = data[os.write(1, data):]
' "$socket"; }
  elif command -v perl >/dev/null; then
    coproc QEMU { exec perl -T -MIO::Socket::UNIX -MIO::Select -e '
my $peer = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "$!\n";
my $both = IO::Select->new($peer, \*STDIN);
for (;;) {
  for my $one ($both->can_read) {
    sysread($one, my $data, 65536) or exit;
    my $other = $one == $peer ? \*STDOUT : $peer;
    while (length $data) { my $n = syswrite($other, $data) or exit; substr($data, 0, $n) = ""; }
  }
}' "$socket"; }
  else die "it has none of the relay programs socat, ncat, nc, python3, perl"
  fi
}

# Which guest this is, for the process that has the locks: by its own UUID; of a QEMU that was given none by this
# host and the path, as uuidOfSocket has it.
report_guest() {
  local path
  [ -n "$permissions" ] || return 0
  if [[ $2 =~ \"UUID\":\ *\"([0-9a-f-]{36})\" ]] && [[ ${BASH_REMATCH[1]} = *[!0-]* ]]; then
    printf "%s %s %s\n" "${BASH_REMATCH[1]}" "$socket" "$1" >&"$reports"
    return
  fi
  find_host_uuid
  for path in "$socket" "$1"; do
    derive_uuid "$host_uuid" "$path"
    printf "%s %s %s\n" "$derived" "$socket" "$1" >&"$reports"
  done
}

# The host's own, as the look's records are read: the firmware's, else the machine's.
find_host_uuid() {
  local text digits form='^([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})$'
  host_uuid=
  for text in "$sys/class/dmi/id/product_uuid" "$machine_id"; do
    { IFS= read -r text <"$text"; } 2>/dev/null || continue
    [[ ${text,,} =~ $form ]] || continue
    host_uuid=$(IFS=-; printf "%s" "${BASH_REMATCH[*]:1}")
    digits=${host_uuid//-/}
    [ -z "${digits//${digits:0:1}/}" ] || return 0
    host_uuid=
  done
}

derive_uuid() {
  local sum
  sum=$(printf "%s\0%s" "$1" "$2" | sha256sum)
  derived=${sum:0:8}-${sum:8:4}-8${sum:13:3}-8${sum:17:3}-${sum:20:12}
}
