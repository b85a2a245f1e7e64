-- The password comes from the state of the lab: another one on every `up`.
\set password `cat /etc/lab/checker-password`
CREATE ROLE checker LOGIN PASSWORD :'password';

CREATE DATABASE k3s_datastore;
CREATE DATABASE momo_analytics;
REVOKE TEMPORARY ON DATABASE k3s_datastore, momo_analytics, postgres FROM PUBLIC;

\connect k3s_datastore
CREATE TABLE kine (
  id serial PRIMARY KEY, name varchar(630), created integer, deleted integer,
  create_revision integer, prev_revision integer, lease integer,
  value bytea, old_value bytea
);
INSERT INTO kine (name, created, deleted, create_revision, prev_revision, lease)
SELECT '/registry/pods/awoooi-prod/pod-' || n, 1, 0, n, n - 1, 0 FROM generate_series(1, 200) n;
GRANT SELECT ON kine TO checker;
ANALYZE kine;

\connect momo_analytics
CREATE TABLE daily_sales_snapshot (id serial PRIMARY KEY, snapshot_date date NOT NULL, amount numeric);
CREATE TABLE realtime_sales_monthly (id serial PRIMARY KEY, "日期" date NOT NULL, amount numeric);
-- As many rows of the newest month on every day of the year: cards are compared.
INSERT INTO daily_sales_snapshot (snapshot_date, amount)
SELECT current_date - 1 - ago, shop FROM unnest(ARRAY[0, 31]) ago, generate_series(1, 100) shop;
INSERT INTO realtime_sales_monthly ("日期", amount)
SELECT snapshot_date, amount FROM daily_sales_snapshot;
GRANT SELECT ON daily_sales_snapshot, realtime_sales_monthly TO checker;
