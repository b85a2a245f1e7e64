# shellcheck shell=bash
# 110: registry, forge, monitoring, runners.

furnish_ops110() {
  local root=$1 user=$2 number
  rm -f "$root/etc/nginx/sites-enabled/default"
  place "$LAB/hosts/docker" "$root"
  textfile_folder "$root" "$user"
  stand_in "$root" docker.service docker
  install -d -m 710 "$root/var/lib/docker/volumes"
  # Left over from an older order of startup, and disabled for good.
  for number in momo-startup-complete wooo-staggered-startup; do
    stand_in "$root" "$number.service" "$number"
    systemctl --root="$root" -q disable "$number.service"
  done
  for number in 1 2; do
    stand_in "$root" "actions.runner.wooo-awoooi.ops110-$number.service" "Actions runner $number" \
      CPUQuota=200% MemoryMax=2G WatchdogSec=0
  done
  enable "$root" docker-registry.service nginx.service prometheus.service \
    prometheus-alertmanager.service prometheus-node-exporter.service textfiles.service
}

ready_urls_ops110() {
  local at=http://${ADDRESS[ops110]}
  printf '%s\n' "$at:5000/v2/" "$at:3001/" "$at:9090/-/ready" "$at:9093/-/healthy" \
    "$at:9000/_health/" "$at:9100/metrics"
}
