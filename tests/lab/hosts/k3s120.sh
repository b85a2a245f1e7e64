# shellcheck shell=bash
# 120: K3s server, virtual address, node ports.

furnish_k3s120() {
  local root=$1
  # sudo ignores a file that others may write to.
  chmod 440 "$root/etc/sudoers.d/kubectl"
  rm -f "$root/etc/nginx/sites-enabled/default"
  stand_in "$root" k3s.service k3s
  enable "$root" keepalived.service nginx.service
}

ready_urls_k3s120() {
  printf '%s\n' "http://$VIP:32334/api/v1/health" "http://${ADDRESS[k3s120]}:32335/"
}
