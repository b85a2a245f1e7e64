#!/bin/sh
# Written aside and renamed: a reader never sees half a file.
set -eu
cd /home/wooo/node_exporter_textfiles
now=$(date +%s)
{
  echo '# TYPE docker_container_running gauge'
  for name in harbor-core harbor-log gitea sentry-web; do
    echo "docker_container_running{name=\"$name\"} 1"
  done
  echo '# TYPE docker_exporter_last_run_timestamp gauge'
  echo "docker_exporter_last_run_timestamp $now"
} >docker_containers.prom.$$
mv docker_containers.prom.$$ docker_containers.prom
{
  echo '# TYPE systemd_failed_units gauge'
  echo "systemd_failed_units $(systemctl --failed --no-legend --plain | wc -l)"
  echo '# TYPE systemd_exporter_last_run_timestamp gauge'
  echo "systemd_exporter_last_run_timestamp $now"
} >systemd_units.prom.$$
mv systemd_units.prom.$$ systemd_units.prom
{
  echo '# TYPE prometheus_rule_drift_guard_ok gauge'
  echo 'prometheus_rule_drift_guard_ok 1'
  echo '# TYPE prometheus_rule_drift_guard_last_run_timestamp gauge'
  echo "prometheus_rule_drift_guard_last_run_timestamp $now"
} >prometheus_rule_drift_guard.prom.$$
mv prometheus_rule_drift_guard.prom.$$ prometheus_rule_drift_guard.prom
# What in the field comes of exporters of ClickHouse, Kafka, litellm and blackbox.
{
  echo '# TYPE signoz_clickhouse_merges gauge'
  echo 'signoz_clickhouse_merges 12'
  echo '# TYPE sentry_kafka_consumer_lag gauge'
  echo 'sentry_kafka_consumer_lag 3400'
  echo '# TYPE litellm_deployment_state gauge'
  echo 'litellm_deployment_state 0'
  echo '# TYPE probe_success gauge'
  echo 'probe_success{instance="https://awoooi.wooo.work"} 1'
} >release_conditions.prom.$$
mv release_conditions.prom.$$ release_conditions.prom
