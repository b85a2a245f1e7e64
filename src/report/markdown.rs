//! The card as Markdown, for a logbook. CommonMark with tables.

use jiff::tz::TimeZone;

use super::harmless::harmless;
use super::readable::{count, duration, fact, milliseconds, shortened, time};
use super::words::{self, Kind};
use crate::scorecard::{CheckCard, PhaseCard, Scorecard, Totals};

/// A section with what to fix, every phase and every check. Its heading is of
/// the second level, so that it can be added to a page. What hosts said stands
/// in code spans, where nothing is markup.
#[must_use]
pub fn markdown(card: &Scorecard, zone: &TimeZone) -> String {
    let mut out = format!(
        "## {}: {}\n\n",
        inline(&card.baseline.name),
        card.result.label()
    );
    let about = [
        time(card.started_at, zone),
        duration(card.elapsed()),
        format!("{} {}", card.tool.name, card.tool.version),
    ];
    out += &format!(
        "{}, baseline {}\n\n",
        about.map(|part| inline(&part)).join(", "),
        code(
            card.baseline
                .digest
                .get(..12)
                .unwrap_or(&card.baseline.digest)
        )
    );
    out += &format!("**{}**\n\n", inline(&words::result(card)));
    if card.keep_going {
        out += "Everything was looked at for diagnosis, also behind blocked gates.\n\n";
    }
    if let Some(green) = words::last_green(card, zone) {
        out += &format!("{}\n\n", inline(&green));
    }
    for (place, (phase, check)) in words::to_fix(card).into_iter().enumerate() {
        let label = if place == 0 { "Fix first" } else { "Also fix" };
        out += &format!(
            "### {label}: {}\n\n{}\n\n",
            inline(words::name(card, &check.id)),
            inline(words::title(card, check))
        );
        let holds = words::holds(card, check).map(|holds| format!("; {holds}"));
        out += &format!(
            "- blocks {}{}\n",
            inline(&phase.id),
            inline(&holds.unwrap_or_default())
        );
        out += &failure(card, check, "", zone);
        out += "\n";
    }
    out += &releases(card);
    out += "### Phases\n\n";
    out += &totals(card);
    for phase in &card.phases {
        out += "\n";
        out += &one_phase(card, phase, zone);
    }
    let notes = words::waivers(card);
    if !notes.is_empty() {
        out += "\n### Waivers\n\n";
    }
    for note in notes {
        out += &format!("- {}\n", inline(&note));
    }
    out
}

fn totals(card: &Scorecard) -> String {
    let mut table =
        "| phase | gate | pass | warn | accepted | blocked | not evaluated | skipped | time |\n\
                     |---|---|--:|--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
    for phase in &card.phases {
        let elapsed = duration(std::time::Duration::from_millis(phase.elapsed_ms));
        let gate = phase.gate.label();
        table += &row(&phase.id, gate, &Totals::of(&phase.checks), &elapsed);
    }
    let elapsed = duration(card.elapsed());
    table + &row("all", card.result.label(), &card.totals, &elapsed)
}

fn row(name: &str, gate: &str, totals: &Totals, elapsed: &str) -> String {
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {elapsed} |\n",
        inline(name),
        inline(gate),
        totals.pass,
        totals.warn,
        totals.accepted,
        totals.blocked,
        totals.not_evaluated,
        totals.skipped
    )
}

fn one_phase(card: &Scorecard, phase: &PhaseCard, zone: &TimeZone) -> String {
    let mut out = format!("#### {}: {}\n\n", inline(&phase.id), phase.gate.label());
    let mut about: Vec<String> = phase.title.iter().map(|title| inline(title)).collect();
    if !phase.needs.is_empty() {
        let needs: Vec<String> = phase.needs.iter().map(|need| inline(need)).collect();
        about.push(format!("needs {}", needs.join(", ")));
    }
    if let Some(gate) = &phase.held_by {
        about.push(format!("held by {}", inline(gate)));
    }
    if !about.is_empty() {
        out += &format!("{}\n\n", about.join("; "));
    }
    for check in &phase.checks {
        out += &one_check(card, check, zone);
    }
    out
}

fn one_check(card: &Scorecard, check: &CheckCard, zone: &TimeZone) -> String {
    let mut out = format!(
        "- {} **{}** {}",
        words::label(check),
        inline(&check.id),
        inline(&check.title)
    );
    if check.attempts > 0 {
        out += &format!(" ({}", milliseconds(check.elapsed_ms));
        if check.attempts > 1 {
            out += &format!(", {}", count(check.attempts as usize, "attempt"));
        }
        out += ")";
    }
    out += "\n";
    if let Some(reason) = words::reason(card, check) {
        out += &format!("  - {}\n", inline(&reason));
    }
    if check.cause.is_none() {
        out += &failure(card, check, "  ", zone);
    }
    if let Some(course) = words::course(check) {
        out += &format!("  - {}\n", inline(&course));
    }
    let facts: Vec<String> = check
        .facts
        .iter()
        .map(|(name, value)| format!("{name}={}", shortened(&fact(name, value, zone))))
        .collect();
    if !facts.is_empty() {
        out += &format!("  - {}\n", code(&facts.join(", ")));
    }
    out
}

/// What is told of a check that failed; nothing of another.
fn failure(card: &Scorecard, check: &CheckCard, indent: &str, zone: &TimeZone) -> String {
    let mut out = String::new();
    for line in words::failure(card, check, zone) {
        let text = match line.kind {
            Kind::Runbook => link(&line.text),
            kind if kind.is_quoted() => code(&line.text),
            _ => inline(&line.text),
        };
        out += &match line.kind {
            Kind::LogLine => format!("{indent}  - {text}\n"),
            Kind::Failure | Kind::Also | Kind::Next => {
                format!("{indent}- {}: {text}\n", line.kind.label())
            }
            kind => format!("{indent}- {} {text}\n", kind.label()),
        };
    }
    out
}

/// What may be let loose, and what keeps the rest back; nothing where the
/// baseline has no releases.
fn releases(card: &Scorecard) -> String {
    let mut out = String::new();
    if !card.releases.is_empty() {
        out += "### Releases\n\n";
    }
    for release in &card.releases {
        let line = format!(
            "- {} **{}** {}",
            words::release(release),
            inline(&release.id),
            inline(release.title.as_deref().unwrap_or_default())
        );
        out += line.trim_end();
        out += "\n";
        for reason in &release.reasons {
            out += &format!("  - {}\n", inline(&words::closed_by(reason)));
        }
        if let Some(runbook) = &release.runbook {
            out += &format!("  - runbook {}\n", link(runbook));
        }
    }
    if !out.is_empty() {
        out += "\n";
    }
    out
}

/// Text that no parser takes for markup. Any ASCII punctuation may be escaped;
/// what is not escaped here means nothing within a line.
fn inline(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in harmless(text).chars() {
        let means_nothing = matches!(
            c,
            ',' | '.' | ';' | ':' | '/' | '(' | ')' | '-' | '+' | '=' | '?' | '%' | '\'' | '"'
        );
        if c.is_ascii_punctuation() && !means_nothing {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Text in a code span: its fence is longer than any run of backticks in it.
fn code(text: &str) -> String {
    let text = harmless(text);
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    // A parser takes one space off both ends, if both are there.
    let needs_space = text.is_empty() || text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    if needs_space {
        format!("{fence} {text} {fence}")
    } else {
        format!("{fence}{text}{fence}")
    }
}

/// An address as a link, anything else as text.
fn link(text: &str) -> String {
    let is_address = (text.starts_with("https://") || text.starts_with("http://"))
        && text
            .chars()
            .all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>'));
    if is_address {
        format!("<{text}>")
    } else {
        inline(text)
    }
}

#[cfg(test)]
mod tests;
