//! What a check of `postgres` can tell.

use crate::probe::{FactSpec, Type, Unit};

/// Every fact: of the login, of the server's state, of the statement.
pub(super) const FACTS: [FactSpec; 28] = [
    FactSpec::new("accepts", Type::Bool, "Login and the first query worked."),
    FactSpec::number(
        "connect_ms",
        Unit::Milliseconds,
        "Time to open the TCP connection.",
    ),
    FactSpec::number(
        "login_ms",
        Unit::Milliseconds,
        "From the open connection to the end of the login, TLS included.",
    ),
    FactSpec::new("encrypted", Type::Bool, "The session is one of TLS."),
    FactSpec::new(
        "server_version",
        Type::Text,
        "The server's `server_version`.",
    ),
    FactSpec::new(
        "in_recovery",
        Type::Bool,
        "`pg_is_in_recovery()`: true on a standby.",
    ),
    FactSpec::number(
        "query_ms",
        Unit::Milliseconds,
        "From the statement to its last row.",
    ),
    FactSpec::number(
        "rows",
        Unit::Count,
        "Rows of the statement; absent when there are more than were read.",
    ),
    FactSpec::new(
        "rows_whole",
        Type::Bool,
        "All rows were read: at most 100, and 1 MiB.",
    ),
    FactSpec::new(
        "columns",
        Type::List(&Type::Text),
        "The names of the statement's columns.",
    ),
    FactSpec::new(
        "row",
        Type::Map(&Type::Json),
        "The first row by column; a null is absent. Moments are RFC 3339 text, intervals seconds, decimals of more than 15 digits text.",
    ),
    FactSpec::new(
        "value",
        Type::Json,
        "The first column of the first row; absent when null.",
    ),
    FactSpec::new(
        "value_time",
        Type::Time,
        "`value` when it is a `timestamptz`.",
    ),
    FactSpec::new(
        "value_duration",
        Type::Duration,
        "`value` when it is an `interval` without months.",
    ),
    FactSpec::number(
        "connections",
        Unit::Count,
        "Sessions of clients in all databases, ours among them. Parallel workers count as well where the role has not the rights of `pg_read_all_stats`. This and the three after it need `state: [connections]`.",
    ),
    FactSpec::number(
        "connections_max",
        Unit::Count,
        "`max_connections`: how many there may be.",
    ),
    FactSpec::number(
        "connections_reserved",
        Unit::Count,
        "How many of these are kept for superusers and for `pg_use_reserved_connections`.",
    ),
    FactSpec::number(
        "connections_percent",
        Unit::Percent,
        "`connections` as a share of those that ordinary roles can have.",
    ),
    FactSpec::new(
        "wal_streaming",
        Type::Bool,
        "A standby receives WAL by streaming; absent on a primary. This and the five after it need `state: [replication]`.",
    ),
    FactSpec::new(
        "replay_paused",
        Type::Bool,
        "Replay was paused on a standby; absent on a primary.",
    ),
    FactSpec::number(
        "replay_lag_bytes",
        Unit::Bytes,
        "WAL that a standby has received by streaming and not replayed yet; absent on a primary.",
    ),
    FactSpec::number(
        "replay_age_s",
        Unit::Seconds,
        "Time since the commit of the last transaction that a standby replayed, by both servers' clocks. It also grows while the primary has nothing to do; absent on a primary.",
    ),
    FactSpec::number(
        "standbys",
        Unit::Count,
        "Who streams WAL from this server: standbys, logical subscribers, `pg_receivewal`.",
    ),
    FactSpec::number(
        "standby_lag_bytes",
        Unit::Bytes,
        "WAL that the last of them has not replayed yet; absent when there is none.",
    ),
    FactSpec::number(
        "transaction_id_age",
        Unit::Count,
        "`age(datfrozenxid)`, the highest of all databases. This and the two after it need `state: [transaction_ids]`.",
    ),
    FactSpec::number(
        "autovacuum_freeze_max_age",
        Unit::Count,
        "The age from which autovacuum works against it.",
    ),
    FactSpec::number(
        "transaction_id_percent",
        Unit::Percent,
        "`transaction_id_age` as a share of 2^31: the server accepts no more writes just before 100.",
    ),
    FactSpec::number(
        "database_bytes",
        Unit::Bytes,
        "Bytes on disk of the database of the login. Needs `state: [size]`.",
    ),
];
