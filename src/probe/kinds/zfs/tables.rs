//! What `zfs list` and `zpool` print.

use std::collections::BTreeMap;

use jiff::Timestamp;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Snapshot {
    pub(super) name: String,
    pub(super) created: Timestamp,
    /// Nothing where ZFS prints `-`.
    pub(super) used: Option<u64>,
}

/// The snapshots that are wanted, by dataset, the oldest first.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Snapshots(pub(super) BTreeMap<String, Vec<Snapshot>>);

impl Snapshots {
    /// Lines of `name`, `creation` and `used`, with tabs between them. Nothing
    /// when a line is none.
    pub(super) fn read(printed: &str, is_wanted: impl Fn(&str) -> bool) -> Option<Self> {
        let mut all: BTreeMap<String, Vec<Snapshot>> = BTreeMap::new();
        for line in printed.lines().filter(|line| !line.is_empty()) {
            let mut fields = line.split('\t');
            let (dataset, name) = fields.next()?.split_once('@')?;
            let created = fields.next()?.trim().parse().ok()?;
            let created = Timestamp::from_second(created).ok()?;
            let used = fields.next()?.trim().parse().ok();
            if is_wanted(name) {
                all.entry(dataset.to_owned()).or_default().push(Snapshot {
                    name: name.to_owned(),
                    created,
                    used,
                });
            }
        }
        for snapshots in all.values_mut() {
            snapshots.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
        }
        Some(Self(all))
    }
}

/// Pools by name.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Pools {
    pub(super) pools: BTreeMap<String, Pool>,
    /// Those that `zpool status -x` has something to say about.
    pub(super) troubled: Vec<String>,
    /// What it says, where it does.
    pub(super) status: Option<String>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Pool {
    /// `ONLINE`, `DEGRADED`, `FAULTED`, `OFFLINE`, `REMOVED`, `UNAVAIL`, `SUSPENDED`.
    pub(super) health: String,
    /// Nothing for a pool that is not there.
    pub(super) capacity: Option<f64>,
}

/// As much as is shown of what `zpool status` says.
const SHOWN: usize = 60;

impl Pools {
    /// Nothing when a line is no line of the list.
    pub(super) fn read(list: &str, status: &str) -> Option<Self> {
        let mut pools = BTreeMap::new();
        for line in list.lines().filter(|line| !line.is_empty()) {
            let mut fields = line.split('\t');
            let (name, health) = (fields.next()?, fields.next()?.trim());
            if health.is_empty() || !health.bytes().all(|byte| byte.is_ascii_uppercase()) {
                return None;
            }
            // Older ones print a `%` although `-p` asks for none.
            let capacity = fields.next()?.trim().trim_end_matches('%').parse().ok();
            pools.insert(
                name.to_owned(),
                Pool {
                    health: health.to_owned(),
                    capacity,
                },
            );
        }
        let named = |line: &str| line.trim_start().strip_prefix("pool: ").map(str::to_owned);
        let troubled: Vec<String> = status.lines().filter_map(named).collect();
        let lines: Vec<&str> = status.lines().take(SHOWN).collect();
        let status = (!troubled.is_empty()).then(|| lines.join("\n"));
        Some(Self {
            pools,
            troubled,
            status,
        })
    }
}

/// The names that there is nothing of: `cannot open 'ssd': dataset does not exist`.
/// Nothing when something else is complained of as well.
pub(super) fn missing(complaints: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for line in complaints.lines().filter(|line| !line.trim().is_empty()) {
        let (_, rest) = line.split_once("cannot open '")?;
        let (name, why) = rest.split_once('\'')?;
        let absent = ["dataset does not exist", "no such pool"];
        if !absent.iter().any(|words| why.contains(words)) {
            return None;
        }
        names.push(name.to_owned());
    }
    (!names.is_empty()).then_some(names)
}

pub(super) fn is_denied(complaints: &str) -> bool {
    ["ermission denied", "must be run as root"]
        .iter()
        .any(|words| complaints.contains(words))
}
