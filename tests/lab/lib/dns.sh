# shellcheck shell=bash
# A real name server in the lab, and the operator's use of it.

# dns HOST answer|silent|off: the host answers the operator's lookups, takes them
# and says nothing, or has nothing to do with them, as before.
dns() {
  case ${2:-} in
    answer) dns_answer "$1" ;;
    silent) kill -STOP "$(dns_pid "$1")" ;;
    off) dns_off "$1" ;;
    *) die "dns: '${2:-}' is neither answer, silent nor off" ;;
  esac
}

dns_answer() {
  local host=$1 dir=/etc/netns/$OPERATOR_NETNS pid=$STATE/hosts/$1/dnsmasq.pid wait
  dns_off "$host"
  in_netns_of "$host" dnsmasq --conf-file=/dev/null --no-hosts --no-resolv --user=root \
    --bind-interfaces --listen-address="${ADDRESS[$host]}" --pid-file="$pid" --local=/work/ \
    --host-record="awoooi.wooo.work,${ADDRESS[data188]}" \
    --host-record="mo.wooo.work,${ADDRESS[data188]}"
  for ((wait = 0; wait < 100; wait++)); do
    [[ ! -s $pid ]] || break
    sleep 0.02
  done
  echo "127.0.0.1 localhost" >"$dir/hosts"
  echo "hosts: files dns" >"$dir/nsswitch.conf"
  echo "nameserver ${ADDRESS[$host]}" >"$dir/resolv.conf"
}

dns_pid() {
  local pid file=$STATE/hosts/$1/dnsmasq.pid
  [[ -r $file ]] || die "dns: $1 has no name server"
  pid=$(<"$file")
  tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$file" || die "dns: that of $1 ended"
  echo "$pid"
}

dns_off() {
  local pid
  [[ -e $STATE/hosts/$1/dnsmasq.pid ]] || return 0
  if pid=$(dns_pid "$1" 2>/dev/null); then
    kill -KILL "$pid"
  fi
  rm -f "$STATE/hosts/$1/dnsmasq.pid"
  operator_etc
}
