# shellcheck shell=bash
# What every host gets on top of the base tree. The rest is in hosts/.

furnish() {
  local host=$1 root=$2 user=${LOGIN[$1]}
  echo "$host" >"$root/etc/hostname"
  host_names >"$root/etc/hosts"
  # No password, yet not locked: sshd refuses locked accounts.
  chroot "$root" useradd --create-home --groups systemd-journal --shell /bin/bash --password '*' "$user"
  # Plain files of a host lie in hosts/HOST/ as they lie on it.
  place "$LAB/hosts/every" "$root"
  place "$LAB/hosts/$host" "$root"
  install -d -m 700 "$root/home/$user/.ssh"
  install -m 600 "$STATE/home/.ssh/id_ed25519.pub" "$root/home/$user/.ssh/authorized_keys"
  chroot "$root" chown -R "$user:" "/home/$user/.ssh"
  new_host_key "$root"
  enable "$root" lab-load.service
  "furnish_$host" "$root" "$user"
  take_crontab "$root" "$user"
}

# place FROM ROOT: copies a folder of files over a root. Folders that are there
# keep their modes: sshd refuses a home that a lax checkout made group-writable.
place() { cp -r "$1/." "$2/"; }

host_names() {
  local host
  echo "127.0.0.1 localhost"
  for host in "${HOSTS[@]}"; do echo "${ADDRESS[$host]} $host"; done
}

# One key type: a second one would double the time that sshd needs to start.
new_host_key() {
  rm -f "$1"/etc/ssh/ssh_host_*
  ssh-keygen -q -t ed25519 -N '' -C "root@$(<"$1/etc/hostname")" -f "$1/etc/ssh/ssh_host_ed25519_key"
}

enable() {
  local root=$1
  shift
  systemctl --root="$root" -q enable "$@"
}

# stand_in ROOT UNIT DESCRIPTION [LINE…]: a unit that starts, stops, can be
# killed and frozen like the real one, and does nothing. Further lines go into
# its [Service] section.
stand_in() {
  local root=$1 unit=$2 description=$3
  shift 3
  {
    printf '[Unit]\nDescription=%s (stand-in)\nAfter=network.target\n\n' "$description"
    printf '[Service]\nType=exec\nExecStart=/bin/sleep infinity\n'
    ((!$#)) || printf '%s\n' "$@"
    printf '\n[Install]\nWantedBy=multi-user.target\n'
  } >"$root/etc/systemd/system/$unit"
  enable "$root" "$unit"
}

# The crontab of the login user, as `crontab` itself would install it.
take_crontab() {
  local root=$1 user=$2
  [[ -e $root/etc/lab/crontab ]] || return 0
  chroot "$root" crontab -u "$user" /etc/lab/crontab
}

# A folder of textfiles that the user's cron jobs write and node exporter reads.
textfile_folder() {
  local root=$1 user=$2
  install -d "$root/home/$user/node_exporter_textfiles"
  chroot "$root" chown -R "$user:" "/home/$user/node_exporter_textfiles" "/home/$user/scripts"
  echo "ARGS=\"--collector.textfile.directory=/home/$user/node_exporter_textfiles\"" \
    >"$root/etc/default/prometheus-node-exporter"
}
