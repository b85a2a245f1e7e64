use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;
use crate::probe::exposition;
use crate::report::fixture;

#[test]
fn our_own_reader_finds_every_series_once() {
    for (name, script) in fixture::all() {
        let card = script.card();
        let text = write(&card, PREFIX, &[]);
        let (samples, errors) = exposition(&text);
        assert_eq!(errors, Vec::<String>::new(), "{name}");
        let lines = text.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(samples.len(), lines, "{name}: a series twice");
        let value = |series: &str| samples.get(series).copied();
        let totals = card.totals;
        for (series, expected) in [
            ("coldstart_pass_gates", totals.pass),
            ("coldstart_warn_gates", totals.warn),
            ("coldstart_blocked_gates", totals.blocked),
            ("coldstart_not_evaluated_gates", totals.not_evaluated),
            ("coldstart_skipped_gates", totals.skipped),
        ] {
            assert_eq!(value(series), Some(number(expected)), "{name}: {series}");
        }
        assert_eq!(
            value("coldstart_last_run_timestamp"),
            Some(1_780_656_946.0),
            "{name}"
        );
        let sum = |start: &str| -> f64 {
            let series = samples
                .iter()
                .filter(|(series, _)| series.starts_with(start));
            series.map(|(_, value)| value).sum()
        };
        assert_eq!(sum("coldstart_last_result{"), 1.0, "{name}");
        assert_eq!(
            sum("coldstart_phase_result{"),
            number(card.phases.len()),
            "{name}"
        );
        let blocked = usize::from(card.first_blocked.is_some());
        assert_eq!(
            sum("coldstart_first_blocked_gate{"),
            number(blocked),
            "{name}"
        );
    }
}

#[test]
fn the_result_and_the_gate_to_fix_are_named() {
    let text = write(&fixture::blocked().card(), "awoooi_cold_start", &[]);
    for line in [
        "awoooi_cold_start_last_result{result=\"green\"} 0",
        "awoooi_cold_start_last_result{result=\"blocked\"} 1",
        "awoooi_cold_start_first_blocked_gate{phase=\"P0-NETWORK\"} 1",
        "awoooi_cold_start_first_blocked_gate{phase=\"P1-K3S\"} 0",
        "awoooi_cold_start_phase_result{phase=\"P1-K3S\",result=\"not_evaluated\"} 1",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
}

#[test]
fn each_release_has_a_series() {
    let text = write(&fixture::sample().card(), PREFIX, &[]);
    for line in [
        "coldstart_release_open{release=\"mirror\"} 1",
        "coldstart_release_open{release=\"runners\"} 0",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    let without = write(&fixture::keep_going().card(), PREFIX, &[]);
    assert!(!without.contains("release_open"), "{without}");
}

#[test]
fn what_is_added_follows_and_any_text_may_be_a_label() {
    let label = "a\"b\\c\nd資料";
    let extra = Metric {
        name: "extra",
        help: "a \\ b",
        samples: vec![Sample {
            labels: vec![("said", label.to_owned())],
            value: f64::INFINITY,
        }],
    };
    let up = Metric::gauge("monitor_up", "The monitor ran.", 1.0);
    let text = write(&fixture::green().card(), PREFIX, &[up, extra]);
    assert!(text.ends_with(
        "# HELP coldstart_monitor_up The monitor ran.\n# TYPE coldstart_monitor_up gauge\n\
         coldstart_monitor_up 1\n# HELP coldstart_extra a \\\\ b\n# TYPE coldstart_extra gauge\n\
         coldstart_extra{said=\"a\\\"b\\\\c\\nd資料\"} +Inf\n"
    ));
    let (_, errors) = exposition(&text);
    assert_eq!(errors, Vec::<String>::new());
}

/// Prometheus' own tool. Fails where it is missing; `COLDSTART_TEST_NO_PROMTOOL=1`
/// leaves it out on purpose.
#[test]
fn promtool_finds_nothing_to_say() {
    if std::env::var_os("COLDSTART_TEST_NO_PROMTOOL").is_some_and(|value| value == "1") {
        return;
    }
    for (name, script) in fixture::all() {
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("promtool (Debian: prometheus); COLDSTART_TEST_NO_PROMTOOL=1 leaves this out");
        let text = write(&script.card(), PREFIX, &[]);
        let mut stdin = promtool.stdin.take().expect("its input");
        stdin.write_all(text.as_bytes()).expect("it reads");
        drop(stdin);
        let output = promtool.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{name}: {said}");
    }
}
