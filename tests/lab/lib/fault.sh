# shellcheck shell=bash
# Things that go wrong after a power cut, one at a time and each with its way back.

# The far end keeps its carrier-less address: packets vanish, nothing is refused.
unplug() { in_operator ip link set "$(port_of "$1")" down; }
plug() { in_operator ip link set "$(port_of "$1")" up; }

# Hung, not dead: the kernel still accepts connections that nobody will answer.
freeze() { on_host "$1" systemctl kill --kill-whom=all --signal=STOP "$2"; }
thaw() { on_host "$1" systemctl kill --kill-whom=all --signal=CONT "$2"; }

# Packets to one port vanish, as behind a firewall that came up before its rules.
drop_port() { in_netns_of "$1" iptables -I INPUT -p tcp --dport "$2" -j DROP; }
undrop_port() {
  while in_netns_of "$1" iptables -D INPUT -p tcp --dport "$2" -j DROP 2>/dev/null; do :; done
}

# netem HOST [delay Nms] [loss N%] | clear: the host's port leaves the bridge, and
# wire.py passes its frames on to a spare port that stands there instead.
netem() {
  local host=$1 delay=0 loss=0 port wait
  shift
  port=$(port_of "$host")
  netem_clear "$host"
  [[ ${1:-} != clear ]] || return 0
  while (($#)); do
    case $1 in
      delay) delay=${2%ms} ;;
      loss) loss=${2%\%} ;;
      *) die "netem: '$1' is neither delay, loss nor clear" ;;
    esac
    (($# >= 2)) || die "netem: $1 what?"
    shift 2
  done
  [[ $delay =~ ^[0-9.]+$ && $loss =~ ^[0-9.]+$ ]] || die "netem: delay is Nms, loss is N%"
  in_operator ip link add "w-$host" type veth peer name "s-$host"
  # wire.py copies frames as they are: checksums must be in them, none oversized.
  in_netns_of "$host" ethtool -K eth0 tx off gso off tso off gro off >/dev/null
  in_operator ethtool -K "s-$host" tx off gso off tso off gro off >/dev/null
  in_operator ethtool -K br0 tx off gso off tso off >/dev/null
  in_operator ip link set "w-$host" up
  in_operator ip link set "$port" nomaster promisc on
  in_operator ip link set "s-$host" master br0 up
  setsid -f ip netns exec "$OPERATOR_NETNS" python3 "$LAB/lib/wire.py" \
    "$port" "w-$host" "$delay" "$loss" "$STATE/hosts/$host/wire.pid" \
    </dev/null >>"$STATE/hosts/$host/wire.log" 2>&1
  for ((wait = 0; wait < 1200; wait++)); do
    [[ ! -s $STATE/hosts/$host/wire.pid ]] || return 0
    sleep 0.05
  done
  cat "$STATE/hosts/$host/wire.log" >&2
  die "netem: wire.py did not start"
}

netem_clear() {
  local host=$1 port
  port=$(port_of "$host")
  kill_wire "$host"
  in_operator ip link show "w-$host" >/dev/null 2>&1 || return 0
  in_operator ip link delete "w-$host"
  in_operator ip link set "$port" master br0 promisc off
}

kill_wire() {
  local pid file=$STATE/hosts/$1/wire.pid
  [[ -e $file ]] || return 0
  pid=$(<"$file")
  if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "wire.py $(port_of "$1") "; then
    kill -KILL "$pid"
  fi
  rm -f "$file"
}

# An intruder, or a disk restored from nowhere: the address answers with a key
# that nobody has seen before. The true one is kept aside.
newkey() {
  local root kept=$STATE/hosts/$1/true-key
  root=$(root_of "$1")
  if [[ ! -d $kept ]]; then
    mkdir -p "$kept"
    cp -p "$root"/etc/ssh/ssh_host_* "$kept/"
  fi
  new_host_key "$root"
  restart_ssh "$1"
}

oldkey() {
  local root kept=$STATE/hosts/$1/true-key
  root=$(root_of "$1")
  [[ -d $kept ]] || return 0
  rm -f "$root"/etc/ssh/ssh_host_*
  cp -p "$kept"/ssh_host_* "$root/etc/ssh/"
  rm -rf "$kept"
  restart_ssh "$1"
}

# Reload would keep the old keys: sshd reads them when it starts.
restart_ssh() { ! nspawn_of "$1" >/dev/null || on_host "$1" systemctl restart ssh.service; }

# impostor HOST UNIT PORT MANNER: the unit is stopped, and impostor.py listens in
# its place. dismiss HOST UNIT takes that back.
impostor() {
  local host=$1 unit=$2 port=$3 manner=$4
  dismiss "$host"
  on_host "$host" systemctl stop "$unit"
  in_background "$host" "$(netns_of "$host")" impostor.py "${ADDRESS[$host]}" "$port" "$manner"
}

dismiss() {
  end_helper "$1" impostor.py
  [[ -z ${2:-} ]] || ! nspawn_of "$1" >/dev/null || on_host "$1" systemctl start "$2"
}

# loiter HOST PORT: somebody holds all the connections that the server lets in
# before a login. leave HOST ends that.
loiter() {
  leave "$1"
  in_background "$1" "$OPERATOR_NETNS" loiter.py "${ADDRESS[$1]}" "$2"
}
leave() { end_helper "$1" loiter.py; }

# in_background HOST NETNS PROGRAM ARGUMENT…: until the program says that it is ready.
in_background() {
  local host=$1 netns=$2 program=$3 dir=$STATE/hosts/$1 wait
  shift 3
  setsid -f ip netns exec "$netns" python3 "$LAB/lib/$program" "$@" "$dir/$program.pid" \
    </dev/null >>"$dir/$program.log" 2>&1
  for ((wait = 0; wait < 1200; wait++)); do
    [[ ! -s $dir/$program.pid ]] || return 0
    sleep 0.05
  done
  cat "$dir/$program.log" >&2
  die "$program did not get ready"
}

end_helper() {
  local pid file=$STATE/hosts/$1/$2.pid
  [[ -e $file ]] || return 0
  pid=$(<"$file")
  if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$file"; then
    kill -KILL "$pid"
  fi
  rm -f "$file"
}

# The root file system of a host has no block left; it is a small one of its own.
fill() {
  # shellcheck disable=SC2016 # for the host's shell
  on_host "$1" sh -c 'fallocate -l "$(df --output=avail -B1 / | tail -1)" /var/filler;
    cat /dev/zero >>/var/filler 2>/dev/null; test "$(df --output=avail -B1 / | tail -1)" -eq 0'
}
unfill() { on_host "$1" rm -f /var/filler; }

# What a host keeps going on the machine beside its own processes.
end_helpers() {
  dismiss "$1"
  leave "$1"
}
