# shellcheck shell=bash
# Witnesses: every command line that sshd is told, and what each file of a host is.

# record on|off: another login shell, and all that sshd says of its channels. What
# is logged stays until `down`.
record() {
  local host user shell=/bin/bash level=
  case ${1:-} in
    on)
      shell=/usr/local/bin/recording-shell
      level='LogLevel DEBUG1' ;;
    off) ;;
    *) die "record: on or off" ;;
  esac
  for host in "${HOSTS[@]}"; do
    user=${LOGIN[$host]}
    # What the user may not write to would stop every command.
    # shellcheck disable=SC2016 # for the host's shell
    on_host "$host" sh -c 'touch "$2" && chown "$1" "$2" && chmod 600 "$2"' sh "$user" /var/log/command-lines
    on_host "$host" usermod --shell "$shell" "$user"
    # shellcheck disable=SC2016 # for the host's shell
    on_host "$host" sh -c 'echo "$1" >"$2"' sh "$level" /etc/ssh/sshd_config.d/record.conf
    restart_ssh "$host"
  done
}

# tree HOST: a record a file, folder, link or device, ended by a zero byte each:
# type, mode, owner, size, time of change of the content and of the inode, path and
# where a link leads. Then a record a file `# SHA-256 PATH`; of /usr, 0.9 GB that came
# from packages, size and times have to do. /proc and /sys are the kernel's.
tree() {
  on_host "$1" bash -c '
    set -euo pipefail
    cd /
    find . \( -path ./proc -o -path ./sys \) -prune -o \
      -printf "%y\t%m\t%U:%G\t%s\t%T@\t%C@\t%P\t%l\0"
    # A file that goes while it is looked at is told by the next look.
    find . \( -path ./proc -o -path ./sys -o -path ./usr \) -prune -o -type f -print0 |
      { xargs -0 sha256sum -z -- 2>/dev/null || true; } | sed -z "s/^/# /; s|  \./|\t|"'
}
