# shellcheck shell=bash
# One host: an overlay over the base tree, booted with its own systemd.

root_of() { echo "$STATE/hosts/$1/root"; }

# Process id of the running systemd-nspawn of a host, or failure. The command
# line is compared, because a process id left over from a dead lab may be reused.
nspawn_of() {
  local pid file=$STATE/hosts/$1/nspawn.pid
  [[ -r $file ]] || return 1
  pid=$(<"$file")
  [[ -r /proc/$pid/cmdline ]] || return 1
  tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "-D $(root_of "$1") " || return 1
  echo "$pid"
}

# Process id of the host's init as this machine sees it.
leader_of() {
  local nspawn
  nspawn=$(nspawn_of "$1") || return 1
  pgrep -P "$nspawn" -x systemd
}

# Runs a command on the host as root, with nothing of this machine's environment.
on_host() {
  local leader host=$1
  shift
  leader=$(leader_of "$host") || die "$host is not running"
  nsenter -t "$leader" -a -- env -i HOME=/root LANG=C.UTF-8 TERM=dumb \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# True while the process runs; one that ended and waits for its parent does not.
runs() { [[ -n $(tr -d '\0' 2>/dev/null <"/proc/$1/cmdline") ]] 2>/dev/null; }

make_host() {
  local host=$1 dir=$STATE/hosts/$1
  mkdir -p "$dir/disk" "$dir/root"
  # A disk of the host's own: how full this machine's is must not matter, and
  # filling it must harm nobody else.
  mount -t tmpfs -o "size=$DISK_SIZE,mode=755" "coldstart-lab-$host" "$dir/disk"
  mkdir "$dir/disk/upper" "$dir/disk/work"
  mount -t overlay "coldstart-lab-$host" \
    -o "lowerdir=$(base_tree),upperdir=$dir/disk/upper,workdir=$dir/disk/work" "$dir/root"
  furnish "$host" "$dir/root"
}

# Each host gets its own control group. Without that, --keep-unit puts the four
# of them into the same one, where one host's systemd ends another's services.
own_cgroup() {
  local host=$1 base
  for base in /sys/fs/cgroup/unified /sys/fs/cgroup/systemd /sys/fs/cgroup; do
    [[ -e $base/cgroup.procs ]] || continue
    mkdir -p "$base/coldstart-lab/$host"
    echo "$BASHPID" >"$base/coldstart-lab/$host/cgroup.procs"
  done
}

# What systemd-nspawn leaves behind on a machine whose /run is on a disk.
remove_traces() {
  local base host
  for host in "${HOSTS[@]}"; do
    rmdir "/run/systemd/nspawn/propagate/$host" 2>/dev/null || true
  done
  for base in /sys/fs/cgroup/unified /sys/fs/cgroup/systemd /sys/fs/cgroup; do
    [[ -d $base/coldstart-lab ]] || continue
    find "$base/coldstart-lab" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}

power_on() {
  local host=$1 dir=$STATE/hosts/$1 wait
  ! nspawn_of "$host" >/dev/null || return 0
  rm -f "$dir/nspawn.pid"
  host_net_on "$host"
  (
    own_cgroup "$host"
    # The lock of `up` must not outlive it in a host's processes.
    [[ -z ${LOCK_FD:-} ]] || exec {LOCK_FD}>&-
    # shellcheck disable=SC2016  # the inner shell expands these
    SYSTEMD_LOG_LEVEL=warning setsid -f sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$dir/nspawn.pid" \
      systemd-nspawn -q --register=no --keep-unit \
      --network-namespace-path="/run/netns/$(netns_of "$host")" \
      --capability=CAP_NET_ADMIN --resolv-conf=off --timezone=off --link-journal=no \
      -D "$dir/root" -M "$host" --console=pipe -b \
      </dev/null >>"$dir/console.log" 2>&1
  )
  # From here on a host without that process is one that died.
  for ((wait = 0; wait < 1500; wait++)); do
    ! nspawn_of "$host" >/dev/null || return 0
    sleep 0.02
  done
  why_not_up "$host"
  die "$host did not start"
}

# Clean shutdown, as by the power button; a host that hangs is cut off.
power_off() {
  local host=$1 pid wait
  pid=$(nspawn_of "$host") || return 0
  # A host with frozen processes would wait for them until its own time-outs.
  on_host "$host" systemctl kill -s CONT '*.service' 2>/dev/null || true
  kill -TERM "$pid"
  for ((wait = 0; wait < 600; wait++)); do
    if ! runs "$pid"; then
      end_helpers "$host"
      host_net_off "$host"
      return
    fi
    sleep 0.05
  done
  say "$host did not power off in 30 s: cut"
  power_cut "$host"
}

# What the product is for: everything is gone from one moment to the next.
power_cut() {
  local host=$1 pid leader wait
  pid=$(nspawn_of "$host") || return 0
  leader=$(leader_of "$host") || leader=
  # The kernel ends every process of a process namespace with its init.
  kill -KILL ${leader:+"$leader"} "$pid" 2>/dev/null || true
  for ((wait = 0; wait < 600; wait++)); do
    if ! runs "$pid" && ! { [[ -n $leader ]] && runs "$leader"; }; then
      end_helpers "$host"
      host_net_off "$host"
      return
    fi
    sleep 0.05
  done
  die "$host: processes survived a kill"
}

# True once the host's own systemd has finished booting and each URL answers.
is_up() {
  local host=$1 now url
  leader_of "$host" >/dev/null || return 1
  now=$(on_host "$host" systemctl is-system-running 2>/dev/null) || true
  [[ $now == running || $now == degraded ]] || return 1
  while read -r url; do
    in_operator curl -sk -o /dev/null --max-time 2 --fail "$url" || return 1
  done < <("ready_urls_$host")
  # An ssh server that listens may still lack what a login needs.
  in_operator ssh -F "$STATE/home/.ssh/config" -o ControlPath=none "$host" true \
    2>/dev/null </dev/null || return 1
  [[ $now == running ]]
}

# Waits for all the hosts named; tells what is wrong with the one that is not up.
wait_up() {
  local host deadline=$((SECONDS + UP_LIMIT))
  for host; do
    until is_up "$host"; do
      if ! nspawn_of "$host" >/dev/null; then
        why_not_up "$host"
        die "$host went down while it booted"
      fi
      if ((SECONDS >= deadline)); then
        why_not_up "$host"
        die "$host was not up within $UP_LIMIT s"
      fi
      sleep 0.1
    done
  done
}

why_not_up() {
  local host=$1 url
  {
    echo "--- $host: console"
    tail -n 20 "$STATE/hosts/$host/console.log"
    leader_of "$host" >/dev/null || return 0
    echo "--- $host: state, failed units, unfinished jobs"
    on_host "$host" systemctl is-system-running || true
    on_host "$host" systemctl --failed --no-pager --no-legend || true
    on_host "$host" systemctl list-jobs --no-pager --no-legend || true
    while read -r url; do
      in_operator curl -sk -o /dev/null --max-time 2 -w "%{url_effective} %{http_code} %{errormsg}\n" "$url" || true
    done < <("ready_urls_$host")
    echo "--- $host: journal"
    on_host "$host" journalctl -b --no-pager -n 60 || true
  } >&2
}
