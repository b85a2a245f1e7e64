use regex::Regex;

use super::*;
use crate::report::fixture;

/// The grammar of the plugin guidelines:
/// `'label'=value[UOM];[warn];[crit];[min];[max]`.
const DATUM: &str = r"^(?:'[^'=|]+'|[^' =|]+)=-?\d+(?:\.\d+)?(?:s|ms|us|%|[KMGT]?B|c)?(?:;(?:@?(?:~|-?\d+(?:\.\d+)?)?:?(?:-?\d+(?:\.\d+)?)?)?){0,2}(?:;(?:-?\d+(?:\.\d+)?)?){0,2}$";

/// Splits at spaces, but for those within quotes.
fn data(text: &str) -> Vec<String> {
    let mut data = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        quoted ^= c == '\'';
        match data.last_mut() {
            Some(last) if c != ' ' || quoted => last.push(c),
            _ => data.push(String::new()),
        }
    }
    data
}

#[test]
fn the_performance_data_is_what_the_guidelines_say() {
    let datum = Regex::new(DATUM).expect("a regular expression");
    for (name, script) in fixture::all() {
        let card = script.card();
        let text = nagios(&card);
        let (status, performance) = text
            .lines()
            .next()
            .and_then(|line| line.split_once(" | "))
            .expect("a status line with performance data");
        assert!(!status.contains('|'), "{name}: {status}");
        let data = data(performance);
        assert_eq!(data.len(), 7 + card.phases.len(), "{name}: {data:?}");
        for each in &data {
            assert!(datum.is_match(each), "{name}: {each}");
        }
        let labels: std::collections::BTreeSet<&str> = data
            .iter()
            .filter_map(|datum| datum.split_once('=').map(|(label, _)| label))
            .collect();
        assert_eq!(labels.len(), data.len(), "{name}: a label twice");
    }
}

#[test]
fn every_check_is_one_line_without_a_second_separator() {
    for (name, script) in fixture::all() {
        let card = script.card();
        let text = nagios(&card);
        let lines: Vec<&str> = text.lines().skip(1).collect();
        let notes = words::waivers(&card).len();
        assert_eq!(
            lines.len(),
            card.totals.all() + card.releases.len() + notes,
            "{name}"
        );
        for release in &card.releases {
            let start = format!("[release] {} {}", release.id, words::release(release));
            let found = lines.iter().find(|line| line.starts_with(&start));
            let found = found.unwrap_or_else(|| panic!("{name}: {start}\n{text}"));
            for reason in &release.reasons {
                let reason = plain(&words::closed_by(reason));
                assert!(found.contains(&reason), "{name}: {reason}");
            }
        }
        assert_eq!(text.matches('|').count(), 1, "{name}: {text}");
        for check in card.checks() {
            let start = format!("[{}] {}: ", words::label(check), check.id);
            assert!(
                lines.iter().any(|line| line.starts_with(&start)),
                "{name}: {start}"
            );
        }
    }
}

#[test]
fn the_status_word_is_that_of_the_exit_code() {
    for (name, script) in fixture::all() {
        let card = script.card();
        let word = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][usize::from(card.exit_code)];
        let start = format!("COLDSTART {word} - full-stack: {}", card.result.label());
        assert!(nagios(&card).starts_with(&start), "{name}: {start}");
    }
}

#[test]
fn the_worst_come_first() {
    let text = nagios(&fixture::everything().card());
    let order: Vec<&str> = text
        .lines()
        .skip(1)
        .filter_map(|line| line[1..].split_once(']').map(|(verdict, _)| verdict))
        .collect();
    let mut seen = order.clone();
    seen.dedup();
    assert_eq!(
        seen,
        [
            "BLOCKED",
            "WARN",
            "release",
            "NOT EVALUATED",
            "SKIPPED",
            "PASS"
        ]
    );
}

#[test]
fn the_own_network_is_the_one_to_fix() {
    let text = nagios(&fixture::own_network().card());
    let status = text.lines().next().unwrap_or_default();
    assert!(
        status.contains("(fix this machine's network first)"),
        "{status}"
    );
    assert!(!text.contains("power and console"), "{text}");
}

#[test]
fn a_failure_is_called_by_its_name() {
    let text = nagios(&fixture::sample().card());
    let named = "failure a standby without its primary (no-primary); saw in_recovery = true";
    assert!(text.contains(named), "{text}");
}
