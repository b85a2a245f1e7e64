//! The facts of an SQLite file.

use serde_json::{Map, Value as Json};

use super::super::archive::listing::Found;
use super::super::dated;
use crate::probe::{FactSpec, Facts, Type, Unit, Value};

pub(super) const FACTS: &[FactSpec] = &[
    FactSpec::new(
        "exists",
        Type::Bool,
        "There is such a file. When there is none, this is the only fact.",
    ),
    FactSpec::new(
        "integrity",
        Type::Text,
        "`ok`, or the first thing that SQLite finds wrong.",
    )
    .because(&["findings"]),
    FactSpec::number(
        "errors",
        Unit::Count,
        "How many things it finds wrong, of the first 100.",
    )
    .because(&["findings"]),
    FactSpec::new(
        "findings",
        Type::List(&Type::Text),
        "What it finds wrong, the first 20.",
    ),
    FactSpec::new(
        "name",
        Type::Text,
        "The name of the file: the newest, where the path has `{date}`.",
    ),
    FactSpec::new(
        "newest_at",
        Type::Time,
        "The moment that its name tells, as of `archive`; `modified_at` where it tells none.",
    ),
    FactSpec::new(
        "modified_at",
        Type::Time,
        "When its content last changed, by the host's clock. With a write-ahead log that is the last checkpoint.",
    ),
    FactSpec::number(
        "age_s",
        Unit::Seconds,
        "Time since `newest_at`, by the host's own clock. Negative for a time to come.",
    ),
    dated::NOW,
    FactSpec::number(
        "size_bytes",
        Unit::Bytes,
        "Its size, without journal and log.",
    ),
    FactSpec::number(
        "pages",
        Unit::Count,
        "How many pages its header says it has.",
    ),
    FactSpec::new(
        "journal",
        Type::Text,
        "`wal` for a file with a write-ahead log, `rollback` otherwise.",
    ),
    FactSpec::new(
        "opened",
        Type::Text,
        "How it was opened, so that nothing is written: `locked`, `log` or `immutable`.",
    ),
    FactSpec::number(
        "rows",
        Unit::Count,
        "Rows of the query's answer; absent when there are more than 100.",
    ),
    FactSpec::new("rows_whole", Type::Bool, "There are no more than 100 rows."),
    FactSpec::new(
        "columns",
        Type::List(&Type::Text),
        "The columns of the answer, where there is a row.",
    ),
    FactSpec::new(
        "value",
        Type::Json,
        "The first column of the first row. Absent when it is NULL.",
    ),
    FactSpec::new(
        "row",
        Type::Map(&Type::Json),
        "The first row by the names of its columns, without those that are NULL.",
    ),
];

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes, ages and counts are far below 2^52"
)]
pub(super) fn set_file(newest: &Found, now: Option<i64>, facts: &mut Facts) {
    facts.set("name", newest.name.as_str());
    facts.set("newest_at", newest.at);
    facts.set("modified_at", newest.modified);
    let age = now.and_then(|now| now.checked_sub(newest.at.as_second()));
    facts.set_some("age_s", age.map(|age| age as f64));
    dated::set_now(now, facts);
    facts.set("size_bytes", newest.bytes as f64);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "at most a hundred of several lines"
)]
pub(super) fn set_errors(told: &[String], facts: &mut Facts) {
    facts.set("errors", told.len() as f64);
    let first = told.iter().take(20).map(|line| Value::from(line.as_str()));
    facts.set("findings", Value::List(first.collect()));
}

pub(super) fn set_rows(rows: Vec<Map<String, Json>>, most: usize, facts: &mut Facts) {
    let whole = rows.len() <= most;
    if whole {
        #[expect(clippy::cast_precision_loss, reason = "at most 100")]
        facts.set("rows", rows.len() as f64);
    }
    facts.set("rows_whole", whole);
    let Some(first) = rows.into_iter().next() else {
        return;
    };
    let columns = first.keys().map(|name| Value::from(name.as_str()));
    facts.set("columns", Value::List(columns.collect()));
    let value = first.values().next().filter(|cell| !cell.is_null());
    facts.set_some("value", value.cloned().map(Value::Json));
    let cells = first.into_iter().filter(|(_, cell)| !cell.is_null());
    let cells = cells.map(|(name, cell)| (name, Value::Json(cell)));
    facts.set("row", Value::Map(cells.collect()));
}
