//! The card as JUnit XML, for what collects test results.
//!
//! The format knows passed, failed, in error and skipped. Nothing that is not a
//! pass may read as one, so a warning is a failure of type `WARN` (skipped, with who
//! said so, once somebody has accepted it), a fault or
//! a run that did not end is an error, and what a blocked gate or check holds is
//! skipped: whatever holds it fails in the same document.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::markup::{Element, element};
use super::words;
use crate::scorecard::{CheckCard, Held, PhaseCard, Scorecard, Verdict};

/// A `testsuite` for each phase, a `testcase` for each check; one suite more for
/// the releases, and in a run that could not be completed one that tells why. In
/// UTF-8; times in seconds.
#[must_use]
pub fn junit(card: &Scorecard) -> String {
    let mut suites: Vec<Suite> = card.phases.iter().map(|phase| suite(card, phase)).collect();
    if !card.releases.is_empty() {
        suites.push(releases(card));
    }
    if let Some(why) = &card.failure {
        suites.push(incomplete(card, why));
    }
    let sum = |count: fn(&Suite) -> usize| suites.iter().map(count).sum::<usize>();
    let root = element("testsuites")
        .attr("name", &card.baseline.name)
        .attr("tests", sum(|suite| suite.cases.len()))
        .attr("failures", sum(|suite| suite.failures))
        .attr("errors", sum(|suite| suite.errors))
        .attr("skipped", sum(|suite| suite.skipped))
        .attr("time", seconds(card.elapsed()))
        .attr("timestamp", timestamp(card));
    let root = root.with_all(suites.into_iter().map(|suite| suite.element(card)));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}",
        root.write()
    )
}

struct Suite {
    name: String,
    elapsed: Duration,
    cases: Vec<Element>,
    failures: usize,
    errors: usize,
    skipped: usize,
    properties: Vec<(&'static str, String)>,
}

/// What a verdict is to JUnit.
enum Outcome {
    Passed,
    Failure(&'static str),
    Error(&'static str),
    Skipped,
}

fn outcome(check: &CheckCard) -> Outcome {
    match check.verdict {
        Verdict::Pass => Outcome::Passed,
        Verdict::Warn if check.accepted.is_some() => Outcome::Skipped,
        Verdict::Warn => Outcome::Failure("WARN"),
        Verdict::Blocked if check.fault.is_some() => Outcome::Error("BLOCKED"),
        Verdict::Blocked => Outcome::Failure("BLOCKED"),
        Verdict::Skipped => Outcome::Skipped,
        Verdict::NotEvaluated => match check.held_by {
            Some(Held::Gate(_) | Held::Check(_)) => Outcome::Skipped,
            Some(Held::Deadline | Held::Interrupt) | None => Outcome::Error("NOT EVALUATED"),
        },
    }
}

fn suite(card: &Scorecard, phase: &PhaseCard) -> Suite {
    let mut suite = Suite {
        name: phase.id.clone(),
        elapsed: Duration::from_millis(phase.elapsed_ms),
        cases: Vec::new(),
        failures: 0,
        errors: 0,
        skipped: 0,
        properties: vec![("gate", phase.gate.label().to_owned())],
    };
    let said = [("title", &phase.title), ("held_by", &phase.held_by)];
    for (name, value) in said {
        suite
            .properties
            .extend(value.clone().map(|value| (name, value)));
    }
    for check in &phase.checks {
        let case = case(
            &card.baseline.name,
            &phase.id,
            &name(check),
            check.elapsed_ms,
        );
        let case = match outcome(check) {
            Outcome::Passed => case,
            Outcome::Failure(kind) => {
                suite.failures += 1;
                case.with(problem("failure", kind, card, check))
            }
            Outcome::Error(kind) => {
                suite.errors += 1;
                case.with(problem("error", kind, card, check))
            }
            Outcome::Skipped => {
                suite.skipped += 1;
                let named = words::named(check);
                let seen = words::misses(card, check)
                    .into_iter()
                    .map(|miss| format!("saw {}, expected {}", miss.seen, miss.expected));
                let reason = words::reason(card, check).into_iter();
                let why: Vec<String> = reason.chain(named).chain(seen).collect();
                let why = format!("{}: {}", words::label(check), why.join("; "));
                case.with(element("skipped").attr("message", why))
            }
        };
        suite.cases.push(case);
    }
    suite
}

/// A closed release is no failure of its own: what keeps it closed fails beside
/// it, or has only not held for long enough.
fn releases(card: &Scorecard) -> Suite {
    let cases = card.releases.iter().map(|release| {
        let title = release.title.as_deref().unwrap_or("may be let loose");
        let name = format!("{}: {title}", release.id);
        let case = case(&card.baseline.name, "releases", &name, 0.0);
        if release.open {
            case
        } else {
            let why = words::decision(release);
            case.with(element("skipped").attr("message", why))
        }
    });
    let closed = card.releases.iter().filter(|release| !release.open);
    Suite {
        name: "releases".to_owned(),
        elapsed: Duration::ZERO,
        cases: cases.collect(),
        failures: 0,
        errors: 0,
        skipped: closed.count(),
        properties: Vec::new(),
    }
}

/// Without it a run of which the deadline cut off what was left would be green
/// to whoever counts failures.
fn incomplete(card: &Scorecard, why: &str) -> Suite {
    let error = element("error")
        .attr("type", card.result.label())
        .attr("message", why)
        .text("nothing may be concluded from this run");
    let case = case(&card.baseline.name, "run", "the run was completed", 0.0);
    Suite {
        name: "run".to_owned(),
        elapsed: Duration::ZERO,
        cases: vec![case.with(error)],
        failures: 0,
        errors: 1,
        skipped: 0,
        properties: Vec::new(),
    }
}

/// The name has the id, by which results are followed from run to run.
fn name(check: &CheckCard) -> String {
    format!("{}: {}", check.id, check.title)
}

fn case(baseline: &str, phase: &str, name: &str, elapsed_ms: f64) -> Element {
    let elapsed = Duration::try_from_secs_f64(elapsed_ms / 1000.0).unwrap_or_default();
    element("testcase")
        .attr("name", name)
        // Collectors make folders of the part before the last dot.
        .attr("classname", format!("{baseline}.{phase}"))
        .attr("time", seconds(elapsed))
}

fn problem(
    element_name: &'static str,
    kind: &'static str,
    card: &Scorecard,
    check: &CheckCard,
) -> Element {
    let message = words::summary(card, check);
    let told = words::failure(card, check, &TimeZone::UTC);
    let told = told
        .iter()
        .map(|line| format!("{} {}", line.kind.label(), line.text));
    let lines: Vec<String> = words::reason(card, check).into_iter().chain(told).collect();
    let problem = element(element_name)
        .attr("type", kind)
        .attr("message", message);
    lines
        .iter()
        .enumerate()
        .fold(problem, |problem, (place, line)| {
            if place == 0 {
                problem.text(line)
            } else {
                problem.line_end().text(line)
            }
        })
}

impl Suite {
    fn element(self, card: &Scorecard) -> Element {
        let suite = element("testsuite")
            .attr("name", &self.name)
            .attr("tests", self.cases.len())
            .attr("failures", self.failures)
            .attr("errors", self.errors)
            .attr("skipped", self.skipped)
            .attr("time", seconds(self.elapsed))
            .attr("timestamp", timestamp(card));
        let suite = if self.properties.is_empty() {
            suite
        } else {
            let properties = self
                .properties
                .iter()
                .map(|(name, value)| element("property").attr("name", name).attr("value", value));
            suite.with(element("properties").with_all(properties))
        };
        suite.with_all(self.cases)
    }
}

fn seconds(span: Duration) -> String {
    format!("{:.3}", span.as_secs_f64())
}

/// RFC 3339 in UTC, to the second.
fn timestamp(card: &Scorecard) -> String {
    card.started_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests;
