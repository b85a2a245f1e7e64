# shellcheck shell=bash
# The Debian tree that all hosts share read-only below their overlays.

SUITE=bookworm
BASE_PACKAGES=(
  systemd systemd-sysv dbus openssh-server sudo cron iproute2 iptables
  iputils-ping procps curl ca-certificates openssl jq
  redis-server postgresql nginx
  prometheus prometheus-alertmanager prometheus-node-exporter
  docker-registry restic
)

# Runs on the finished debootstrap tree: nothing starts here unless a host asks.
finish_base() {
  local tree=$1 unit
  # Keys made here would be shared by every host.
  rm -f "$tree"/etc/ssh/ssh_host_*
  rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/*
  for unit in postgresql redis-server nginx prometheus prometheus-alertmanager \
    prometheus-node-exporter docker-registry; do
    systemctl --root="$tree" -q disable "$unit.service"
  done
  # Housekeeping would run in the middle of a measurement; logins need no seat.
  for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    e2scrub_all.timer e2scrub_reap.service fstrim.timer logrotate.timer \
    systemd-logind.service console-getty.service getty.target \
    systemd-networkd.service systemd-resolved.service \
    postgresql@15-main.service; do
    ln -sf /dev/null "$tree/etc/systemd/system/$unit"
  done
  # The generator of postgresql-common starts every cluster marked auto.
  if [[ -e $tree/etc/postgresql/15/main/start.conf ]]; then
    echo manual >"$tree/etc/postgresql/15/main/start.conf"
  fi
  rm -f "$tree/etc/hostname" "$tree/etc/resolv.conf"
  : >"$tree/etc/resolv.conf"
  : >"$tree/etc/machine-id"
}

# A changed suite, package list or finish makes another key, hence a new tree.
base_key() {
  { echo "$SUITE" "${BASE_PACKAGES[@]}" && declare -f finish_base; } | sha256sum | cut -c1-16
}
base_tree() { echo "$CACHE/base-$(base_key)"; }

# The mirror is whatever this machine's own apt uses for the suite.
mirror() {
  local line
  # shellcheck disable=SC2016  # apt-get fills these in
  while read -r line; do
    if [[ ${line#* } == "$SUITE" ]]; then
      echo "${line%% *}"
      return
    fi
  done < <(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages')
  die "build: this machine's apt sources do not name a mirror for $SUITE"
}

debootstrap_once() {
  local tree=$1 from=$2 list
  list=$(IFS=, && echo "${BASE_PACKAGES[*]}")
  rm -rf "$tree"
  mkdir -p "$tree" "$CACHE/debs"
  debootstrap --variant=minbase --include="$list" --cache-dir="$CACHE/debs" \
    "$SUITE" "$tree" "$from" >>"$CACHE/debootstrap.log" 2>&1 && return 0
  tail -n 15 "$CACHE/debootstrap.log" >&2
  [[ ! -e $tree/debootstrap/debootstrap.log ]] || tail -n 15 "$tree/debootstrap/debootstrap.log" >&2
  return 1
}

build_base() {
  need_root
  local tree from began=$SECONDS
  tree=$(base_tree)
  if [[ -d $tree ]]; then
    say "build: $tree is ready"
    return
  fi
  mkdir -p "$CACHE"
  from=$(mirror)
  [[ -n $from ]] || exit 1
  say "build: debootstrap $SUITE into $tree (1 to 3 minutes; log: $CACHE/debootstrap.log)"
  : >"$CACHE/debootstrap.log"
  debian_retry 3 debootstrap_once "$tree.partial" "$from" || die "build: debootstrap failed"
  finish_base "$tree.partial"
  mv "$tree.partial" "$tree"
  # Only now: a retry finds what the failed attempt had downloaded.
  rm -rf "$CACHE/debs"
  say "build: done in $((SECONDS - began)) s"
}
