#!/bin/sh
# Written aside and renamed: a reader never sees half a file.
set -eu
cd /home/ollama/node_exporter_textfiles
{
  echo '# TYPE docker_container_restart_count gauge'
  echo 'docker_container_restart_count{name="momo-pro-system"} 0'
  echo 'docker_container_restart_count{name="momo-scheduler"} 0'
  echo '# TYPE docker_restart_exporter_last_run_timestamp gauge'
  echo "docker_restart_exporter_last_run_timestamp $(date +%s)"
} >docker_restart.prom.$$
mv docker_restart.prom.$$ docker_restart.prom
