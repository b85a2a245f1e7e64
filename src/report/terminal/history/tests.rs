use jiff::SignedDuration;
use jiff::tz::{TimeZone, offset};
use rstest::rstest;

use super::*;
use crate::report::fixture;

fn style(width: usize) -> Style {
    Style {
        width,
        color: false,
        verbose: false,
        ascii: false,
        zone: TimeZone::fixed(offset(8)),
    }
}

/// A run of every result, the latest first.
fn runs() -> Vec<RunSummary> {
    let scripts = fixture::all().into_iter().enumerate();
    let mut runs: Vec<RunSummary> = scripts
        .map(|(place, (_, script))| {
            let card = script.card();
            let later = SignedDuration::from_mins(place as i64);
            RunSummary {
                run: 97 + place as i64,
                baseline: card.baseline,
                started_at: card.started_at + later,
                finished_at: card.finished_at + later,
                result: card.result,
                failure: card.failure,
                whole: place != 1,
                totals: card.totals,
                first_blocked: card.first_blocked,
            }
        })
        .collect();
    runs[0].baseline.name = "this-machine".to_owned();
    runs.reverse();
    runs
}

#[rstest]
fn runs_read_as_agreed(#[values(40, 80, 140)] columns: usize) {
    let shown = history(&runs(), &style(columns));
    assert!(shown.lines().all(|line| width(line) <= columns), "{shown}");
    insta::assert_snapshot!(format!("runs_{columns}"), shown);
}

#[test]
fn colour_marks_results_alone() {
    let colored = Style {
        color: true,
        ..style(80)
    };
    let shown = history(&runs(), &colored);
    let plain: String = shown
        .split("\u{1b}[")
        .enumerate()
        .map(|(place, part)| match place {
            0 => part,
            _ => part.split_once('m').map_or("", |(_, rest)| rest),
        })
        .collect();
    assert_eq!(plain, history(&runs(), &style(80)));
    assert_ne!(plain, shown);
}

#[test]
fn a_run_keeps_its_line_where_its_totals_do_not_fit() {
    let runs = runs();
    let shown = history(&runs, &style(80));
    for run in &runs {
        let number = format!("{:>5}  ", run.run);
        let line = shown.lines().find(|line| line.starts_with(&number));
        let line = line.unwrap_or_else(|| panic!("no {number:?} in {shown}"));
        assert!(line.contains(run.result.label()), "{line}");
        assert!(line.contains("42.0 s"), "{line}");
    }
}
