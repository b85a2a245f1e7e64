use rstest::rstest;

use super::*;
use crate::judge::Level;
use crate::probe::find;

const HOUR: Duration = Duration::from_hours(1);

fn proof(check: usize, id: &str, loss: Option<u32>) -> Proof {
    Proof {
        check,
        id: id.to_owned(),
        loss: loss.map(|hours| hours * HOUR),
    }
}

fn promised(by: Vec<Proof>, hours: u32) -> Cell {
    Cell::Promised {
        by,
        max_loss: hours * HOUR,
    }
}

fn excluded(until: Option<&str>) -> Cell {
    Cell::Excluded {
        why: "too large".to_owned(),
        by: None,
        until: until.map(|until| (until.to_owned(), until.parse().expect("a time"))),
    }
}

fn now() -> Timestamp {
    "2026-06-13T04:00:00Z".parse().expect("a time")
}

#[rstest]
#[case::kept(promised(vec![proof(0, "a", Some(24))], 24), Standing::Covered { loss: 24 * HOUR, max_loss: 24 * HOUR })]
#[case::all_keep_it(promised(vec![proof(0, "a", Some(4)), proof(1, "b", Some(6)), proof(2, "c", None)], 6), Standing::Covered { loss: 6 * HOUR, max_loss: 6 * HOUR })]
#[case::one_of_two_keeps_it(promised(vec![proof(0, "a", Some(24)), proof(1, "b", Some(6))], 6), Standing::Weaker { loss: 24 * HOUR, max_loss: 6 * HOUR })]
#[case::weaker(promised(vec![proof(0, "a", Some(26))], 24), Standing::Weaker { loss: 26 * HOUR, max_loss: 24 * HOUR })]
#[case::unbounded(promised(vec![proof(0, "a", None)], 24), Standing::Unbounded { max_loss: 24 * HOUR })]
#[case::empty(Cell::Empty, Standing::Uncovered)]
#[case::excluded(excluded(None), Standing::Excluded)]
#[case::excluded_still(excluded(Some("2026-06-13T04:00:01Z")), Standing::Excluded)]
#[case::expired(excluded(Some("2026-06-13T04:00:00Z")), Standing::Expired)]
#[case::not_needed(Cell::NotNeeded { why: "files".to_owned() }, Standing::NotNeeded)]
fn what_a_cell_comes_to(#[case] cell: Cell, #[case] standing: Standing) {
    assert_eq!(cell.standing(now()), standing);
}

fn layer(id: &str) -> Layer {
    Layer {
        id: id.to_owned(),
        title: None,
    }
}

fn service(id: &str, cells: Vec<Cell>) -> Service {
    Service {
        id: id.to_owned(),
        title: None,
        cells,
    }
}

fn table() -> Coverage {
    Coverage {
        layers: vec![layer("snapshot"), layer("offsite")],
        services: vec![
            service(
                "postgresql",
                vec![
                    promised(vec![proof(0, "zfs@truenas", Some(24))], 24),
                    promised(vec![proof(1, "sync", Some(12))], 6),
                ],
            ),
            service(
                "prometheus",
                vec![
                    promised(
                        vec![proof(0, "zfs@truenas", Some(24)), proof(2, "tsdb", None)],
                        24,
                    ),
                    excluded(None),
                ],
            ),
            service(
                "loki",
                vec![Cell::Empty, excluded(Some("2026-01-01T00:00:00Z"))],
            ),
            service(
                "immich",
                vec![
                    Cell::NotNeeded {
                        why: "files".to_owned(),
                    },
                    promised(vec![proof(2, "tsdb", None)], 6),
                ],
            ),
        ],
    }
}

fn list(facts: &Facts, name: &str) -> Vec<String> {
    match facts.get(name) {
        Some(Value::List(items)) => items
            .iter()
            .map(|item| match item {
                Value::Text(text) => text.clone(),
                other => panic!("{other:?}"),
            })
            .collect(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn facts_name_cells() {
    let coverage = table();
    assert_eq!(coverage.checks(), [0, 1, 2]);
    let verdicts = [Verdict::Pass, Verdict::Blocked, Verdict::NotEvaluated];
    let facts = coverage.facts(now(), |place| verdicts[place]);
    for (name, expected) in [("cells", 8.0), ("proven", 1.0), ("not_needed", 1.0)] {
        assert_eq!(facts.get(name), Some(&Value::Number(expected)), "{name}");
    }
    assert_eq!(
        list(&facts, "uncovered"),
        ["loki snapshot", "loki offsite (its exclusion has ended)"]
    );
    assert_eq!(
        list(&facts, "unproven"),
        [
            "postgresql offsite (sync is BLOCKED)",
            "prometheus snapshot (tsdb was not evaluated)",
            "immich offsite (tsdb was not evaluated)"
        ]
    );
    assert_eq!(
        list(&facts, "weaker"),
        ["postgresql offsite (allows 12h, promises 6h)"]
    );
    assert_eq!(list(&facts, "unbounded"), ["immich offsite (promises 6h)"]);
    assert_eq!(list(&facts, "excluded"), ["prometheus offsite"]);
    let kind = find("coverage").expect("a kind");
    for (name, value) in facts.iter() {
        let spec = kind.facts.iter().find(|spec| spec.name == name);
        assert!(spec.is_some_and(|spec| value.is(&spec.ty)), "{name}");
    }
}

#[test]
fn a_card_names_the_cells() {
    let kind = find("coverage").expect("a kind");
    let expectations: Vec<Expectation> = NAMED
        .iter()
        .map(|(source, _, _)| {
            Expectation::compile(Level::Prefer, source, kind.facts).expect(source)
        })
        .collect();
    let looked = |verdict| Observation {
        at: now(),
        elapsed: Duration::ZERO,
        attempts: 1,
        outcome: Outcome::Seen(table().facts(now(), |_| verdict)),
    };
    let judged = judge_coverage(&looked(Verdict::Pass), &expectations, "all", false);
    assert_eq!(judged.verdict, Verdict::Warn);
    let seen: Vec<&str> = judged
        .findings
        .iter()
        .map(|found| found.seen.as_str())
        .collect();
    assert_eq!(
        seen,
        [
            "uncovered: loki snapshot, loki offsite (its exclusion has ended)",
            "unproven: none",
            "weaker: postgresql offsite (allows 12h, promises 6h)",
            "unbounded: immich offsite (promises 6h)",
        ]
    );
    let mut many = table();
    many.services = (0..10)
        .map(|number| service(&format!("s{number}"), vec![Cell::Empty, Cell::Empty]))
        .collect();
    let mut looked = looked(Verdict::Pass);
    looked.outcome = Outcome::Seen(many.facts(now(), |_| Verdict::Pass));
    let judged = judge_coverage(&looked, &expectations, "all", false);
    assert!(
        judged.findings[0]
            .seen
            .ends_with("s2 snapshot, s2 offsite and 14 more")
    );
}
