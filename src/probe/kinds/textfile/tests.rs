use std::fmt::Write as _;

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::probe::kinds::exposition::MOST_LINES;
use crate::probe::kinds::exposition::told::with_names_alone;
use crate::probe::kinds::stage::{self, fact, host, kind, run, stage, target};
use crate::servers::ssh::Answer;

const STAT: &str = "1700,1780656000,644,root,regular file\n";

/// As a backup script leaves it.
const BACKUP: &str = r#"# HELP backup_last_success_timestamp When the last backup ended well.
# TYPE backup_last_success_timestamp gauge
backup_last_success_timestamp{host="110",job="full"} 1.7806488e+09

# TYPE backup_ok gauge
backup_ok{job="db"} 1
backup_ok{job="files", } 0
backup_size_bytes 1.5e9
backup_lag NaN
backup_limit +Inf
"#;

async fn look(options: serde_json::Value, stat: Answer, head: Answer) -> Result<Facts, Fault> {
    let mut stage = stage(move |command| match command.split(' ').next() {
        Some("stat") => stat.clone(),
        Some("date") => Answer::ok("1780659600\n"),
        Some("head") => head.clone(),
        _ => Answer::fails(2, "unexpected"),
    })
    .await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    run(&kind::<Textfile>(options), &stage.context).await
}

#[tokio::test]
async fn tells_values_and_ages() {
    let facts = look(
        json!({"path": "/x.prom", "age_of": "backup_last_success_timestamp"}),
        Answer::ok(STAT),
        Answer::ok(BACKUP),
    )
    .await
    .expect("facts");
    for (name, value) in [
        ("exists", json!(true)),
        ("modified", json!("2026-06-05T10:40:00Z")),
        ("age_s", json!(3600)),
        ("host_now", json!("2026-06-05T11:40:00Z")),
        ("size_bytes", json!(1700)),
        ("metric_time", json!("2026-06-05T08:40:00Z")),
        ("metric_age_s", json!(10_800)),
        ("series_count", json!(6)),
        ("not_a_number", json!(["backup_lag"])),
        ("sample_times", json!({})),
        (
            "types",
            json!({"backup_last_success_timestamp": "gauge", "backup_ok": "gauge"}),
        ),
        ("errors", json!([])),
        ("error_count", json!(0)),
        ("duplicates", json!([])),
        ("truncated", json!(false)),
        (
            "metric",
            json!({
                "backup_last_success_timestamp": 1_780_648_800,
                "backup_last_success_timestamp{host=\"110\",job=\"full\"}": 1_780_648_800,
                "backup_ok{job=\"db\"}": 1,
                "backup_ok{job=\"files\"}": 0,
                "backup_size_bytes": 1_500_000_000,
                "backup_limit": "infinity",
            }),
        ),
    ] {
        assert_eq!(fact(&facts, name), value, "{name}");
    }
}

#[tokio::test]
async fn tells_only_what_it_is_asked_for() {
    let facts = look(
        json!({"path": "/x.prom", "only": ["backup_ok"], "age_of": "backup_size_bytes"}),
        Answer::ok(STAT),
        Answer::ok(BACKUP),
    )
    .await
    .expect("facts");
    assert_eq!(
        fact(&facts, "metric"),
        json!({"backup_ok{job=\"db\"}": 1, "backup_ok{job=\"files\"}": 0})
    );
    assert_eq!(fact(&facts, "not_a_number"), json!([]));
    assert_eq!(fact(&facts, "series_count"), json!(6));
    assert!(
        facts.get("metric_age_s").is_some(),
        "another one all the same"
    );
}

#[rstest]
#[case::missing("stat: cannot statx '/x': No such file or directory\n")]
#[case::below_a_file("stat: can't stat '/x': Not a directory\n")]
#[tokio::test]
async fn what_is_not_there_is_a_fact(#[case] complaint: &'static str) {
    let facts = look(
        json!({"path": "/x"}),
        Answer::fails(1, complaint),
        Answer::Hang,
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "exists"), json!(false));
    assert_eq!(facts.iter().count(), 1, "nothing else is known");
}

#[rstest]
#[case::denied(
    Answer::fails(1, "stat: cannot statx '/x': Permission denied\n"),
    Answer::Hang,
    FaultKind::Denied
)]
#[case::unreadable(
    Answer::ok(STAT),
    Answer::fails(1, "head: cannot open '/x' for reading: Permission denied\n"),
    FaultKind::Denied
)]
#[case::gone_meanwhile(
    Answer::ok(STAT),
    Answer::fails(1, "head: cannot open '/x' for reading: No such file or directory\n"),
    FaultKind::Protocol
)]
#[case::a_folder(
    Answer::ok("4096,0,755,root,directory\n"),
    Answer::Hang,
    FaultKind::Protocol
)]
#[case::a_fifo(Answer::ok("0,0,644,root,fifo\n"), Answer::Hang, FaultKind::Protocol)]
#[case::garbage(Answer::ok("\u{fffd}\n"), Answer::Hang, FaultKind::Protocol)]
#[case::missing_program(
    Answer::fails(127, "timeout: failed"),
    Answer::Hang,
    FaultKind::Missing
)]
#[case::cut_off(Answer::ok(STAT), Answer::Cut { stdout: b"up 1\n".to_vec() }, FaultKind::Closed)]
#[case::hangs(Answer::Hang, Answer::Hang, FaultKind::TimedOut)]
#[case::hangs_while_read(Answer::ok(STAT), Answer::Hang, FaultKind::TimedOut)]
#[tokio::test]
async fn what_cannot_be_read_is_a_fault(
    #[case] stat: Answer,
    #[case] head: Answer,
    #[case] kind_of: FaultKind,
) {
    let fault = look(json!({"path": "/x"}), stat, head)
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, kind_of, "{fault:?}");
}

/// The series of a text with their values, and its first error.
fn told(text: &str) -> (Vec<(String, f64)>, String) {
    let told = read(text.as_bytes(), false);
    let samples = told.samples.iter();
    (
        samples
            .map(|(key, sample)| (key.clone(), sample.value))
            .collect(),
        told.errors.first().cloned().unwrap_or_default(),
    )
}

#[rstest]
#[case::plain("up 1\n", "up", 1.0)]
#[case::blanks("  up \t 1  \n", "up", 1.0)]
#[case::colons("job:up:sum 1\n", "job:up:sum", 1.0)]
#[case::no_blank("up{a=\"b\"}1\n", "up{a=\"b\"}", 1.0)]
#[case::blanks_everywhere("up { a = \"b\" , } 1\n", "up{a=\"b\"}", 1.0)]
#[case::no_labels("up{} 1\n", "up", 1.0)]
#[case::sorted("up{b=\"1\",a=\"2\"} 1\n", "up{a=\"2\",b=\"1\"}", 1.0)]
#[case::escapes(r#"up{p="C:\\dir \"x\" \n}"} 1"#, r#"up{p="C:\\dir \"x\" \n}"}"#, 1.0)]
#[case::other_letters("up{a=\"排程\"} 1\n", "up{a=\"排程\"}", 1.0)]
#[case::negative("up -0.5\n", "up", -0.5)]
#[case::exponent("up 1.7806488e+09\n", "up", 1_780_648_800.0)]
#[case::endless("up +Inf\n", "up", f64::INFINITY)]
#[case::endless_downwards("up -Inf\n", "up", f64::NEG_INFINITY)]
#[case::with_a_time("up 1 1395066363000\n", "up", 1.0)]
#[case::with_a_time_before_1970("up 1 -3982045\n", "up", 1.0)]
#[case::a_comment("# a comment\n#\n#HELPER x\n# EOF\nup 1\n", "up", 1.0)]
#[case::help_without_words("# HELP up\nup 1\n", "up", 1.0)]
fn reads_what_the_format_allows(#[case] text: &str, #[case] key: &str, #[case] value: f64) {
    let text = format!("{}\n", text.trim_end_matches('\n'));
    let (samples, error) = told(&text);
    assert_eq!(error, "");
    assert_eq!(samples, [(key.to_owned(), value)]);
}

#[rstest]
#[case::no_value("up\n", "line 1: up has no value")]
#[case::a_word("up yes\n", "line 1: the value of up is no number")]
#[case::a_comma("up 1,5\n", "line 1: the value of up is no number")]
#[case::too_large("up 1e999\n", "line 1: the value of up is no number")]
#[case::hexadecimal("up 0x10\n", "line 1: the value of up is no number")]
#[case::no_name("{a=\"b\"} 1\n", "line 1: it does not begin with the name of a metric")]
#[case::a_digit("1up 1\n", "line 1: it does not begin with the name of a metric")]
#[case::a_dash("my-metric 1\n", "line 1: the value of my is no number")]
#[case::open_quote("up{a=\"b} 1\n", "line 1: the value of the label a of up does not end")]
#[case::open_escape("up{a=\"b\\\n", "line 1: the value of the label a of up does not end")]
#[case::strange_escape(r#"up{a="\x"} 1"#, r"line 1: \x means nothing in a label")]
#[case::no_quotes("up{a=b} 1\n", "line 1: the label a of up has no value in quotes")]
#[case::no_comma("up{a=\"b\"c=\"d\"} 1\n", "line 1: the labels of up do not end")]
#[case::open_brace("up{a=\"b\"\n", "line 1: the labels of up do not end")]
#[case::colon_in_a_label(
    "up{a:b=\"c\"} 1\n",
    "line 1: a label of up has no name that there can be"
)]
#[case::a_label_twice("up{a=\"b\",a=\"c\"} 1\n", "line 1: the label a of up is there twice")]
#[case::time_with_a_fraction(
    "up 1 1.5\n",
    "line 1: the time of up is no whole number of milliseconds"
)]
#[case::more("up 1 2 3\n", "line 1: something follows the time of up")]
#[case::help_of_nothing("# HELP\n", "line 1: HELP or TYPE of no metric")]
#[case::type_of_no_name("# TYPE a-b gauge\n", "line 1: \"a-b\" is no name of a metric")]
#[case::no_type("# TYPE up\n", "line 1: up has no type that there is")]
#[case::another_type("# TYPE up number\n", "line 1: up has no type that there is")]
#[case::second_help("# HELP up a\n# HELP up b\n", "line 2: a second HELP of up")]
#[case::second_type("# TYPE up gauge\n# TYPE up gauge\n", "line 2: a second TYPE of up")]
#[case::html("<html>\n", "line 1: it does not begin with the name of a metric")]
fn tells_what_the_format_refuses(#[case] text: &str, #[case] error: &str) {
    let text = format!("{}\n", text.trim_end_matches('\n'));
    let (samples, seen) = told(&text);
    assert_eq!(seen, error);
    assert_eq!(samples, []);
}

#[test]
fn a_type_after_its_samples_is_an_error() {
    let (samples, error) = told("up 1\n# TYPE up gauge\n");
    assert_eq!(error, "line 2: the TYPE of up after its samples");
    assert_eq!(samples.len(), 1);
}

/// A script that died while it wrote: `178` of `1780656904` is another time.
#[test]
fn half_a_line_has_no_value() {
    let (samples, error) = told("up 1\nlast 178");
    assert_eq!(
        error,
        "line 2: the last line has no end: the file may be cut off"
    );
    assert_eq!(samples, [("up".to_owned(), 1.0)]);
}

#[test]
fn carriage_returns_are_told_once() {
    let text = "# TYPE up gauge\r\nup 1\r\n\r\ndown 0\r\n";
    let (samples, error) = told(text);
    assert_eq!(samples, [("down".to_owned(), 0.0), ("up".to_owned(), 1.0)]);
    assert_eq!(
        error,
        "line 2: a carriage return at its end, which Prometheus refuses"
    );
    assert_eq!(read(text.as_bytes(), false).error_count, 1);
}

#[test]
fn bytes_that_are_no_text_are_one_line_s_trouble() {
    let told = read(b"up{a=\"\xff\"} 1\ndown 0\n\0\xfe\n", false);
    assert_eq!(told.errors[0], "line 1: it is not UTF-8");
    assert_eq!(told.error_count, 2);
    assert_eq!(told.samples.len(), 1);
}

#[test]
fn a_series_that_is_there_twice_has_no_value() {
    let text =
        "up{a=\"1\",b=\"2\"} 1\nup{b=\"2\",a=\"1\"} 0\nup{a=\"3\"} 1\nup{a=\"1\",b=\"2\"} 1\n";
    let told = read(text.as_bytes(), false);
    assert_eq!(
        told.duplicates.iter().collect::<Vec<_>>(),
        ["up{a=\"1\",b=\"2\"}"]
    );
    assert_eq!(told.samples.keys().collect::<Vec<_>>(), ["up{a=\"3\"}"]);
    assert_eq!(
        with_names_alone(&told).keys().collect::<Vec<_>>(),
        [&"up{a=\"3\"}"],
        "there is another `up`"
    );
}

#[rstest]
#[case::one("up{a=\"1\"} 1\n", &["up", "up{a=\"1\"}"])]
#[case::two("up{a=\"1\"} 1\nup{a=\"2\"} 0\n", &["up{a=\"1\"}", "up{a=\"2\"}"])]
#[case::with_and_without("up{a=\"1\"} 1\nup 0\n", &["up", "up{a=\"1\"}"])]
#[case::with_an_error("up{a=\"1\"} 1\nup{a=\"2\" 0\n", &["up{a=\"1\"}"])]
fn a_name_alone_is_enough_for_one(#[case] text: &str, #[case] keys: &[&str]) {
    let told = read(text.as_bytes(), false);
    let all = with_names_alone(&told);
    assert_eq!(all.keys().copied().collect::<Vec<_>>(), keys);
    if let Some(plain) = told.samples.get("up") {
        assert_eq!(all["up"], plain, "the one without labels");
    }
}

#[test]
fn a_hundred_thousand_lines_are_enough() {
    let mut text = String::new();
    for n in 0..MOST_LINES {
        let _ = writeln!(text, "a{n} 1");
    }
    let whole = read(text.as_bytes(), false);
    assert_eq!((whole.samples.len(), whole.truncated), (MOST_LINES, false));
    text.push_str("one_more 1\n");
    let cut = read(text.as_bytes(), false);
    assert_eq!((cut.samples.len(), cut.truncated), (MOST_LINES, true));
}

#[test]
fn errors_are_counted_and_the_first_told() {
    let told = read("up\n".repeat(1000).as_bytes(), false);
    assert_eq!((told.errors.len(), told.error_count), (20, 1000));
}

#[tokio::test]
async fn a_long_file_is_cut_at_a_line() {
    let mut text = "up{a=\"1\"} 1\n".to_owned();
    while text.len() <= MOST {
        text.push_str("# ");
        text.push_str(&"x".repeat(1000));
        text.push('\n');
    }
    text.truncate(MOST - 9);
    text.push_str("\nlast 178065");
    let facts = look(
        json!({"path": "/x"}),
        Answer::ok(STAT),
        Answer::ok(text[..=MOST].to_owned()),
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "truncated"), json!(true));
    assert_eq!(fact(&facts, "errors"), json!([]));
    assert_eq!(fact(&facts, "metric"), json!({"up{a=\"1\"}": 1}));
}

#[tokio::test]
async fn a_flood_ends_in_a_fault_or_in_what_was_read() {
    match look(json!({"path": "/x"}), Answer::ok(STAT), Answer::Endless).await {
        Ok(facts) => assert_eq!(fact(&facts, "truncated"), json!(true)),
        Err(fault) => assert!(fault.seen.contains("more than is kept"), "{fault}"),
    }
}

/// Milliseconds would lie thousands of years ahead, and be younger than any limit.
#[rstest]
#[case::milliseconds("1780648800000")]
#[case::before("-1")]
#[case::none("NaN")]
#[case::endless("+Inf")]
#[case::endless_downwards("-Inf")]
#[tokio::test]
async fn what_is_no_time_has_no_age(#[case] value: &str) {
    let facts = look(
        json!({"path": "/x", "age_of": "t"}),
        Answer::ok(STAT),
        Answer::ok(format!("t {value}\n")),
    )
    .await
    .expect("facts");
    assert_eq!(facts.get("metric_time"), None);
    assert_eq!(facts.get("metric_age_s"), None);
}

#[rstest]
#[case::never("t 0\n", "t", json!(1_780_659_600_i64))]
#[case::with_labels("t{b=\"1\",a=\"2\"} 1780659500.5\nt{a=\"3\"} 1\n", "t{ b=\"1\", a=\"2\" }", json!(99.5))]
#[case::of_two("t{a=\"2\"} 1\nt{a=\"3\"} 1\n", "t", json!(null))]
#[case::absent("up 1\n", "t", json!(null))]
#[case::to_come("t 1780659700\n", "t", json!(-100))]
#[tokio::test]
async fn tells_the_age_of_a_metric(
    #[case] text: &'static str,
    #[case] series: &str,
    #[case] age: serde_json::Value,
) {
    let facts = look(
        json!({"path": "/x", "age_of": series}),
        Answer::ok(STAT),
        Answer::ok(text),
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "metric_age_s"), age);
}

#[tokio::test]
async fn times_in_the_file_are_told() {
    let facts = look(
        json!({"path": "/x"}),
        Answer::ok(STAT),
        Answer::ok("up 1 1780656000500\ndown 1\nfar 1 9223372036854775807\n"),
    )
    .await
    .expect("facts");
    assert_eq!(
        fact(&facts, "sample_times"),
        json!({"up": "2026-06-05T10:40:00.5Z"})
    );
}

#[rstest]
#[case(json!({"path": "x"}), &["path"])]
#[case(json!({"path": "/a\nb"}), &["path"])]
#[case(json!({"path": "/dev/watchdog"}), &["path"])]
#[case(json!({"path": "/x", "only": ["up", "up{a=\"b\"}"]}), &["only", "1"])]
#[case(json!({"path": "/x", "only": [""]}), &["only", "0"])]
#[case(json!({"path": "/x", "age_of": "up{a=b}"}), &["age_of"])]
#[case(json!({"path": "/x", "age_of": "up 1"}), &["age_of"])]
fn refuses_what_cannot_be_meant(#[case] options: serde_json::Value, #[case] path: &[&str]) {
    let problems = Kind::problems(
        &kind::<Textfile>(options),
        &target(host(22)),
        &Policy::default(),
    );
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].path, path);
}

#[rstest]
#[case(json!({"path": "/x"}), false)]
#[case(json!({"path": "/x", "age_of": "t"}), true)]
fn expects_a_whole_file(#[case] options: serde_json::Value, #[case] age: bool) {
    let required = Kind::defaults(&kind::<Textfile>(options)).require;
    assert_eq!(
        required[..4],
        [
            "exists",
            "size(errors) == 0",
            "size(duplicates) == 0",
            "!truncated"
        ]
    );
    assert_eq!(required.contains(&"has(metric_age_s)".to_owned()), age);
}

#[tokio::test]
async fn sends_what_it_said_it_would() {
    let stage = stage(|command| match command.split(' ').next() {
        Some("stat") => Answer::ok(STAT),
        Some("date") => Answer::ok("1780659600\n"),
        _ => Answer::ok(BACKUP),
    })
    .await;
    let textfile: Textfile = kind(json!({"path": "/x.prom"}));
    run(&textfile, &stage.context).await.expect("facts");
    let planned = textfile.requests(&stage.context.target, &stage.context.transports.policy);
    let mut planned: Vec<String> = planned.into_iter().map(|request| request.text).collect();
    let mut sent = stage.server.log.lines();
    // The last two are under way together.
    planned.sort();
    sent.sort();
    assert_eq!(sent, planned);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn looks_at_this_machine() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("backup.prom");
    std::fs::write(&path, BACKUP).expect("a file");
    let facts = run(&kind::<Textfile>(json!({"path": path})), &stage::local())
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "series_count"), json!(6));
    assert_eq!(fact(&facts, "errors"), json!([]));
}
