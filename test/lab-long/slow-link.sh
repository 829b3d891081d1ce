#!/bin/sh
# A way to the host's sshd through a network namespace of its own, whose cable delays and loses. The round trip takes
# 200 ms longer than the machines themselves need. The host listens behind it at the port that $port names.
: "${port:?}"
set -e
modprobe sch_netem
ip netns add slow
ip link add cable0 type veth peer name cable1 netns slow
ip address add 198.18.0.1/30 dev cable0
ip -n slow address add 198.18.0.2/30 dev cable1
ip link set cable0 up
ip -n slow link set cable1 up
tc qdisc add dev cable0 root netem delay 100ms loss 2% limit 10000
tc -n slow qdisc add dev cable1 root netem delay 100ms loss 2% limit 10000
setsid socat "TCP-LISTEN:$port,fork,reuseaddr,nodelay" \
  EXEC:"ip netns exec slow socat STDIO TCP\:198.18.0.1\:22\,nodelay" </dev/null >/dev/null 2>&1 &
for _ in $(seq 100); do ss -ltn | grep -q ":$port " && exit 0; sleep 0.1; done
exit 1
