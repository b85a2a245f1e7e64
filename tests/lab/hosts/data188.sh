# shellcheck shell=bash
# 188: the data layer.

furnish_data188() {
  local root=$1 user=$2 unit
  install -m 600 "$STATE/checker-password" "$root/etc/lab/checker-password"
  chroot "$root" chown postgres: /etc/lab/checker-password /etc/postgresql/15/main/pg_hba.conf
  chmod 640 "$root/etc/postgresql/15/main/pg_hba.conf"
  # Reachable from the LAN without a password, as the runbook's redis-cli has it.
  sed -i -e 's/^bind .*/bind 0.0.0.0/' -e 's/^port .*/port 6380/' \
    -e 's/^protected-mode .*/protected-mode no/' "$root/etc/redis/redis.conf"
  rm -f "$root/etc/nginx/sites-enabled/default"
  install -m 644 "$STATE/gateway.pem" "$root/etc/nginx/gateway.pem"
  install -m 600 "$STATE/gateway.key" "$root/etc/nginx/gateway.key"
  place "$LAB/hosts/docker" "$root"
  textfile_folder "$root" "$user"
  for unit in containerd docker ollama; do stand_in "$root" "$unit.service" "$unit"; done
  install -d -m 710 "$root/var/lib/docker/volumes"
  enable "$root" momo-db.socket momo-db.service postgresql@14-main.service lab-database.service redis-server.service \
    nginx.service prometheus-node-exporter.service textfiles.service
}

ready_urls_data188() {
  local at=http://${ADDRESS[data188]}
  printf '%s\n' "$at:5001/health" "$at:3301/" "$at:4000/health/liveliness" "$at:9100/metrics"
}
