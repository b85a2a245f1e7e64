//! The card for a job of GitHub Actions or of what speaks its language:
//! annotations for the log, and the step summary, which is Markdown.

use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use super::harmless::harmless;
use super::json::json;
use super::words::{self, Kind};
use crate::scorecard::{CheckCard, RunResult, Scorecard, Verdict};

/// A workflow command for each check that warns or is blocked, what to fix
/// first at the top: only the first ten of a step are shown. One command
/// tells the result and what may be let loose, and one what is to be said of
/// waivers.
#[must_use]
pub fn annotations(card: &Scorecard) -> String {
    let mut result = vec![words::result(card)];
    let decisions = card.releases.iter().map(words::decision);
    result.extend(decisions.map(|decision| format!("release {decision}")));
    let mut out = command(
        match card.result {
            RunResult::Green => "notice",
            RunResult::Degraded => "warning",
            RunResult::Blocked | RunResult::CheckFailed => "error",
        },
        &format!("coldstart {}", card.baseline.name),
        &result,
    );
    let first: Vec<&CheckCard> = words::to_fix(card)
        .into_iter()
        .map(|(_, check)| check)
        .collect();
    for check in &first {
        out.push_str(&annotation(card, check));
    }
    for check in card.checks() {
        if !first.iter().any(|shown| shown.id == check.id) {
            out.push_str(&annotation(card, check));
        }
    }
    let notes = words::waivers(card);
    if !notes.is_empty() {
        out.push_str(&command("notice", "Waivers", &notes));
    }
    out
}

fn annotation(card: &Scorecard, check: &CheckCard) -> String {
    let level = match check.verdict {
        Verdict::Blocked => "error",
        Verdict::Warn if check.accepted.is_some() => "notice",
        Verdict::Warn => "warning",
        // The summary has them all.
        Verdict::Pass | Verdict::NotEvaluated | Verdict::Skipped => return String::new(),
    };
    let mut lines = vec![words::title(card, check).to_owned()];
    let told = check.cause.is_some() || check.accepted.is_some();
    lines.extend(words::reason(card, check).filter(|_| told));
    // What a look into it showed is in the summary.
    let told = words::failure(card, check, &TimeZone::UTC);
    let told = told.iter().filter(|line| match line.kind {
        Kind::Evidence | Kind::LogLine | Kind::Complaint(_) => false,
        Kind::Failure
        | Kind::Matched
        | Kind::Also
        | Kind::Saw
        | Kind::Expected
        | Kind::Next
        | Kind::Runbook
        | Kind::Tier => true,
    });
    lines.extend(told.map(|line| format!("{} {}", line.kind.label(), line.text)));
    let name = words::name(card, &check.id);
    let title = format!("{} {name}", words::label(check));
    command(level, &title, &lines)
}

/// `::level title=…::message`, escaped as the runner takes it back.
fn command(level: &str, title: &str, lines: &[String]) -> String {
    let title = data(&harmless(title))
        .replace(':', "%3A")
        .replace(',', "%2C");
    let lines: Vec<String> = lines.iter().map(|line| data(&harmless(line))).collect();
    format!("::{level} title={title}::{}\n", lines.join("%0A"))
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// `text` between commands that keep the runner from looking for commands in
/// it: a wrapped line may begin with what a host said, and the runner skips the
/// spaces before it. The token that ends this is a digest of `card`, which
/// nothing that is in the card can hold.
#[must_use]
pub fn guarded(card: &Scorecard, text: &str) -> String {
    let mut token = String::from("coldstart-");
    for byte in Sha256::digest(json(card).as_bytes()) {
        token.push_str(&format!("{byte:02x}"));
    }
    format!("::stop-commands::{token}\n{text}::{token}::\n")
}

#[cfg(test)]
mod tests;
