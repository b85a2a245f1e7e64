//! `fresh`, typed, with its schedule read.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::words::Words;
use crate::baseline::{self, Diagnostic, Diagnostics, Located, Sources};
use crate::judge::{Fresh, FreshRule, Schedule, duration_words, zone};
use crate::probe::{Host, KindEntry};

/// After its due time, where the file does not say; of shorter pauses half.
const GRACE: Duration = Duration::from_hours(1);

/// The rule that `source` stands for, where nothing is wrong with it.
pub(super) fn fresh(
    kind: &KindEntry,
    source: &baseline::Fresh,
    (words, host): (&Words<'_>, Option<&Host>),
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Fresh> {
    let rule = rule(source, (words, host), diagnostics);
    let time = words.text(&source.time, host, diagnostics)?;
    let time = Located::new(time, source.time.at.clone());
    // Typed in any case: a schedule's mistake must not hide that of the time.
    let stand_in = FreshRule::Age {
        within: None,
        prefer_within: None,
        zone: TimeZone::UTC,
    };
    let is_whole = rule.is_some();
    match Fresh::compile(&time.value, kind.facts, rule.unwrap_or(stand_in)) {
        Ok(fresh) => is_whole.then_some(fresh),
        Err(error) => {
            let at = sources.narrow(&time, error.span.clone());
            let suggestion = error
                .suggestion
                .unwrap_or_else(|| format!("name a time among the facts of `{}`", kind.name));
            diagnostics
                .push(Diagnostic::error("bad-fresh", error.message, at).suggestion(suggestion));
            None
        }
    }
}

fn rule(
    source: &baseline::Fresh,
    (words, host): (&Words<'_>, Option<&Host>),
    diagnostics: &mut Diagnostics,
) -> Option<FreshRule> {
    if let Some((message, suggestion)) = mixed(source) {
        diagnostics.push(
            Diagnostic::error("bad-fresh", message, source.at.clone()).suggestion(suggestion),
        );
        return None;
    }
    let clock = match &source.zone {
        None => None,
        Some(name) => {
            let text = words.text(name, host, diagnostics)?;
            match zone(&text) {
                Ok(clock) => Some((text, clock)),
                Err(error) => {
                    diagnostics.push(
                        Diagnostic::error("bad-fresh", error.message, name.at.clone())
                            .suggestion(error.suggestion),
                    );
                    return None;
                }
            }
        }
    };
    match (&source.every, clock) {
        (Some(every), Some((name, clock))) => {
            let text = words.text(every, host, diagnostics)?;
            match Schedule::parse(&text, &name, clock) {
                Ok(schedule) => Some(FreshRule::Due {
                    grace: grace(source, &schedule, diagnostics)?,
                    schedule: Box::new(schedule),
                }),
                Err(error) => {
                    diagnostics.push(
                        Diagnostic::error("bad-fresh", error.message, every.at.clone())
                            .suggestion(error.suggestion),
                    );
                    None
                }
            }
        }
        (_, clock) => Some(FreshRule::Age {
            within: source.within,
            prefer_within: source.prefer_within,
            zone: clock.map_or(TimeZone::UTC, |(_, clock)| clock),
        }),
    }
}

/// The grace of a run, which must be over before the next one is due: a run that is
/// absent would not be told before the next one makes up for it.
fn grace(
    source: &baseline::Fresh,
    schedule: &Schedule,
    diagnostics: &mut Diagnostics,
) -> Option<Duration> {
    let shortest = schedule.shortest_pause().unsigned_abs();
    let Some(grace) = &source.grace else {
        return Some(GRACE.min(shortest / 2));
    };
    if grace.value < shortest {
        return Some(grace.value);
    }
    let told = |span: Duration| duration_words(SignedDuration::try_from(span).unwrap_or_default());
    diagnostics.push(
        Diagnostic::error(
            "bad-fresh",
            format!(
                "a grace of {} is not shorter than the {} between two runs of `{}`, so a run that \
                 is missed would never be told",
                told(grace.value),
                told(shortest),
                schedule.every
            ),
            grace.at.clone(),
        )
        .suggestion(format!(
            "make it shorter than {}: as long as a run takes at most",
            told(shortest)
        )),
    );
    None
}

/// What does not go together, and what to write instead.
fn mixed(source: &baseline::Fresh) -> Option<(&'static str, &'static str)> {
    let age = source.within.or(source.prefer_within);
    match (&source.every, age) {
        (Some(_), Some(_)) => Some((
            "this asks for an age and for a schedule",
            "keep `within` and `prefer_within`, or `every` with `zone` and `grace`",
        )),
        (None, None) => Some((
            "this does not say when a time is fresh",
            "add `within: 25h` for an age, or `every: \"0 2 * * *\"` with `zone` for a schedule",
        )),
        (Some(_), None) if source.zone.is_none() => Some((
            "a schedule needs the zone of its clock",
            "add `zone: Asia/Taipei`: that of the machine whose cron it is, or `UTC`",
        )),
        (None, Some(_)) if source.grace.is_some() => Some((
            "`grace` is of a schedule, and here is an age",
            "add it to `within`, or write `every` and `zone` instead",
        )),
        (None, Some(_)) if source.within <= source.prefer_within && source.within.is_some() => {
            Some((
                "`prefer_within` is not below `within`, so it can never warn",
                "make it the shorter one, or leave it out",
            ))
        }
        (Some(_), None) | (None, Some(_)) => None,
    }
}
