# shellcheck shell=bash
# 121: K3s agent.

furnish_k3s121() {
  local root=$1
  stand_in "$root" k3s-agent.service k3s-agent
  stand_in "$root" keepalived.service keepalived
}

# Nothing here speaks HTTP; systemd and ssh tell.
ready_urls_k3s121() { :; }
