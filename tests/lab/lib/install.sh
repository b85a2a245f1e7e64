# shellcheck shell=bash
# What the machine under the lab needs, from its own Debian mirror.

# package:program, so that a machine that has everything is done in milliseconds.
TOOLS=(
  systemd-container:systemd-nspawn debootstrap:debootstrap iproute2:ip
  iptables:iptables ethtool:ethtool openssh-client:ssh iputils-ping:ping
  curl:curl redis-tools:redis-cli postgresql-client:psql openssl:openssl
  python3:python3 util-linux:nsenter procps:pgrep gpgv:gpgv
)

missing_packages() {
  local pair
  for pair in "${TOOLS[@]}"; do
    command -v "${pair#*:}" >/dev/null || echo "${pair%%:*}"
  done
}

install_tools() {
  need_root
  local missing
  mapfile -t missing < <(missing_packages)
  if [[ ${#missing[@]} -eq 0 ]]; then
    say "install: everything is here"
    return
  fi
  say "install: ${missing[*]}"
  (
    # No package may start a server outside the lab. A policy that is already
    # there belongs to the machine: it stays as it is, and is never removed.
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
      trap 'rm -f "$policy"' EXIT
      printf '#!/bin/sh\nexit 101\n' >"$policy"
      chmod 755 "$policy"
    fi
    export DEBIAN_FRONTEND=noninteractive
    retry 3 apt-get -q update
    retry 3 apt-get -q install -y --no-install-recommends "${missing[@]}"
  ) >&2
  mapfile -t missing < <(missing_packages)
  [[ ${#missing[@]} -eq 0 ]] || die "install: still missing: ${missing[*]}"
}

# retry TIMES COMMAND…: a mirror that fails once usually answers seconds later.
retry() {
  local times=$1 try
  shift
  for ((try = 1; try <= times; try++)); do
    "$@" && return 0
    say "attempt $try of $times failed: $1"
    ((try == times)) || sleep $((try * 5))
  done
  return 1
}
