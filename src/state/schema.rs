//! The tables. `docs/state.md` tells what each is for.

/// Marks the file as ours: `clds`.
pub(super) const APPLICATION: i64 = 0x636c_6473;

/// Raised when a table changes. A file of a higher version is left alone.
pub(super) const VERSION: i64 = 1;

/// Moments are microseconds since 1970. Rows of checks and hosts are keyed by
/// the baseline's name: ids mean nothing outside of it.
pub(super) const TABLES: &str = "
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    baseline TEXT NOT NULL,
    digest TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    result TEXT NOT NULL,
    failure TEXT,
    whole INTEGER NOT NULL,
    pass INTEGER NOT NULL,
    warn INTEGER NOT NULL,
    blocked INTEGER NOT NULL,
    not_evaluated INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    first_phase TEXT,
    first_check TEXT,
    card TEXT NOT NULL
) STRICT;
CREATE INDEX runs_of_baseline ON runs (baseline, id);

CREATE TABLE streaks (
    baseline TEXT NOT NULL,
    check_id TEXT NOT NULL,
    definition TEXT NOT NULL,
    verdict TEXT NOT NULL,
    since INTEGER NOT NULL,
    last INTEGER NOT NULL,
    looks INTEGER NOT NULL,
    boot TEXT,
    PRIMARY KEY (baseline, check_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE samples (
    baseline TEXT NOT NULL,
    check_id TEXT NOT NULL,
    fact TEXT NOT NULL,
    at INTEGER NOT NULL,
    value REAL NOT NULL,
    definition TEXT NOT NULL,
    boot TEXT,
    PRIMARY KEY (baseline, check_id, fact, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE greens (
    baseline TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE green_boots (
    baseline TEXT NOT NULL,
    host TEXT NOT NULL,
    boot TEXT NOT NULL,
    PRIMARY KEY (baseline, host)
) STRICT, WITHOUT ROWID;

CREATE TABLE boots (
    baseline TEXT NOT NULL,
    host TEXT NOT NULL,
    boot TEXT NOT NULL,
    booted_at INTEGER,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    PRIMARY KEY (baseline, host, boot)
) STRICT, WITHOUT ROWID;

CREATE TABLE durations (
    baseline TEXT NOT NULL,
    phase TEXT NOT NULL,
    run INTEGER NOT NULL,
    elapsed_ms INTEGER NOT NULL,
    PRIMARY KEY (baseline, phase, run)
) STRICT, WITHOUT ROWID;

CREATE TABLE waivers (
    baseline TEXT NOT NULL,
    check_id TEXT NOT NULL,
    waiver TEXT NOT NULL,
    first_used INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    PRIMARY KEY (baseline, check_id, waiver)
) STRICT, WITHOUT ROWID;
";
