//! `stable_for`, `trend` and `fresh`, typed, and what tells one check from another that
//! has the same id.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::fresh::fresh;
use super::select::base;
use super::words::Words;
use crate::baseline::{self, Diagnostic, Diagnostics, Located, Node, Sources};
use crate::judge::{Direction, Expectation, OverTime, Trend};
use crate::probe::{Host, KindEntry, Target};

/// What `source` expects of time.
pub(super) fn over_time(
    kind: &KindEntry,
    source: &baseline::Check,
    released_after: Option<Duration>,
    (words, host): (&Words<'_>, Option<&Host>),
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> OverTime {
    let trend = source.trend.as_ref().and_then(|trend| {
        let direction = direction(trend, diagnostics);
        let fact = words.text(&trend.fact, host, diagnostics)?;
        let fact = Located::new(fact, trend.fact.at.clone());
        match Trend::compile(&fact, kind.facts, direction?, trend.samples) {
            Ok(trend) => Some(trend),
            Err(error) => {
                let at = sources.narrow(&fact, error.span.clone());
                let diagnostic = Diagnostic::error("bad-trend", error.message.clone(), at);
                diagnostics.push(match &error.suggestion {
                    Some(suggestion) => diagnostic.suggestion(suggestion.clone()),
                    None => diagnostic
                        .suggestion(format!("name a number among the facts of `{}`", kind.name)),
                });
                None
            }
        }
    });
    let place = (words, host);
    let recent = source.fresh.as_ref();
    OverTime {
        stable_for: source.stable_for,
        released_after,
        trend,
        fresh: recent.and_then(|rule| fresh(kind, rule, place, sources, diagnostics)),
    }
}

/// The shortest time that a release asks the check of that id to have held.
pub(super) fn released_after(releases: &[baseline::Release], id: &str) -> Option<Duration> {
    releases
        .iter()
        .flat_map(|release| &release.require)
        .filter(|condition| condition.check.value == id || condition.check.value == base(id))
        .filter_map(|condition| condition.stable_for)
        .min()
}

fn direction(trend: &baseline::Trend, diagnostics: &mut Diagnostics) -> Option<Direction> {
    let (message, suggestion) = match (trend.not_increasing, trend.not_decreasing) {
        (true, false) => return Some(Direction::NotIncreasing),
        (false, true) => return Some(Direction::NotDecreasing),
        (false, false) => (
            "this trend does not say which way its number must not go",
            "add `not_increasing: true` or `not_decreasing: true`",
        ),
        (true, true) => (
            "a number that may go neither way never changes",
            "keep one of `not_increasing` and `not_decreasing`; for a fixed number write a `prefer`",
        ),
    };
    diagnostics
        .push(Diagnostic::error("bad-trend", message, trend.at.clone()).suggestion(suggestion));
    None
}

/// Digits that change with whatever decides what a check sees and whether it
/// passes. Its id, texts, timeouts and retries do not count.
pub(super) fn definition(
    kind: &str,
    options: &Node,
    target: &Target,
    expectations: &[Expectation],
    over_time: &OverTime,
) -> String {
    let mut hash = Sha256::new();
    // Each part with its length before it, so that no two lists look the same.
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    part(kind);
    part(&options.to_json().to_string());
    for host in [&target.host, &target.via] {
        way(host.as_deref(), &mut part);
    }
    for host in &target.also {
        way(Some(host), &mut part);
    }
    for expectation in expectations {
        part(&format!("{:?}", expectation.level));
        part(&expectation.source);
    }
    part(&format!("{:?}", over_time.stable_for));
    // Looks that were joined over a longer gap say less than they did.
    part(&format!("{:?}", over_time.longest_gap()));
    if let Some(trend) = &over_time.trend {
        part(&format!("{:?}", trend.direction));
        part(&trend.source);
    }
    if let Some(fresh) = &over_time.fresh {
        part(&fresh.statement());
    }
    digits(hash)
}

/// The digits of a check that also depends on what `text` tells.
pub(super) fn extended(definition: &str, text: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(definition);
    hash.update(text);
    digits(hash)
}

fn digits(hash: Sha256) -> String {
    hash.finalize()
        .iter()
        .take(8)
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A host and the hosts on the way to it.
fn way(host: Option<&Host>, part: &mut impl FnMut(&str)) {
    let Some(host) = host else {
        part("");
        return;
    };
    part(&host.id);
    part(&host.address);
    part(host.ssh.user.as_deref().unwrap_or_default());
    part(
        &host
            .ssh
            .port
            .map(|port| port.to_string())
            .unwrap_or_default(),
    );
    way(host.ssh.jump.as_deref(), part);
}

#[cfg(test)]
mod tests;
