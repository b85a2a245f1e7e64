use rstest::rstest;

use super::*;
use crate::probe::{Fault, FaultKind};

fn text(text: &str) -> Pattern {
    Pattern::text(text).expect("a text")
}

fn signature(matching: &[&str], kinds: &[&'static str]) -> Signature {
    Signature {
        matching: matching.iter().map(|one| text(one)).collect(),
        kinds: kinds.to_vec(),
    }
}

fn seen(name: &str, value: impl Into<Value>) -> Outcome {
    let mut facts = Facts::new();
    facts.set("count", 7.0);
    facts.set(name, value);
    Outcome::Seen(facts)
}

fn fault(words: &str) -> Outcome {
    Outcome::Fault(Fault::new(FaultKind::Protocol, words))
}

fn list(items: &[&str]) -> Value {
    Value::List(items.iter().map(|item| Value::from(*item)).collect())
}

/// Place, kind and line of what is recognised.
fn recognised(signatures: &[Signature], looks: &[(&str, Outcome)]) -> Vec<(usize, String, String)> {
    let looks: Vec<Sight<'_>> = looks
        .iter()
        .map(|(kind, outcome)| Sight { kind, outcome })
        .collect();
    recognise(signatures.iter().enumerate(), &looks)
        .into_iter()
        .map(|found| (found.signature, found.kind, found.line))
        .collect()
}

#[rstest]
#[case::a_text(seen("stdout", "a\n ls: Bad message \nb"))]
#[case::a_list(seen("lines", list(&["a", "ls: Bad message"])))]
#[case::a_map(seen("units", Value::Map([("x".to_owned(), Value::from("ls: Bad message"))].into())))]
#[case::json(seen("json", Value::Json(serde_json::json!({"items": [{"reason": "ls: Bad message"}]}))))]
#[case::colour(seen("stdout", "ls: Bad \u{1b}[31mmes\u{1b}[0msage"))]
#[case::a_fault(fault("ls: Bad message"))]
fn it_is_found_wherever_it_was_seen(#[case] outcome: Outcome) {
    let found = recognised(&[signature(&["Bad message"], &[])], &[("log", outcome)]);
    assert_eq!(found, [(0, "log".to_owned(), "ls: Bad message".to_owned())]);
}

#[rstest]
#[case::other_words(seen("stdout", "bad message"))]
#[case::two_lines(seen("stdout", "Bad\nmessage"))]
#[case::two_items(seen("lines", list(&["Bad", "message"])))]
#[case::a_name(seen("Bad message", 1.0))]
// What was looked for and not found is in the facts as well.
#[case::missing(seen("missing", list(&["Bad message"])))]
fn it_is_not_found_where_it_was_not_seen(#[case] outcome: Outcome) {
    let found = recognised(&[signature(&["Bad message"], &[])], &[("log", outcome)]);
    assert_eq!(found, []);
}

#[test]
fn the_order_is_the_signatures() {
    let signatures = [
        signature(&["later"], &[]),
        signature(&["never"], &[]),
        signature(&["x", "sooner"], &[]),
    ];
    let looks = [
        ("tcp", fault("sooner 1")),
        ("journal", seen("lines", list(&["sooner 2", "later"]))),
    ];
    let places: Vec<_> = recognised(&signatures, &looks);
    assert_eq!(
        places,
        [
            (0, "journal".to_owned(), "later".to_owned()),
            (2, "tcp".to_owned(), "sooner 1".to_owned()),
        ]
    );
}

#[test]
fn a_kind_can_be_asked_for() {
    let looks = [
        ("http", seen("body", "No space left on device")),
        (
            "journal",
            seen("lines", list(&["write: No space left on device"])),
        ),
    ];
    let found = recognised(
        &[signature(&["No space left on device"], &["journal", "log"])],
        &looks,
    );
    assert_eq!(found[0].1, "journal");
    assert_eq!(found[0].2, "write: No space left on device");
    let none = recognised(&[signature(&["No space left"], &["log"])], &looks);
    assert_eq!(none, []);
}

#[test]
fn expressions_are_held_against_single_lines() {
    let signature = Signature {
        matching: vec![Pattern::regex("^PANIC: .* record$").expect("an expression")],
        kinds: Vec::new(),
    };
    let looks = [(
        "journal",
        seen(
            "lines",
            list(&["x PANIC: no record", "PANIC:  could not locate a record"]),
        ),
    )];
    let found = recognised(&[signature], &looks);
    assert_eq!(found[0].2, "PANIC:  could not locate a record");
}

#[test]
fn a_long_line_is_cut_between_characters() {
    let long = format!("Bad message {}", "資".repeat(2000));
    let found = recognised(
        &[signature(&["Bad message"], &[])],
        &[("log", seen("lines", list(&[&long])))],
    );
    assert_eq!(found[0].2.chars().count(), 1000);
}

#[rstest]
#[case(Verdict::Pass, false)]
#[case(Verdict::Warn, true)]
#[case(Verdict::Blocked, true)]
#[case(Verdict::NotEvaluated, false)]
#[case(Verdict::Skipped, false)]
fn what_is_looked_into(#[case] verdict: Verdict, #[case] expected: bool) {
    assert_eq!(is_looked_into(verdict), expected);
}
