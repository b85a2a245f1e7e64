//! The card as a monitoring plugin prints it: a status line with performance
//! data, then a line for each check and release. The program's exit codes are those of
//! plugins already: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.

use std::time::Duration;

use super::harmless::harmless;
use super::words;
use crate::scorecard::{CheckCard, RunResult, Scorecard, Verdict};

/// One status line with performance data, and in long output the checks, the
/// worst first, since receivers cut it off, with the releases behind what keeps
/// them closed.
///
/// `|` separates text from performance data, so in text it is shown as `¦`.
#[must_use]
pub fn nagios(card: &Scorecard) -> String {
    let status = match card.result {
        RunResult::Green => "OK",
        RunResult::Degraded => "WARNING",
        RunResult::Blocked => "CRITICAL",
        RunResult::CheckFailed => "UNKNOWN",
    };
    let totals = &card.totals;
    let mut out = format!(
        "COLDSTART {status} - {}: {}, {} pass, {} warn, {} accepted, {} blocked, {} not evaluated, {} skipped | {}\n",
        plain(&card.baseline.name),
        plain(&words::result(card)),
        totals.pass,
        totals.warn,
        totals.accepted,
        totals.blocked,
        totals.not_evaluated,
        totals.skipped,
        performance(card)
    );
    for verdict in [
        Verdict::Blocked,
        Verdict::Warn,
        Verdict::NotEvaluated,
        Verdict::Skipped,
        Verdict::Pass,
    ] {
        for check in card.checks().filter(|check| check.verdict == verdict) {
            out.push_str(&line(card, check));
            out.push('\n');
        }
        if verdict == Verdict::Warn {
            for release in &card.releases {
                let decision = plain(&words::decision(release));
                out.push_str(&format!("[release] {decision}\n"));
            }
        }
    }
    for note in words::waivers(card) {
        out.push_str(&format!("[WAIVER] {}\n", plain(&note)));
    }
    out
}

/// `'label'=value[unit];warn;crit;min;max`. Every check counts in one of the
/// numbers, so their largest value is known.
fn performance(card: &Scorecard) -> String {
    let totals = &card.totals;
    let all = totals.all();
    let mut data = vec![
        format!("pass={};;;0;{all}", totals.pass),
        // Thresholds as ranges: anything above 0 alerts.
        format!("warn={};0;;0;{all}", totals.warn),
        format!("accepted={};;;0;{all}", totals.accepted),
        format!("blocked={};;0;0;{all}", totals.blocked),
        format!("not_evaluated={};;;0;{all}", totals.not_evaluated),
        format!("skipped={};;;0;{all}", totals.skipped),
        format!("time={};;;0", seconds(card.elapsed())),
    ];
    for phase in &card.phases {
        let label = label(&format!("time {}", phase.id));
        let elapsed = seconds(Duration::from_millis(phase.elapsed_ms));
        data.push(format!("{label}={elapsed};;;0"));
    }
    data.join(" ")
}

/// A label of the guidelines: quoted, as it has a space; without `=` and `'`.
fn label(text: &str) -> String {
    format!("'{}'", plain(text).replace(['=', '\''], "_"))
}

fn seconds(span: Duration) -> String {
    format!("{:.3}s", span.as_secs_f64())
}

fn line(card: &Scorecard, check: &CheckCard) -> String {
    let mut line = format!("[{}] {}: {}", words::label(check), check.id, check.title);
    let named = words::named(check).into_iter();
    let saw = words::misses(card, check)
        .into_iter()
        .map(|miss| format!("saw {}, expected {}", miss.seen, miss.expected));
    for said in named.chain(saw).chain(words::reason(card, check)) {
        line.push_str("; ");
        line.push_str(&said);
    }
    plain(&line)
}

fn plain(text: &str) -> String {
    harmless(text).replace('|', "¦")
}

#[cfg(test)]
mod tests;
