#!/bin/bash
#
# On the lab's host, for network.ts:
#
#     network-kinds.sh make                      a network namespace with many kinds of interfaces
#     network-kinds.sh survey RELEASE SCRIPT     runs the script there with the `ip` of that release
#     network-kinds.sh unmake                    takes the namespaces away again
#
# What this kernel does not have is left out, and said.

space=record there=/var/tmp/record
export PATH=/usr/sbin:/usr/bin

try() { "$@" || printf 'not here: %s\n' "$*"; }
inside() { try ip -n "$space" "$@"; }
# A dummy, or where there is none something as idle.
dummy() {
  ip -n "$space" link add "$1" type dummy 2>/dev/null || inside link add "$1" type ifb
  inside link set "$1" up
}

# Cards of the host, with functions of PCI; where it has none, ends of pairs.
make_cards() {
  local name
  for name in enp1s0f0 enp1s0f1 enp1s0f2 enp1s0f3; do
    ip link set "$name" netns "$space" 2>/dev/null || inside link add "$name" type veth peer name "$name-far"
    inside link set "$name" up
    ip -n "$space" link set "$name-far" up 2>/dev/null
  done
  inside link set enp1s0f1 alias "Bob's \"uplink\" \\ of"$'\001\033[31m\177'" Müller"
  inside addr add 203.0.113.1/24 dev enp1s0f1
}

make_layers() {
  local ideographic=$'lan\u3000zwei'
  inside link add bond0 type bond mode active-backup
  inside link set bond0 up
  dummy under0
  inside link set under0 down
  inside link set under0 master bond0
  inside link add team0 type team
  dummy under1
  inside link set under1 down
  inside link set under1 master team0
  dummy under2
  inside link add br0 type bridge
  inside link set under2 master br0
  inside link add vlan5 link under0 type vlan id 5
  inside link add qinq6 link vlan5 type vlan id 6 protocol 802.1ad
  dummy under4
  inside link add macvlan0 link under4 type macvlan mode bridge
  inside link add macvtap0 link enp1s0f1 type macvtap
  dummy under3
  inside link add ipvlan0 link under3 type ipvlan mode l3
  inside link add ipvtap0 link under3 type ipvtap
  dummy under5
  inside link add macsec0 link under5 type macsec
  inside link add vrf0 type vrf table 70
  dummy "$ideographic"
  inside link set "$ideographic" master vrf0
  dummy "'"
  dummy $'a\001b'
  dummy hsr1
  dummy hsr2
  inside link add hsr0 type hsr slave1 hsr1 slave2 hsr2
  inside link add bat0 type batadv
  inside link add ifb7 type ifb
  inside link add nlmon0 type nlmon
  inside link add vcan0 type vcan
}

make_pairs() {
  try ip netns add "$space-far"
  inside link add veth0 type veth peer name veth1
  inside link set veth1 master br0
  inside link add away0 type veth peer name far0 netns "$space-far"
  inside link add netkit0 type netkit peer name netkit1
  inside link add vxcan0 type vxcan peer name vxcan1
}

make_tunnels() {
  inside link add gre1 type gre remote 203.0.113.9 local 203.0.113.1
  inside link add gre2 type gre remote 203.0.113.9 dev enp1s0f1
  inside link add gretap1 type gretap remote 203.0.113.10
  inside link add erspan1 type erspan remote 203.0.113.11 local 203.0.113.1 seq key 7 erspan_ver 1 erspan 5
  inside link add ipip1 type ipip remote 203.0.113.12
  inside link add sit1 type sit remote 203.0.113.13
  inside link add vti1 type vti remote 203.0.113.14 local 203.0.113.1 key 9
  inside link add vtisix type vti6 remote 2001:db8::14 local 2001:db8::1 key 9
  inside link add ipsix1 type ip6tnl remote 2001:db8::15 mode any
  inside link add gresix1 type ip6gre remote 2001:db8::16
  inside link add gretapsix1 type ip6gretap remote 2001:db8::17
  inside link add xfrm1 type xfrm dev enp1s0f1 if_id 7
  inside link add vxlan1 type vxlan id 1 remote 203.0.113.17 dstport 4789
  inside link add vxlan2 type vxlan id 2 group 239.1.1.1 dev enp1s0f1 dstport 4789
  inside link add vxlan3 type vxlan id 3 local 203.0.113.1 dstport 4790
  inside link add vxlan4 type vxlan dstport 4791 external
  inside link add geneve1 type geneve id 1 remote 203.0.113.18
  inside link add bareudp1 type bareudp dstport 6635 ethertype mpls_uc
  inside link add amt1 type amt mode gateway local 203.0.113.1 discovery 203.0.113.19 dev enp1s0f1
  inside link add wg0 type wireguard
  inside tuntap add tun0 mode tun
  inside tuntap add tap0 mode tap
  inside l2tp add tunnel tunnel_id 1 peer_tunnel_id 1 encap udp local 203.0.113.1 remote 203.0.113.20 \
    udp_sport 1701 udp_dport 1701
  inside l2tp add session tunnel_id 1 session_id 1 peer_session_id 1
}

# The way of this connection and a default route: PPP over Ethernet.
make_session() {
  local tries
  try modprobe -a pppoe ppp_generic
  if [ ! -e /dev/ppp ]; then
    printf 'not here: PPP\n'
    return
  fi
  mount --bind /dev "$there/trixie/dev"
  ip netns exec "$space" setsid chroot "$there/trixie" python3 /pppoe-session.py enp1s0f0 </dev/null >/dev/null 2>&1 &
  for ((tries = 0; tries < 120; tries++)); do
    ! ip -n "$space" link show dev ppp0 >/dev/null 2>&1 || break
    sleep 0.5
  done
  inside addr add 192.0.2.1 peer 192.0.2.254 dev ppp0
  inside link set ppp0 up
  inside route add default dev ppp0
}

# Ways that are objects of their own, which a route names by number alone.
make_nexthops() {
  inside addr add 198.18.0.1/24 dev enp1s0f2
  inside addr add 198.18.1.1/24 dev enp1s0f3
  inside nexthop add id 1 via 198.18.0.254 dev enp1s0f2
  inside nexthop add id 2 via 198.18.1.254 dev enp1s0f3
  inside nexthop add id 10 group 1/2
  inside nexthop add id 3 blackhole
  inside route add 198.51.0.0/16 nhid 1
  inside route add default metric 700 nhid 10
  inside route add 198.52.0.0/16 nhid 3
  inside route add unreachable 198.53.0.0/16
  inside route add default table 77 nexthop via 198.18.0.253 dev enp1s0f2 nexthop via 198.18.1.253 dev enp1s0f3
  ip netns exec "$space" sysctl -qw net.ipv4.nexthop_compat_mode=0
}

make() {
  ip netns add "$space"
  inside link set lo up
  cp "$there/pppoe-session.py" "$there/trixie/"
  make_cards
  make_layers
  make_pairs
  make_tunnels
  make_nexthops
  make_session
}

unmake() { ip netns del "$space"; ip netns del "$space-far"; }

# In a mount namespace of its own, where another file stands in the place of `ip`.
survey() {
  local tree=$there/$1
  printf '#!/bin/sh\nexec chroot %s /sbin/ip "$@"\n' "$tree" >"$tree.sh"
  chmod 755 "$tree.sh"
  ip netns exec "$space" unshare -m sh -c \
    "mount --bind /proc $tree/proc && mount --bind $tree.sh \$(realpath /usr/sbin/ip) && exec bash $2"
}

"$@"
