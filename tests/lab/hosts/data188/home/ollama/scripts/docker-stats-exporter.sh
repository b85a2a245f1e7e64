#!/bin/sh
set -eu
cd /home/ollama/node_exporter_textfiles
{
  echo '# TYPE docker_container_memory_bytes gauge'
  echo 'docker_container_memory_bytes{name="momo-pro-system"} 412090368'
  echo '# TYPE docker_stats_exporter_last_run_timestamp gauge'
  echo "docker_stats_exporter_last_run_timestamp $(date +%s)"
} >docker_stats.prom.$$
mv docker_stats.prom.$$ docker_stats.prom
