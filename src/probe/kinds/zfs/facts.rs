//! The facts of snapshots and pools.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::dated;
use super::tables::{Pools, Snapshot, Snapshots};
use crate::probe::{FactSpec, Facts, Type, Unit, Value};

pub(super) const FACTS: &[FactSpec] = &[
    FactSpec::new(
        "newest_at",
        Type::Time,
        "When the newest snapshot was made; of several datasets, of the one that is furthest behind. Absent where a dataset has none.",
    ),
    FactSpec::number(
        "age_s",
        Unit::Seconds,
        "Time since `newest_at`, by the host's own clock. Negative for a time to come.",
    ),
    dated::NOW,
    FactSpec::new(
        "newest",
        Type::Map(&Type::Text),
        "The name of the newest by dataset.",
    ),
    FactSpec::new(
        "newest_times",
        Type::Map(&Type::Time),
        "When the newest was made, by dataset.",
    ),
    FactSpec::new("oldest_at", Type::Time, "When the oldest of all was made."),
    FactSpec::new(
        "counts",
        Type::Map(&Type::Number),
        "How many there are, by dataset.",
    ),
    FactSpec::number("fewest", Unit::Count, "The smallest of `counts`."),
    FactSpec::number("most", Unit::Count, "The largest of `counts`."),
    FactSpec::number("count", Unit::Count, "How many there are of all datasets."),
    FactSpec::number(
        "too_old",
        Unit::Count,
        "How many are older than `keep` and `leeway` together, by the host's clock; with `keep` only.",
    ),
    FactSpec::number(
        "used_bytes",
        Unit::Bytes,
        "What removing each of them alone would free, added up.",
    ),
    FactSpec::new(
        "missing",
        Type::List(&Type::Text),
        "The datasets, or pools, that do not exist.",
    ),
    FactSpec::new(
        "without",
        Type::List(&Type::Text),
        "The datasets that exist and have no such snapshot.",
    ),
    FactSpec::new(
        "healthy",
        Type::Bool,
        "Every pool is there and ONLINE; with `pools` only, as all that follow.",
    )
    .because(&["troubled", "missing"]),
    FactSpec::new(
        "health",
        Type::Map(&Type::Text),
        "`ONLINE`, `DEGRADED`, … by pool.",
    ),
    FactSpec::new(
        "troubled",
        Type::List(&Type::Text),
        "The pools that `zpool status -x` has something to say about: errors of an ONLINE pool, too.",
    ),
    FactSpec::new(
        "status",
        Type::Text,
        "What it says, 60 lines of it, where it does.",
    ),
    FactSpec::number(
        "capacity_percent",
        Unit::Percent,
        "How full the fullest is. Absent where a pool does not tell.",
    ),
];

#[expect(clippy::cast_precision_loss, reason = "no pool has 2^52 snapshots")]
fn count(number: usize) -> f64 {
    number as f64
}

fn texts(names: impl IntoIterator<Item = String>) -> Value {
    Value::List(names.into_iter().map(Value::Text).collect())
}

pub(super) fn set_snapshots(
    datasets: &[String],
    snapshots: &Snapshots,
    missing: Vec<String>,
    now: Option<i64>,
    most: Option<Duration>,
    facts: &mut Facts,
) {
    let none: &[Snapshot] = &[];
    let of = |dataset: &String| snapshots.0.get(dataset).map_or(none, Vec::as_slice);
    let all = || datasets.iter().flat_map(of);
    let newest: BTreeMap<&String, &Snapshot> = datasets
        .iter()
        .filter_map(|dataset| Some((dataset, of(dataset).last()?)))
        .collect();
    if newest.len() == datasets.len()
        && let Some(behind) = newest.values().map(|snapshot| snapshot.created).min()
    {
        facts.set("newest_at", behind);
        #[expect(
            clippy::cast_precision_loss,
            reason = "ages are far below 2^52 seconds"
        )]
        let age = now
            .and_then(|now| now.checked_sub(behind.as_second()))
            .map(|age| age as f64);
        facts.set_some("age_s", age);
        dated::set_now(now, facts);
    }
    let map = |value: &dyn Fn(&Snapshot) -> Value| {
        let entries = newest.iter();
        let entries = entries.map(|(dataset, newest)| ((*dataset).clone(), value(newest)));
        Value::Map(entries.collect())
    };
    facts.set(
        "newest",
        map(&|snapshot| Value::from(snapshot.name.as_str())),
    );
    facts.set(
        "newest_times",
        map(&|snapshot| Value::Time(snapshot.created)),
    );
    facts.set_some("oldest_at", all().map(|snapshot| snapshot.created).min());
    let counts = || datasets.iter().map(|dataset| of(dataset).len());
    let by_name = datasets.iter().zip(counts());
    let by_name = by_name.map(|(name, number)| (name.clone(), Value::Number(count(number))));
    facts.set("counts", Value::Map(by_name.collect()));
    facts.set_some("fewest", counts().min().map(count));
    facts.set_some("most", counts().max().map(count));
    facts.set("count", count(all().count()));
    if let (Some(most), Some(now)) = (most, now) {
        let is_old = |snapshot: &&Snapshot| {
            now.checked_sub(snapshot.created.as_second())
                .is_some_and(|age| u64::try_from(age).is_ok_and(|age| age > most.as_secs()))
        };
        facts.set("too_old", count(all().filter(is_old).count()));
    }
    let used: Option<u64> = all()
        .map(|snapshot| snapshot.used)
        .try_fold(0u64, |sum, used| sum.checked_add(used?));
    #[expect(
        clippy::cast_precision_loss,
        reason = "no pool has 2^52 bytes to spare"
    )]
    facts.set_some("used_bytes", used.map(|used| used as f64));
    let without = datasets
        .iter()
        .filter(|dataset| of(dataset).is_empty() && !missing.contains(dataset))
        .cloned();
    facts.set("without", texts(without));
    facts.set("missing", texts(missing));
}

pub(super) fn set_pools(wanted: &[String], pools: &Pools, missing: Vec<String>, facts: &mut Facts) {
    let mut missing = missing;
    for name in wanted {
        if !pools.pools.contains_key(name) && !missing.contains(name) {
            missing.push(name.clone());
        }
    }
    let is_online = pools.pools.values().all(|pool| pool.health == "ONLINE");
    facts.set("healthy", is_online && missing.is_empty());
    let health = pools.pools.iter();
    let health = health.map(|(name, pool)| (name.clone(), Value::from(pool.health.as_str())));
    facts.set("health", Value::Map(health.collect()));
    facts.set("troubled", texts(pools.troubled.iter().cloned()));
    facts.set_some("status", pools.status.as_deref());
    let capacities: Option<Vec<f64>> = pools.pools.values().map(|pool| pool.capacity).collect();
    let fullest = capacities.and_then(|all| all.into_iter().reduce(f64::max));
    facts.set_some("capacity_percent", fullest);
    facts.set("missing", texts(missing));
}
