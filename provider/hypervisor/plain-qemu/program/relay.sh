# shellcheck shell=bash
#
# The way to a monitor by a program of the host's.

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
  case $comm in qemu* | kvm* | CPU*) ;; *) die "${comm:-no process that can be seen} listens at $1, which is no QEMU" ;; esac
  # one that may not become root by itself must not be led elsewhere between this look and the connection
  path=${socket%/*}
  while [ -n "$SUDO_UID" ] && [ -n "$path" ]; do
    [ -z "$(find "$path" -maxdepth 0 \( ! -uid 0 -o -perm /022 \))" ] || die "$path is not root's alone"
    path=${path%/*}
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
my $peer = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "$!\n";
my $both = IO::Select->new($peer, \*STDIN);
for (;;) {
  for my $one ($both->can_read) {
    sysread($one, my $data, 65536) or exit;
    my $other = $one == $peer ? \*STDOUT : $peer;
    while (length $data) { my $n = syswrite($other, $data) or exit; substr($data, 0, $n) = ""; }
  }
}' "$socket"
  die "it has none of the relay programs socat, ncat, nc, python3, perl"
}
