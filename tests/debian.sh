# shellcheck shell=bash
# Installs Debian packages without letting any of them start a server. Sourced.

POLICY=/usr/sbin/policy-rc.d
POLICY_KEPT=$POLICY.kept-by-coldstart

# debian_missing PACKAGE:PATTERN…: the packages whose pattern, a file pattern or
# the name of a program, matches nothing. Goes by files and not by dpkg's list, so
# that a machine that has everything is done in milliseconds.
debian_missing() {
  local pair
  for pair; do
    case ${pair#*:} in
      /*) compgen -G "${pair#*:}" >/dev/null || echo "${pair%%:*}" ;;
      *) command -v "${pair#*:}" >/dev/null || echo "${pair%%:*}" ;;
    esac
  done
}

# debian_install PACKAGE…
debian_install() (
  export DEBIAN_FRONTEND=noninteractive
  # A policy that is already there may allow servers: it steps aside meanwhile, and
  # comes back as it was. The second line is for a run that was killed before that.
  trap debian_policy_back EXIT
  [[ ! -e $POLICY_KEPT ]] || debian_policy_back
  [[ ! -e $POLICY ]] || mv "$POLICY" "$POLICY_KEPT"
  printf '#!/bin/sh\nexit 101\n' >"$POLICY"
  chmod 755 "$POLICY"
  debian_retry 3 apt-get -q update
  debian_retry 3 apt-get -q install -y --no-install-recommends "$@"
) >&2

debian_policy_back() {
  rm -f "$POLICY"
  [[ ! -e $POLICY_KEPT ]] || mv "$POLICY_KEPT" "$POLICY"
}

# debian_retry TIMES COMMAND…: a mirror that fails once usually answers seconds later.
debian_retry() {
  local times=$1 try
  shift
  for ((try = 1; try <= times; try++)); do
    "$@" </dev/null && return 0
    echo "attempt $try of $times failed: $*" >&2
    ((try == times)) || sleep $((try * 5))
  done
  return 1
}
