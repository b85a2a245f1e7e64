# shellcheck shell=bash
# Names and places that every part of the lab agrees on.
# shellcheck disable=SC2034  # read by the files that source this one

CACHE=${COLDSTART_LAB_CACHE:-/var/cache/coldstart-lab}
STATE=${COLDSTART_LAB_STATE:-/run/coldstart-lab}

HOSTS=(data188 ops110 k3s120 k3s121)
declare -A ADDRESS=(
  [data188]=192.168.0.188 [ops110]=192.168.0.110
  [k3s120]=192.168.0.120 [k3s121]=192.168.0.121
)
declare -A LOGIN=([data188]=ollama [ops110]=wooo [k3s120]=wooo [k3s121]=wooo)
OPERATOR_ADDRESS=192.168.0.10
ROUTER_ADDRESS=192.168.0.1
VIP=192.168.0.125

# One lab per machine: namespaces have machine-wide names.
OPERATOR_NETNS=cslab-operator
ROUTER_NETNS=cslab-router
netns_of() { echo "cslab-$1"; }

# In memory, as far as it is used: about 50 MB a host after `up`.
DISK_SIZE=512m

# Seconds that four hosts may take from power on to every service answering.
UP_LIMIT=${COLDSTART_LAB_UP_LIMIT:-240}

say() { printf 'lab: %s\n' "$*" >&2; }
die() {
  printf 'lab: error: %s\n' "$*" >&2
  exit 1
}

need_root() { [[ $EUID -eq 0 ]] || die "needs root (namespaces, mounts, systemd-nspawn)"; }

is_host() { [[ -n ${ADDRESS[${1:-}]:-} ]]; }
need_host() { is_host "${1:-}" || die "no such host '${1:-}' (have: ${HOSTS[*]})"; }
