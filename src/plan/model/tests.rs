use std::time::Duration;

use rstest::rstest;

use super::super::trial::{phases, plan};
use super::{MAX_PAUSE, Retry};

#[rstest]
#[case(1, 2.0, 1, 1000)]
#[case(3, 2.0, 1, 4000)]
#[case(2, 1.5, 1, 1500)]
#[case(9, 1.0, 1, 1000)]
#[case(0, 2.0, 1, 1000)]
#[case(100, 10.0, 0, 0)]
fn pauses_grow(
    #[case] attempt: u32,
    #[case] backoff: f64,
    #[case] delay: u64,
    #[case] milliseconds: u64,
) {
    let retry = Retry {
        attempts: 100,
        delay: Duration::from_secs(delay),
        backoff,
    };
    assert_eq!(
        retry.pause_after(attempt),
        Duration::from_millis(milliseconds)
    );
}

#[test]
fn no_pause_is_longer_than_an_hour() {
    let retry = Retry {
        attempts: 100,
        delay: Duration::from_secs(1),
        backoff: 10.0,
    };
    for attempt in [5, 99, u32::MAX] {
        assert_eq!(retry.pause_after(attempt), MAX_PAUSE);
    }
}

#[test]
fn the_worst_case_is_every_attempt_and_every_pause() {
    let plan = plan(
        "phases: { P: { checks: { c: { on: a, timeout: 2s, retry: { attempts: 3, delay: 1s }, ping: {} } } } }\n",
    );
    // 5 s to connect, three times 2 s, and pauses of 1 s and 2 s.
    assert_eq!(plan.checks[0].worst_case(), Duration::from_secs(5 + 6 + 3));
}

#[test]
fn the_critical_path_goes_through_the_slowest_phases() {
    let one = "retry: { attempts: 1 }";
    let plan = plan(&format!(
        "defaults: {{ connect_timeout: 1s, timeout: 1s, {one} }}\nphases:\n  \
         A: {{ checks: {{ a1: {{ on: a, ping: {{}} }} }} }}\n  \
         FAST: {{ needs: A, checks: {{ f1: {{ on: a, ping: {{}} }} }} }}\n  \
         SLOW: {{ needs: A, checks: {{ s1: {{ on: a, timeout: 9s, ping: {{}} }}, s2: {{ on: a, after: s1, ping: {{}} }} }} }}\n  \
         END: {{ needs: [FAST, SLOW], checks: {{ e1: {{ on: a, ping: {{}} }} }} }}\n"
    ));
    let (path, time) = plan.critical_path();
    assert_eq!(phases(&plan, path), ["A", "SLOW", "END"]);
    assert_eq!(time, Duration::from_secs(2 + (10 + 2) + 2));
}

#[test]
fn a_check_is_found_by_its_whole_id() {
    let plan = plan("phases: { P: { checks: { c: { on: [a, b], ping: {} } } } }\n");
    assert_eq!(plan.check("c@b").and_then(|check| check.host()), Some("b"));
    assert!(plan.check("c").is_none());
}
