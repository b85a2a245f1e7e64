//! What a server tells of its own state: one statement for what is asked for.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::facts::FACTS;
use crate::probe::{Facts, Value};
use crate::transport::postgres::Rows;

/// A part of a server's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    /// Sessions, and how many there may be. Any role may see it.
    Connections,
    /// Of a standby whether it follows, of a primary who follows it. `wal_streaming`,
    /// `standbys` and `standby_lag_bytes` need the rights of `pg_read_all_stats`, which
    /// `pg_monitor` has, as soon as there is something to see; the rest any role may see.
    Replication,
    /// How far the oldest transaction id is from being used again. Any role may see it.
    TransactionIds,
    /// Bytes on disk of the database of the login. Any role that may connect to it may see it.
    Size,
}

/// Sessions count by their user and database, which any role may see; what else
/// has both (parallel workers) can be told from them by roles with the rights of
/// `pg_read_all_stats` only.
const CONNECTIONS: &str = "(SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL AND usesysid IS NOT NULL \
    AND coalesce(backend_type, 'client backend') = 'client backend')::float8 AS connections, \
    current_setting('max_connections')::float8 AS connections_max, \
    current_setting('superuser_reserved_connections')::float8 \
    + coalesce(current_setting('reserved_connections', true)::float8, 0) AS connections_reserved";

/// Functions about replay are an error on a primary, `pg_current_wal_lsn` is one
/// on a standby. Without rights the view has its rows, but not their state: a
/// count of those that stream would be none.
const REPLICATION: &str = "CASE WHEN pg_is_in_recovery() THEN CASE WHEN EXISTS (SELECT FROM pg_stat_wal_receiver) \
    THEN (SELECT status = 'streaming' FROM pg_stat_wal_receiver) ELSE false END END AS wal_streaming, \
    CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END AS replay_paused, \
    CASE WHEN pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) \
    END::float8 AS replay_lag_bytes, \
    CASE WHEN pg_is_in_recovery() THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) \
    END::float8 AS replay_age_s, \
    (SELECT CASE WHEN count(state) = count(*) THEN count(*) FILTER (WHERE state = 'streaming') END \
    FROM pg_stat_replication)::float8 AS standbys, \
    (SELECT max(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() \
    ELSE pg_current_wal_lsn() END, replay_lsn)) FROM pg_stat_replication WHERE state = 'streaming')::float8 \
    AS standby_lag_bytes";

const TRANSACTION_IDS: &str = "(SELECT max(age(datfrozenxid)) FROM pg_database)::float8 AS transaction_id_age, \
    current_setting('autovacuum_freeze_max_age')::float8 AS autovacuum_freeze_max_age";

const SIZE: &str = "pg_database_size(current_database())::float8 AS database_bytes";

/// Ages are compared in half the space of 32 bits.
const TRANSACTION_IDS_MAX: f64 = 2_147_483_648.0;

impl Part {
    fn columns(self) -> &'static str {
        match self {
            Self::Connections => CONNECTIONS,
            Self::Replication => REPLICATION,
            Self::TransactionIds => TRANSACTION_IDS,
            Self::Size => SIZE,
        }
    }

    /// What is preferred of it.
    pub(super) fn preferred(self) -> &'static [&'static str] {
        match self {
            Self::Connections => &["connections_percent < 90"],
            Self::Replication => &[
                "!in_recovery || wal_streaming",
                "!in_recovery || !replay_paused",
            ],
            Self::TransactionIds => &["transaction_id_percent < 50"],
            Self::Size => &[],
        }
    }
}

/// The statement, when anything is asked for.
pub(super) fn statement(parts: &[Part]) -> Option<String> {
    let columns: Vec<&str> = parts.iter().map(|part| part.columns()).collect();
    (!columns.is_empty()).then(|| format!("SELECT {}", columns.join(", ")))
}

/// The columns of all parts.
const COLUMNS: [&str; 12] = [
    "connections",
    "connections_max",
    "connections_reserved",
    "wal_streaming",
    "replay_paused",
    "replay_lag_bytes",
    "replay_age_s",
    "standbys",
    "standby_lag_bytes",
    "transaction_id_age",
    "autovacuum_freeze_max_age",
    "database_bytes",
];

/// Adds what its one row tells. Nulls are not told, and what was not asked for
/// is not taken from a server that tells it all the same.
pub(super) fn read(rows: Rows, facts: &mut Facts) {
    let first = rows.rows.into_iter().next().unwrap_or_default();
    for (name, cell) in rows.columns.into_iter().zip(first) {
        let value = match cell.map(|cell| cell.json) {
            Some(Json::Bool(value)) => Value::Bool(value),
            Some(Json::Number(value)) => match value.as_f64() {
                // What is replayed may be ahead of what is told as received.
                Some(value) => Value::Number(value.max(0.0)),
                None => continue,
            },
            _ => continue,
        };
        let declared = FACTS.iter().find(|spec| spec.name == name);
        if COLUMNS.contains(&name.as_str()) && declared.is_some_and(|spec| value.is(&spec.ty)) {
            facts.set(&name, value);
        }
    }
    let number = |name: &str| match facts.get(name) {
        Some(Value::Number(value)) => Some(*value),
        _ => None,
    };
    let used = number("connections");
    let most = number("connections_max").zip(number("connections_reserved"));
    let most = most.map(|(all, reserved)| all - reserved);
    let age = number("transaction_id_age");
    let share = used.zip(most.filter(|most| *most > 0.0));
    facts.set_some(
        "connections_percent",
        share.map(|(used, most)| used / most * 100.0),
    );
    facts.set_some(
        "transaction_id_percent",
        age.map(|age| age / TRANSACTION_IDS_MAX * 100.0),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::postgres::{Cell, statement as guard};

    const ALL: [Part; 4] = [
        Part::Connections,
        Part::Replication,
        Part::TransactionIds,
        Part::Size,
    ];

    fn rows(cells: &[(&str, Json)]) -> Rows {
        let (columns, values) = cells
            .iter()
            .map(|(name, json)| {
                let cell = (!json.is_null()).then(|| Cell::from(json.clone()));
                ((*name).to_owned(), cell)
            })
            .unzip();
        Rows {
            elapsed: std::time::Duration::ZERO,
            columns,
            rows: vec![values],
            more: false,
        }
    }

    fn seen(cells: &[(&str, Json)]) -> Json {
        let mut facts = Facts::new();
        read(rows(cells), &mut facts);
        serde_json::to_value(facts).expect("JSON")
    }

    #[test]
    fn one_statement_that_reads_has_every_column() {
        let text = statement(&ALL).expect("a statement");
        assert_eq!(guard::check(&text), Ok(()));
        assert!(!text.contains(['\n', ';']), "{text}");
        for column in COLUMNS {
            assert!(text.contains(&format!(" AS {column}")), "{column}");
        }
        assert_eq!(statement(&[]), None);
    }

    #[test]
    fn shares_are_of_what_ordinary_roles_can_have() {
        let told = [
            ("connections", Json::from(45)),
            ("connections_max", Json::from(100)),
            ("connections_reserved", Json::from(10)),
            ("transaction_id_age", Json::from(1_073_741_824)),
        ];
        let facts = seen(&told);
        assert_eq!(facts["connections_percent"], 50);
        assert_eq!(facts["transaction_id_percent"], 50);
        let without_limit = seen(&[told[0].clone(), told[2].clone()]);
        assert_eq!(without_limit.get("connections_percent"), None);
        let all_reserved = seen(&[
            told[0].clone(),
            told[1].clone(),
            ("connections_reserved", Json::from(100)),
        ]);
        assert_eq!(all_reserved.get("connections_percent"), None);
    }

    #[test]
    fn what_is_null_odd_or_not_asked_for_is_no_fact() {
        let facts = seen(&[
            ("replay_lag_bytes", Json::from(-120)),
            ("replay_age_s", Json::Null),
            ("wal_streaming", Json::from(1)),
            ("standbys", Json::from("many")),
            ("accepts", Json::from(false)),
            ("connections_percent", Json::from(1)),
        ]);
        assert_eq!(facts, serde_json::json!({"replay_lag_bytes": 0}));
    }
}
