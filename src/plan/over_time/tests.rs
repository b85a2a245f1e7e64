use rstest::rstest;

use crate::plan::trial::plan;

/// A phase with one check.
fn phases(check: &str) -> String {
    format!(
        "phases:\n  ONLY:\n    checks:\n      c:\n        {}\n",
        check.replace('\n', "\n        ")
    )
}

fn definition(check: &str) -> String {
    plan(&phases(check)).checks[0].definition.clone()
}

const PLAIN: &str = "on: a\ntcp: { port: 22 }";

#[rstest]
#[case::port("on: a\ntcp: { port: 23 }")]
#[case::host("on: b\ntcp: { port: 22 }")]
#[case::via("on: a\nvia: b\ntcp: { port: 22 }")]
#[case::expectation("on: a\ntcp: { port: 22 }\nprefer: connect_ms < 5")]
#[case::level("on: a\ntcp: { port: 22 }\nrequire: connect_ms < 5")]
#[case::stable("on: a\ntcp: { port: 22 }\nstable_for: 5m")]
#[case::trend("on: a\ntcp: { port: 22 }\ntrend: { fact: connect_ms, not_increasing: true }")]
fn what_decides_a_verdict_changes_the_definition(#[case] other: &str) {
    assert_ne!(definition(PLAIN), definition(other));
}

#[rstest]
#[case::title("on: a\ntcp: { port: 22 }\ntitle: another")]
#[case::remedy("on: a\ntcp: { port: 22 }\nremedy: another")]
#[case::timeout("on: a\ntcp: { port: 22 }\ntimeout: 9s")]
#[case::retry("on: a\ntcp: { port: 22 }\nretry: { attempts: 7 }")]
fn what_does_not_leaves_it(#[case] other: &str) {
    assert_eq!(definition(PLAIN), definition(other));
}

#[test]
fn the_rules_reach_the_plan() {
    let plan = plan(&phases(
        "on: a\ntcp: { port: 22 }\nstable_for: 15m\ntrend: { fact: connect_ms, not_decreasing: true }",
    ));
    let over_time = &plan.checks[0].over_time;
    assert_eq!(over_time.stable_for.map(|span| span.as_secs()), Some(900));
    let trend = over_time.trend.as_ref().expect("a trend");
    assert_eq!((trend.source.as_str(), trend.samples), ("connect_ms", 3));
    assert_eq!(trend.direction, crate::judge::Direction::NotDecreasing);
}
