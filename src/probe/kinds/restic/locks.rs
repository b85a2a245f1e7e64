//! The locks in a repository.

use jiff::Timestamp;
use serde::Deserialize;

use super::access::Access;
use super::snapshots::count;
use super::trouble;
use crate::probe::kinds::answer;
use crate::probe::{Context, Facts, Fault, FaultKind, Value};
use crate::transport::command::Values;

#[derive(Debug, Deserialize)]
struct Lock {
    time: Timestamp,
    #[serde(default)]
    exclusive: bool,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    pid: i64,
}

/// As many locks are read; more than that are only counted.
const MOST: usize = 4;

/// Sets the facts on locks: a lock that cannot be read is counted, and then it
/// is not told which is the oldest, and which the newest.
pub(super) async fn look(
    access: &Access,
    context: &Context,
    values: &Values,
    facts: &mut Facts,
) -> Result<(), Fault> {
    let output = access.ask(context, values, &["list", "locks"], &[]).await?;
    let text = answer::stdout(&output);
    let ids: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let is_id = |id: &str| id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(other) = ids.iter().find(|id| !is_id(id)) {
        let start: String = other.chars().take(100).collect();
        return Err(Fault::new(
            FaultKind::Protocol,
            format!("restic lists {start:?}, which is no lock"),
        ));
    }
    let (mut read, mut gone) = (Vec::new(), 0);
    for id in ids.iter().take(MOST) {
        let (status, output) = access
            .look(context, values, &["cat", "lock", id], &[])
            .await?;
        match serde_json::from_slice::<Lock>(&output.stdout) {
            Ok(lock) if status == 0 => read.push(lock),
            _ if status != 0 && is_gone(&trouble::complaints(&output)) => gone += 1,
            _ => {}
        }
    }
    let left = ids.len() - gone;
    facts.set("locks", count(left));
    let holders = read.iter().map(|lock| {
        let exclusive = if lock.exclusive { ", exclusive" } else { "" };
        Value::from(format!(
            "{}@{} process {} since {:.0}{exclusive}",
            lock.username, lock.hostname, lock.pid, lock.time
        ))
    });
    facts.set("lock_holders", Value::List(holders.collect()));
    if read.len() == left {
        let oldest = read.iter().map(|lock| lock.time).min();
        facts.set_some("oldest_lock_at", oldest);
        let newest = read.iter().map(|lock| lock.time).max();
        facts.set_some("newest_lock_at", newest);
    }
    Ok(())
}

/// A lock goes when its owner is done, or renews it under another name.
fn is_gone(complaints: &[String]) -> bool {
    let said = complaints.join("\n").to_lowercase();
    ["no such file", "does not exist", "not found"]
        .iter()
        .any(|part| said.contains(part))
}
