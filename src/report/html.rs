//! The card as one HTML page: no script, nothing that is fetched, and a policy
//! of its own that forbids both. Its markup comes from [`element`] alone.

mod graph;

use std::time::Duration;

use jiff::tz::TimeZone;

use super::markup::{Element, element};
use super::readable::{count, duration, fact, milliseconds, shortened, time};
use super::words::{self, Kind};
use crate::scorecard::{
    CheckCard, Gate, PhaseCard, ReleaseCard, RunResult, Scorecard, Totals, Verdict,
};

/// One page: the result, what to fix, the phases as a drawing, and every check.
/// Also well-formed as XML. Times are shown in `zone`.
#[must_use]
pub fn html(card: &Scorecard, zone: &TimeZone) -> String {
    let heading = format!("{}: {}", card.baseline.name, card.result.label());
    let head = element("head")
        .with(element("meta").attr("charset", "utf-8"))
        .with(
            element("meta")
                .attr("name", "viewport")
                .attr("content", "width=device-width, initial-scale=1"),
        )
        .with(
            element("meta")
                .attr("http-equiv", "Content-Security-Policy")
                .attr("content", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"),
        )
        .with(
            element("meta")
                .attr("name", "description")
                .attr("content", words::result(card)),
        )
        .with(element("title").text(&heading))
        .with(element("style").stylesheet(include_str!("html/page.css")));
    let fix = words::to_fix(card);
    let mut main = element("main").with(header(card, zone)).with_all(
        fix.iter()
            .enumerate()
            .map(|(place, (phase, check))| to_fix(card, phase, check, place == 0, zone)),
    );
    if !card.releases.is_empty() {
        main = main
            .with(element("h2").text("Releases"))
            .with_all(card.releases.iter().map(release));
    }
    if !card.phases.is_empty() {
        main = main
            .with(element("h2").text("Phases"))
            .with(graph::graph(card));
    }
    let sections = card
        .phases
        .iter()
        .enumerate()
        .map(|(place, one)| phase(card, place, one, &fix, zone));
    let mut main = main.with_all(sections);
    let notes = words::waivers(card);
    if !notes.is_empty() {
        let notes = notes.iter().map(|note| element("li").text(note));
        main = main.with(
            element("section")
                .with(element("h2").text("Waivers"))
                .with(element("ul").with_all(notes)),
        );
    }
    let page = element("html")
        .attr("lang", "en")
        .with(head)
        .with(element("body").with(main));
    format!("<!DOCTYPE html>\n{}", page.write())
}

fn header(card: &Scorecard, zone: &TimeZone) -> Element {
    let totals = &card.totals;
    let of = |verdict: Verdict| (words::verdict(verdict), verdict_class(verdict));
    let counts = [
        (of(Verdict::Pass), totals.pass),
        (of(Verdict::Warn), totals.warn),
        (("ACCEPTED", ACCEPTED), totals.accepted),
        (of(Verdict::Blocked), totals.blocked),
        (of(Verdict::NotEvaluated), totals.not_evaluated),
        (of(Verdict::Skipped), totals.skipped),
    ];
    let counts = counts.into_iter().map(|((label, class), number)| {
        element("li")
            .with(element("b").text(number.to_string()))
            .with(word(label, class))
    });
    let about = format!(
        "{} · {} in {} · {} {} · {} · baseline {}",
        time(card.started_at, zone),
        count(totals.all(), "check"),
        duration(card.elapsed()),
        card.tool.name,
        card.tool.version,
        words::manner(card),
        card.baseline.digest.get(..12).unwrap_or_default()
    );
    let mut header = element("header")
        .with(element("h1").text(&card.baseline.name))
        .with(element("p").attr("class", "quiet").text(about))
        .with(
            element("p")
                .attr("class", format!("result {}", result_class(card.result)))
                .text(format!("Result: {}", words::result(card))),
        )
        .with(element("ul").attr("class", "totals").with_all(counts));
    if let Some(green) = words::last_green(card, zone) {
        header = header.with(element("p").text(green));
    }
    if card.keep_going {
        header = header.with(
            element("p").text("Everything was looked at for diagnosis, also behind blocked gates."),
        );
    }
    header
}

fn to_fix(
    card: &Scorecard,
    phase: &PhaseCard,
    check: &CheckCard,
    first: bool,
    zone: &TimeZone,
) -> Element {
    let label = if first { "FIX FIRST" } else { "ALSO FIX" };
    let blocks = match words::holds(card, check) {
        Some(holds) => format!("{}; {holds}", phase.id),
        None => phase.id.clone(),
    };
    element("article")
        .attr("class", "fix")
        .with(word(label, "blocked"))
        .with(element("h3").text(words::name(card, &check.id)))
        .with(element("p").text(words::title(card, check)))
        .with(
            element("dl")
                .with_all(entry("blocks", said(blocks)))
                .with_all(failure(card, check, zone)),
        )
}

/// What may be let loose, or everything that keeps it back.
fn release(release: &ReleaseCard) -> Element {
    let class = if release.open { "green" } else { "blocked" };
    let title = release.title.as_deref().unwrap_or_default();
    let mut entries: Vec<Element> = Vec::new();
    for (place, reason) in release.reasons.iter().enumerate() {
        if place == 0 {
            entries.push(element("dt").text("closed by"));
        }
        entries.push(said(words::closed_by(reason)));
    }
    if let Some(runbook) = &release.runbook {
        let value = element("dd").with(reference(runbook));
        entries.extend(entry(Kind::Runbook.label(), value));
    }
    let head = element("p")
        .with(word(words::release(release), class))
        .text(" ")
        .with(element("b").text(&release.id))
        .text(" ")
        .text(title);
    let block = element("div").attr("class", "release").with(head);
    if entries.is_empty() {
        block
    } else {
        block.with(element("dl").with_all(entries))
    }
}

fn phase(
    card: &Scorecard,
    place: usize,
    phase: &PhaseCard,
    fix: &[(&PhaseCard, &CheckCard)],
    zone: &TimeZone,
) -> Element {
    // Those at the top of the page need not be unfolded again.
    let is_shown = |check: &CheckCard| fix.iter().any(|(_, shown)| shown.id == check.id);
    let totals = Totals::of(&phase.checks);
    let mut about: Vec<String> = phase.title.iter().cloned().collect();
    if !phase.needs.is_empty() {
        about.push(format!("needs {}", phase.needs.join(", ")));
    }
    if let Some(gate) = &phase.held_by {
        about.push(format!("held by {gate}"));
    }
    about.push(summary(&totals));
    if phase.elapsed_ms > 0 {
        about.push(duration(Duration::from_millis(phase.elapsed_ms)));
    }
    element("section")
        .attr("id", anchor(place))
        .with(
            element("h2")
                .text(&phase.id)
                .text(" ")
                .with(word(phase.gate.label(), gate_class(phase.gate))),
        )
        .with(element("p").attr("class", "quiet").text(about.join(" · ")))
        .with_all(
            phase
                .checks
                .iter()
                .map(|check| one_check(card, check, is_shown(check), zone)),
        )
}

/// `3 pass, 1 blocked`: what there is none of is left out.
fn summary(totals: &Totals) -> String {
    let counts: Vec<String> = [
        ("pass", totals.pass),
        ("warn", totals.warn),
        ("accepted", totals.accepted),
        ("blocked", totals.blocked),
        ("not evaluated", totals.not_evaluated),
        ("skipped", totals.skipped),
    ]
    .into_iter()
    .filter(|(_, number)| *number > 0)
    .map(|(name, number)| format!("{number} {name}"))
    .collect();
    counts.join(", ")
}

fn one_check(card: &Scorecard, check: &CheckCard, is_shown: bool, zone: &TimeZone) -> Element {
    let class = if check.accepted.is_some() {
        ACCEPTED
    } else {
        verdict_class(check.verdict)
    };
    let open = match check.verdict {
        Verdict::Warn if check.accepted.is_some() => false,
        Verdict::Warn | Verdict::Blocked => check.cause.is_none() && !is_shown,
        Verdict::NotEvaluated => check.unfinished,
        Verdict::Pass | Verdict::Skipped => false,
    };
    let summary = element("summary")
        .with(word(words::label(check), class))
        .text(" ")
        .with(element("span").attr("class", "id").text(&check.id))
        .text(" ")
        .text(&check.title);
    let mut list = element("dl");
    if let Some(reason) = words::reason(card, check) {
        list = list.with_all(entry("why", said(reason)));
    }
    list = match check.verdict {
        Verdict::Warn | Verdict::Blocked => list.with_all(failure(card, check, zone)),
        Verdict::Pass | Verdict::NotEvaluated | Verdict::Skipped => {
            list.with_all(entry("asks for", said(&check.goal)))
        }
    };
    if check.attempts > 0 {
        let tried = format!(
            "{}, {}",
            milliseconds(check.elapsed_ms),
            count(check.attempts as usize, "attempt")
        );
        list = list.with_all(entry("took", said(tried)));
    }
    if let Some(course) = words::course(check) {
        list = list.with_all(entry("over time", said(course)));
    }
    let facts: Vec<Element> = check
        .facts
        .iter()
        .map(|(name, value)| format!("{name} = {}", shortened(&fact(name, value, zone))))
        .map(|fact| element("code").text(fact))
        .collect();
    if !facts.is_empty() {
        let facts = element("dd").attr("class", "facts").with_all(facts);
        list = list.with_all(entry("facts", facts));
    }
    list = list.with_all(entry("kind", said(&check.kind)));
    let details = element("details");
    let details = if open {
        details.attr("open", "open")
    } else {
        details
    };
    details.with(summary).with(list)
}

/// What is told of a check that failed; nothing of another.
fn failure(card: &Scorecard, check: &CheckCard, zone: &TimeZone) -> Vec<Element> {
    let mut entries = Vec::new();
    for line in words::failure(card, check, zone) {
        let value = match line.kind {
            Kind::Runbook => element("dd").with(reference(&line.text)),
            kind if kind.is_quoted() => element("dd").with(element("code").text(&line.text)),
            _ => said(&line.text),
        };
        if line.kind != Kind::LogLine {
            entries.push(element("dt").text(line.kind.label()));
        }
        entries.push(value);
    }
    entries
}

/// An address as a link, which nothing follows by itself; anything else as text.
fn reference(text: &str) -> Element {
    if text.starts_with("https://") || text.starts_with("http://") {
        element("a")
            .attr("href", text)
            .attr("rel", "noreferrer noopener")
            .text(text)
    } else {
        element("span").text(text)
    }
}

fn entry(name: &str, value: Element) -> [Element; 2] {
    [element("dt").text(name), value]
}

fn said(text: impl AsRef<str>) -> Element {
    element("dd").text(text)
}

fn word(label: &str, class: &str) -> Element {
    element("span")
        .attr("class", format!("word {class}"))
        .text(label)
}

/// What a phase's section is called in links: an id of a baseline need not be
/// one of HTML.
fn anchor(place: usize) -> String {
    format!("phase-{}", place + 1)
}

/// The class of a warning that somebody has accepted.
const ACCEPTED: &str = "accepted";

fn verdict_class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Warn => "warn",
        Verdict::Blocked => "blocked",
        Verdict::NotEvaluated => "not_evaluated",
        Verdict::Skipped => "skipped",
    }
}

fn gate_class(gate: Gate) -> &'static str {
    match gate {
        Gate::Green => "green",
        Gate::Warn => "warn",
        Gate::Blocked => "blocked",
        Gate::NotEvaluated => "not_evaluated",
        Gate::Skipped => "skipped",
    }
}

fn result_class(result: RunResult) -> &'static str {
    match result {
        RunResult::Green => "green",
        RunResult::Degraded => "degraded",
        RunResult::Blocked => "blocked",
        RunResult::CheckFailed => "check_failed",
    }
}

#[cfg(test)]
mod tests;
