# shellcheck shell=bash
# Namespaces and cables. The bridge stands in the operator's namespace, so no
# address and no route of the machine itself is ever touched.

# Bridge side of a host's cable.
port_of() { echo "p-$1"; }
in_operator() { ip netns exec "$OPERATOR_NETNS" "$@"; }
in_netns_of() {
  local ns
  ns=$(netns_of "$1")
  shift
  ip netns exec "$ns" "$@"
}
has_netns() { [[ -e /run/netns/$1 ]]; }

net_up() {
  local host
  ip netns add "$OPERATOR_NETNS"
  in_operator sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  # As Debian's systemd sets it: unprivileged ICMP echo sockets for everyone.
  in_operator sysctl -qw 'net.ipv4.ping_group_range=0 2147483647'
  in_operator ip link set lo up
  # No forwarding delay: a port that waits for spanning tree looks like an outage.
  in_operator ip link add br0 type bridge forward_delay 0
  in_operator ip address add "$OPERATOR_ADDRESS/24" dev br0
  in_operator ip link set br0 up
  for host in "${HOSTS[@]}"; do host_net_up "$host"; done
}

host_net_up() {
  local host=$1 ns port
  ns=$(netns_of "$host")
  port=$(port_of "$host")
  ip netns add "$ns"
  in_netns_of "$host" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  in_netns_of "$host" sysctl -qw 'net.ipv4.ping_group_range=0 2147483647'
  in_netns_of "$host" ip link set lo up
  in_operator ip link add "$port" type veth peer name eth0 netns "$ns"
  in_operator ip link set "$port" master br0 up
}

# The namespace outlives a power off, and its kernel would go on answering pings
# and refusing connections for a host that is dark. So addresses, link and
# firewall rules come and go with the host.
host_net_on() {
  in_netns_of "$1" ip address replace "${ADDRESS[$1]}/24" dev eth0
  in_netns_of "$1" ip link set eth0 up
}

host_net_off() {
  has_netns "$(netns_of "$1")" || return 0
  in_netns_of "$1" ip link set eth0 down
  in_netns_of "$1" ip address flush dev eth0
  in_netns_of "$1" iptables -F
}

net_down() {
  local host ns
  for host in "${HOSTS[@]}"; do
    ns=$(netns_of "$host")
    ! has_netns "$ns" || ip netns delete "$ns"
  done
  ! has_netns "$OPERATOR_NETNS" || ip netns delete "$OPERATOR_NETNS"
  ! has_netns "$ROUTER_NETNS" || ip netns delete "$ROUTER_NETNS"
  rm -rf "/etc/netns/$OPERATOR_NETNS"
  rmdir /etc/netns 2>/dev/null || true
}

# ip netns exec lays these files over the operator's /etc: names are the router's
# to tell, the lab's authority is the one that is trusted, and root is at home in
# the lab. Needs what make_operator makes.
operator_etc() {
  local dir=/etc/netns/$OPERATOR_NETNS
  mkdir -p "$dir/ssl/certs"
  cp "$STATE/ca.pem" "$dir/ssl/certs/ca-certificates.crt"
  echo "127.0.0.1 localhost" >"$dir/hosts"
  echo "hosts: files dns" >"$dir/nsswitch.conf"
  echo "nameserver $ROUTER_ADDRESS" >"$dir/resolv.conf"
  # The ssh program takes the home folder from passwd and not from HOME.
  awk -F: -v OFS=: -v home="$STATE/home" '$1 == "root" { $6 = home } { print }' /etc/passwd >"$dir/passwd"
}
