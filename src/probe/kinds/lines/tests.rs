use rstest::rstest;
use serde_json::json;

use super::*;
use crate::probe::kinds::stage::fact;

fn patterns(written: serde_json::Value) -> Patterns {
    serde_json::from_value(written).expect("patterns")
}

fn facts(
    lines: &[&str],
    whole: bool,
    matching: serde_json::Value,
    absent: serde_json::Value,
) -> Facts {
    let seen = Seen {
        lines: lines.iter().map(ToString::to_string).collect(),
        newest: None,
        whole,
    };
    let (matching, absent) = (patterns(matching), patterns(absent));
    let mut facts = Facts::new();
    seen.set(Sought::new(&matching, &absent), None, &mut facts);
    facts
}

#[test]
fn nothing_sought_shows_the_lines() {
    let facts = facts(&["a", "b"], true, json!([]), json!([]));
    assert_eq!(fact(&facts, "lines"), json!(["a", "b"]));
    assert_eq!(fact(&facts, "line_count"), 2);
    assert_eq!(fact(&facts, "truncated"), false);
    for absent in ["matched", "missing", "unwanted", "newest", "newest_age_s"] {
        assert_eq!(facts.get(absent), None, "{absent}");
    }
}

#[rstest]
// What was found was found, however much was not looked at.
#[case(true, json!(["started"]), json!([]))]
#[case(false, json!(["started"]), json!([]))]
// What was not found may be elsewhere.
#[case(true, json!(["started", "ready"]), json!(["ready"]))]
#[case(false, json!(["started", "ready"]), serde_json::Value::Null)]
fn what_is_missing(
    #[case] whole: bool,
    #[case] matching: serde_json::Value,
    #[case] expected: serde_json::Value,
) {
    let facts = facts(&["x started", "y"], whole, matching, json!([]));
    assert_eq!(fact(&facts, "missing"), expected);
    assert_eq!(fact(&facts, "matched"), json!(["x started"]));
    assert_eq!(fact(&facts, "matched_count"), 1);
    assert_eq!(facts.get("lines"), None);
}

#[rstest]
#[case(true, "panic", json!(["a panic"]))]
#[case(false, "panic", json!(["a panic"]))]
#[case(true, "oops", json!([]))]
#[case(false, "oops", serde_json::Value::Null)]
fn what_is_unwanted(
    #[case] whole: bool,
    #[case] absent: &str,
    #[case] expected: serde_json::Value,
) {
    let facts = facts(&["a panic", "y"], whole, json!([]), json!(absent));
    assert_eq!(fact(&facts, "unwanted"), expected);
}

#[test]
fn the_newest_of_many_are_kept_and_all_are_counted() {
    let lines: Vec<String> = (0..250).map(|n| format!("error {n}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let facts = facts(&lines, true, json!("error"), json!([]));
    let matched = fact(&facts, "matched");
    assert_eq!(matched.as_array().map(Vec::len), Some(100));
    assert_eq!(matched[99], "error 249");
    assert_eq!(fact(&facts, "matched_count"), 250);
}

#[rstest]
#[case(json!([]), json!([]), &["line_count > 0"], &[])]
#[case(json!("a"), json!([]), &["size(missing) == 0"], &[])]
#[case(json!([]), json!("b"), &["size(unwanted) == 0"], &["line_count > 0"])]
#[case(json!("a"), json!("b"), &["size(missing) == 0", "size(unwanted) == 0"], &[])]
fn what_is_expected(
    #[case] matching: serde_json::Value,
    #[case] absent: serde_json::Value,
    #[case] require: &[&str],
    #[case] prefer: &[&str],
) {
    let (matching, absent) = (patterns(matching), patterns(absent));
    let defaults = Sought::new(&matching, &absent).defaults(&[]);
    assert_eq!(defaults.require, require);
    assert_eq!(defaults.prefer, prefer);
}

#[rstest]
#[case("plain", "plain")]
#[case("\u{1b}[1;31mFATAL\u{1b}[0m: no", "FATAL: no")]
#[case("could not \u{1b}[31mloc\u{1b}[mate", "could not locate")]
#[case("\u{1b}[38:5:1mx \r", "x")]
#[case("\u{1b}[2Jgone", "\u{1b}[2Jgone")]
#[case("\u{1b}[", "\u{1b}[")]
#[case("\u{1b}[12", "\u{1b}[12")]
#[case("\u{1b}[é", "\u{1b}[é")]
#[case("全部排程任務已註冊", "全部排程任務已註冊")]
fn lines_lose_their_colour(#[case] line: &str, #[case] expected: &str) {
    assert_eq!(plain(line), expected);
}

#[rstest]
#[case("6h", Some(21600))]
#[case("1d12h", Some(129_600))]
#[case("2w", Some(1_209_600))]
#[case("90m", Some(5400))]
#[case("500ms", Some(1))]
#[case("0s", Some(0))]
#[case("", None)]
#[case("6", None)]
#[case("h", None)]
#[case("6H", None)]
#[case("-6h", None)]
#[case("99999999999999999999h", None)]
#[case("9999999999999999999w", None)]
fn spans_of_time(#[case] text: &str, #[case] seconds: Option<u64>) {
    let span = Span::try_from(text.to_owned());
    assert_eq!(span.ok().map(Span::seconds), seconds);
}
