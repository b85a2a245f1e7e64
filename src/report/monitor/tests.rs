use rstest::rstest;

use super::*;
use crate::probe::exposition;
use crate::report::fixture;

fn monitored() -> Monitored {
    Monitored {
        prefix: "awoooi_cold_start".to_owned(),
        baseline: Some("冷啟動 \"a\\b\"\n".to_owned()),
        last_green: Timestamp::from_second(1_780_000_000).ok(),
    }
}

#[test]
fn what_is_written_is_read_back_whatever_the_card() {
    for (name, script) in fixture::all() {
        let card = script.card();
        let text = textfile(&card, &monitored());
        assert_eq!(read(&text), Some(monitored()), "{name}");
        let (samples, errors) = exposition(&text);
        assert_eq!(errors, Vec::<String>::new(), "{name}");
        let up = card.result != RunResult::CheckFailed;
        assert_eq!(
            samples.get("awoooi_cold_start_monitor_up"),
            Some(&f64::from(u8::from(up))),
            "{name}"
        );
    }
}

#[test]
fn a_run_without_a_card_counts_nothing() {
    let at = Timestamp::from_second(1_780_000_600).expect("a time");
    let text = failed(at, &monitored());
    assert_eq!(read(&text), Some(monitored()));
    let (samples, errors) = exposition(&text);
    assert_eq!(errors, Vec::<String>::new());
    let value = |name: &str| samples.get(&format!("awoooi_cold_start_{name}")).copied();
    assert_eq!(value("monitor_up"), Some(0.0));
    assert_eq!(value("last_run_timestamp"), Some(1_780_000_600.0));
    assert_eq!(value("last_green_timestamp"), Some(1_780_000_000.0));
    assert_eq!(value("last_result{result=\"check_failed\"}"), Some(1.0));
    assert_eq!(value("last_result{result=\"green\"}"), Some(0.0));
    assert!(!text.contains("_gates"), "{text}");
}

#[test]
fn what_is_not_known_is_0_and_nobodys() {
    let unknown = Monitored {
        prefix: "coldstart".to_owned(),
        baseline: None,
        last_green: None,
    };
    let text = failed(Timestamp::UNIX_EPOCH, &unknown);
    assert!(
        text.contains("\ncoldstart_last_green_timestamp 0\n"),
        "{text}"
    );
    assert!(!text.contains("monitor_info"), "{text}");
    assert_eq!(read(&text), Some(unknown));
}

#[rstest]
#[case::nothing("", None)]
#[case::another_programs("# TYPE node_up gauge\nnode_up 1\n", None)]
#[case::a_name_that_is_none("# TYPE a b_monitor_up gauge\n", None)]
#[case::cut_off("# TYPE a_monitor_up gauge\na_last_green_timesta", Some((None, None)))]
#[case::no_number("# TYPE a_monitor_up gauge\na_last_green_timestamp NaN\n", Some((None, None)))]
#[case::no_time("# TYPE a_monitor_up gauge\na_last_green_timestamp 99999999999999\n", Some((None, None)))]
#[case::negative("# TYPE a_monitor_up gauge\na_last_green_timestamp -5\n", Some((None, None)))]
#[case::wrong_escape("# TYPE a_monitor_up gauge\na_monitor_info{baseline=\"\\x\"} 1\n", Some((None, None)))]
#[case::two_labels("# TYPE a_monitor_up gauge\na_monitor_info{baseline=\"b\",c=\"d\"} 1\n", Some((None, None)))]
#[case::known("# TYPE a_monitor_up gauge\na_monitor_info{baseline=\"b\"} 1\na_last_green_timestamp 7\n", Some((Some("b"), Some(7))))]
fn other_files(#[case] text: &str, #[case] expected: Option<(Option<&str>, Option<i64>)>) {
    let found = read(text).map(|found| {
        let green = found.last_green.map(Timestamp::as_second);
        (found.baseline, green)
    });
    let expected = expected.map(|(baseline, green)| (baseline.map(str::to_owned), green));
    assert_eq!(found, expected);
}
