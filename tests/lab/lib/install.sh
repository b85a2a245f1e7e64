# shellcheck shell=bash
# What the machine under the lab needs, from its own Debian mirror.

# package:program, so that a machine that has everything is done in milliseconds.
TOOLS=(
  systemd-container:systemd-nspawn debootstrap:debootstrap iproute2:ip
  iptables:iptables ethtool:ethtool openssh-client:ssh iputils-ping:ping
  dnsmasq-base:dnsmasq curl:curl redis-tools:redis-cli postgresql-client:psql openssl:openssl
  python3:python3 util-linux:nsenter procps:pgrep gpgv:gpgv
)

# shellcheck source=tests/debian.sh
source "$LAB/../debian.sh"

install_tools() {
  need_root
  local missing
  mapfile -t missing < <(debian_missing "${TOOLS[@]}")
  if [[ ${#missing[@]} -eq 0 ]]; then
    say "install: everything is here"
    return
  fi
  say "install: ${missing[*]}"
  debian_install "${missing[@]}" || die "install: failed"
  mapfile -t missing < <(debian_missing "${TOOLS[@]}")
  [[ ${#missing[@]} -eq 0 ]] || die "install: still missing: ${missing[*]}"
}
