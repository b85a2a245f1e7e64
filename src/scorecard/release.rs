//! Whether what waits for green gates may be let loose.

use std::time::Duration;

use jiff::SignedDuration;

use super::event::PlannedRun;
use super::gate::Gate;
use super::model::{About, CheckCard, Held, PhaseCard, Reason, ReleaseCard};
use crate::judge::{Finding, Verdict, duration_words as words};

/// Decides on every release. One is open only if all that it waits for was
/// seen to hold in this run; `unproven` is why a run proves nothing of what it saw.
pub(super) fn decide(
    planned: &PlannedRun,
    phases: &[PhaseCard],
    checks: &[CheckCard],
    unproven: Option<&str>,
) -> Vec<ReleaseCard> {
    let mut decided: Vec<ReleaseCard> = Vec::new();
    for release in &planned.releases {
        let mut reasons = Vec::new();
        if let Some(unproven) = unproven {
            reasons.push(Reason {
                about: About::Run,
                id: None,
                why: unproven.to_owned(),
            });
        }
        reasons.extend(release.needs.iter().filter_map(|&need| shut(&phases[need])));
        reasons.extend(
            release
                .require
                .iter()
                .filter_map(|condition| unmet(&checks[condition.check], condition.stable_for)),
        );
        for before in release.after.iter().map(|&place| &decided[place]) {
            if !before.open {
                reasons.push(Reason {
                    about: About::Release,
                    id: Some(before.id.clone()),
                    why: "is closed".to_owned(),
                });
            }
        }
        decided.push(ReleaseCard {
            id: release.id.clone(),
            title: release.title.clone(),
            open: reasons.is_empty(),
            reasons,
            runbook: release.runbook.clone(),
        });
    }
    decided
}

/// Why a gate does not release: only GREEN does.
fn shut(phase: &PhaseCard) -> Option<Reason> {
    let named = |verdict: Verdict| {
        let checks = phase.checks.iter().filter(|check| check.verdict == verdict);
        checks.map(|check| check.id.as_str()).collect::<Vec<_>>()
    };
    let left_out = named(Verdict::Skipped);
    let why = match phase.gate {
        // A gate is green without what was left out of it; a release is not open.
        Gate::Green if !left_out.is_empty() => {
            format!(
                "was not looked at in full: {} left out",
                left_out.join(", ")
            )
        }
        Gate::Green => return None,
        Gate::Warn => warns(phase),
        Gate::Blocked => format!("is BLOCKED: {}", named(Verdict::Blocked).join(", ")),
        Gate::NotEvaluated => match &phase.held_by {
            Some(gate) => format!("was not evaluated: held by {gate}"),
            None => "was not evaluated".to_owned(),
        },
        Gate::Skipped => "was left out".to_owned(),
    };
    Some(Reason {
        about: About::Gate,
        id: Some(phase.id.clone()),
        why,
    })
}

/// The warnings that nobody has accepted.
fn warns(phase: &PhaseCard) -> String {
    let counting = |check: &&CheckCard| check.verdict == Verdict::Warn && check.accepted.is_none();
    let checks = phase.checks.iter().filter(counting);
    let checks: Vec<&str> = checks.map(|check| check.id.as_str()).collect();
    format!("is WARN: {}", checks.join(", "))
}

/// Why a check does not release: only PASS does, when it is known to have passed
/// for as long as is asked, and a warning that is accepted.
fn unmet(check: &CheckCard, stable_for: Option<Duration>) -> Option<Reason> {
    let why = match check.verdict {
        Verdict::Pass => too_young(check, stable_for?)?,
        Verdict::Warn if check.accepted.is_some() => return None,
        Verdict::Warn => format!("is WARN{}", told(check)),
        Verdict::Blocked => format!("is BLOCKED{}", told(check)),
        Verdict::NotEvaluated => match &check.held_by {
            Some(Held::Gate(by) | Held::Check(by)) => format!("was not evaluated: held by {by}"),
            Some(Held::Deadline | Held::Interrupt) | None => "was not evaluated".to_owned(),
        },
        Verdict::Skipped => "was left out".to_owned(),
    };
    Some(Reason {
        about: About::Check,
        id: Some(check.id.clone()),
        why,
    })
}

/// Why a check that passes has not passed for long enough.
fn too_young(check: &CheckCard, asked: Duration) -> Option<String> {
    let held = check.course.as_ref().and_then(|course| course.held_s);
    let held = held.and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok());
    let asked = SignedDuration::try_from(asked).unwrap_or(SignedDuration::MAX);
    match held {
        Some(held) if held >= asked => None,
        Some(held) => {
            // Rounded down: what is still short must not read "15m of 15m".
            let held = words(SignedDuration::from_secs(held.as_secs()));
            Some(format!("is known to hold for {held} of {}", words(asked)))
        }
        None => Some(format!(
            "has to have held for {}, and it cannot be told for how long it has",
            words(asked)
        )),
    }
}

/// What its first failed expectation has to say.
fn told(check: &CheckCard) -> String {
    let failed = |finding: &&Finding| finding.held != Some(true);
    match check.findings.iter().find(failed) {
        Some(finding) => format!(": expected {}, saw {}", finding.expected, finding.seen),
        None => String::new(),
    }
}
