# shellcheck shell=bash
# The router of the LAN, as far as a name server goes: no host of the four, so that
# names can fail while all hosts are well, and the other way round.

router_up() {
  ip netns add "$ROUTER_NETNS"
  ip netns exec "$ROUTER_NETNS" ip link set lo up
  in_operator ip link add p-router type veth peer name eth0 netns "$ROUTER_NETNS"
  in_operator ip link set p-router master br0 up
  ip netns exec "$ROUTER_NETNS" ip address add "$ROUTER_ADDRESS/24" dev eth0
  ip netns exec "$ROUTER_NETNS" ip link set eth0 up
  dns_start
}

# The public names lead to the gateway in the lab; any other does not exist.
dns_start() {
  ! dns_pid >/dev/null || return 0
  (
    # The lock of the command must not outlive it in the server.
    [[ -z ${LOCK_FD:-} ]] || exec {LOCK_FD}>&-
    ip netns exec "$ROUTER_NETNS" dnsmasq --conf-file=/dev/null --no-hosts --no-resolv --no-poll \
      --user=root --bind-interfaces --listen-address="$ROUTER_ADDRESS" \
      --host-record="awoooi.wooo.work,${ADDRESS[data188]}" \
      --host-record="mo.wooo.work,${ADDRESS[data188]}" \
      --address=/#/ --log-queries --log-facility="$STATE/router.log" --pid-file="$STATE/router.pid"
  )
}

dns_pid() {
  local pid file=$STATE/router.pid
  [[ -s $file ]] || return 1
  pid=$(<"$file")
  tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "--pid-file=$file" || return 1
  echo "$pid"
}

dns_stop() {
  local pid
  pid=$(dns_pid) || return 0
  # A frozen one would not hear a plain TERM.
  kill -KILL "$pid"
  while runs "$pid"; do sleep 0.02; done
  rm -f "$STATE/router.pid"
}

# dns stop|start|freeze|thaw|log: refused and back; silence and back; what it was asked.
dns() {
  local pid
  [[ -e $STATE/checker-password ]] || die "the lab is down"
  case ${1:-} in
    stop) dns_stop ;;
    start) dns_start ;;
    log) cat "$STATE/router.log" ;;
    freeze | thaw)
      pid=$(dns_pid) || die "dns: the name server is stopped"
      if [[ $1 == freeze ]]; then kill -STOP "$pid"; else kill -CONT "$pid"; fi ;;
    *) die "dns: stop, start, freeze, thaw or log" ;;
  esac
}
