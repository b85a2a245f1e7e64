use super::*;
use crate::report::{fixture, json};
use crate::scorecard::Scorecard;

fn reading(card: &Scorecard) -> Reading {
    Reading::of(&json(card)).expect("a card")
}

fn compared(old: &Scorecard, new: &Scorecard) -> Difference {
    difference(("1", &reading(old)), ("2", &reading(new)))
}

#[test]
fn a_card_does_not_differ_from_itself() {
    for (name, script) in fixture::all() {
        let card = script.card();
        let found = compared(&card, &card);
        assert!(found.gates.is_empty() && found.checks.is_empty(), "{name}");
        assert!(
            !found.baseline_changed && found.rebooted.is_empty(),
            "{name}"
        );
    }
}

#[test]
fn every_change_is_told_once_in_the_order_of_the_card() {
    let (old, new) = (fixture::blocked().card(), fixture::green().card());
    let found = compared(&old, &new);
    let ids: Vec<&str> = found
        .checks
        .iter()
        .map(|check| check.change.id.as_str())
        .collect();
    for (_, card) in [("old", &old), ("new", &new)] {
        for check in card.checks() {
            let before = old.check(&check.id).map(|(_, check)| check.verdict);
            let now = new.check(&check.id).map(|(_, check)| check.verdict);
            let told = ids.iter().filter(|id| **id == check.id).count();
            assert_eq!(told, usize::from(before != now), "{}", check.id);
        }
    }
    let order: Vec<usize> = ids
        .iter()
        .filter_map(|id| new.checks().position(|check| check.id == *id))
        .collect();
    assert!(order.is_sorted(), "{ids:?}");
    assert!(!found.gates.is_empty());
}

#[test]
fn new_and_gone_checks_have_one_side() {
    let old = fixture::green().card();
    let mut new = old.clone();
    let moved = new.phases[0].checks.remove(0);
    let mut added = moved.clone();
    added.id = "added".to_owned();
    new.phases[0].checks.push(added);
    let found = compared(&old, &new);
    assert_eq!(found.checks.len(), 2);
    assert_eq!(
        (
            found.checks[0].change.id.as_str(),
            found.checks[0].change.old
        ),
        ("added", None)
    );
    assert_eq!(
        (&found.checks[1].change.id, found.checks[1].change.new),
        (&moved.id, None)
    );
}

#[test]
fn what_is_another_check_or_boot_is_told() {
    let old = fixture::green().card();
    let mut new = old.clone();
    new.baseline.digest = "0".to_owned();
    new.hosts[0].boot_id = Some("another".to_owned());
    new.phases[0].checks[0].definition = "another".to_owned();
    new.phases[0].checks[0].verdict = Verdict::Warn;
    let found = compared(&old, &new);
    assert!(found.baseline_changed);
    assert_eq!(found.rebooted, [old.hosts[0].id.as_str()]);
    assert_eq!(found.checks[0].redefined, Some(true));
}

#[test]
fn a_card_of_before_definitions_is_read() {
    let mut card = serde_json::to_value(fixture::green().card()).expect("JSON");
    for phase in card["phases"].as_array_mut().expect("phases") {
        for check in phase["checks"].as_array_mut().expect("checks") {
            check.as_object_mut().expect("a check").remove("definition");
        }
    }
    let old = Reading::of(&card.to_string()).expect("a card");
    let found = difference(("1", &old), ("2", &reading(&fixture::degraded().card())));
    assert!(found.checks.iter().all(|check| check.redefined.is_none()));
}

#[test]
fn what_is_no_card_is_refused() {
    for text in ["", "{}", "[]", "{\"result\": \"GREEN\"}"] {
        assert!(Reading::of(text).is_err(), "{text}");
    }
}
