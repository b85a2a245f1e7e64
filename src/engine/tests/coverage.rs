//! What a coverage waits for, and what it makes of that.

use rstest::rstest;

use super::*;
use crate::judge::{Cell, Coverage, Layer, Proof, Service};
use crate::scorecard::RunResult;

/// A check of the kind `coverage` that tells of `awaits`.
fn coverage_of(plan: Arc<Plan>, teller: &str, awaits: &[&str]) -> Arc<Plan> {
    let mut plan = Arc::into_inner(plan).expect("nobody else has it");
    let place = |id: &str| {
        plan.checks
            .iter()
            .position(|check| check.id == id)
            .expect("a check")
    };
    let awaited: Vec<usize> = awaits.iter().map(|id| place(id)).collect();
    let cells = awaits
        .iter()
        .zip(&awaited)
        .map(|(id, check)| Cell::Promised {
            by: vec![Proof {
                check: *check,
                id: (*id).to_owned(),
                loss: Some(Duration::from_hours(1)),
            }],
            max_loss: Duration::from_hours(1),
        });
    let layers = awaits.iter().map(|id| Layer {
        id: (*id).to_owned(),
        title: None,
    });
    plan.coverage = Some(Coverage {
        layers: layers.collect(),
        services: vec![Service {
            id: "db".to_owned(),
            title: None,
            cells: cells.collect(),
        }],
    });
    let facts = crate::probe::find("coverage").expect("a kind").facts;
    let expected = Expectation::compile(Level::Prefer, "size(unproven) == 0", facts);
    let teller = place(teller);
    let teller = &mut plan.checks[teller];
    teller.kind = "coverage";
    teller.awaits = awaited;
    teller.expectations = vec![expected.expect("well-formed")];
    Arc::new(plan)
}

/// It stands in a phase before some of them in the plan, and waits whatever they come to.
#[rstest]
#[case::as_gates_have_it(false)]
#[case::keep_going(true)]
#[tokio::test(start_paused = true)]
async fn a_coverage_waits_for_its_checks_whatever_they_come_to(#[case] keep_going: bool) {
    let (plan, _) = plan(vec![
        ("FIRST", &[], vec![check("covered", vec![Act::Panic])]),
        ("A", &[], vec![check("dump", vec![Act::Pass]).takes(500)]),
        ("B", &["A"], vec![check("sync", vec![Act::Shut]).takes(300)]),
        ("C", &["B"], vec![check("remote", vec![Act::Pass])]),
    ]);
    let plan = coverage_of(plan, "covered", &["dump", "sync", "remote"]);
    let options = Options {
        keep_going,
        ..Options::default()
    };
    let card = card_of(&plan, &options).await;
    let check = find(&card, "covered");
    assert_eq!(check.verdict, Verdict::Warn);
    assert_eq!(check.attempts, 1);
    let rest = if keep_going {
        ""
    } else {
        ", db remote (remote was not evaluated)"
    };
    assert_eq!(
        check.findings[0].seen,
        format!("unproven: db sync (sync is BLOCKED){rest}")
    );
}

#[tokio::test(start_paused = true)]
async fn a_coverage_passes_when_its_checks_do() {
    let (plan, _) = plan(vec![(
        "A",
        &[],
        vec![
            check("covered", vec![Act::Panic]),
            check("dump", vec![Act::Pass]),
        ],
    )]);
    let plan = coverage_of(plan, "covered", &["dump"]);
    let card = card_of(&plan, &Options::default()).await;
    assert_eq!(find(&card, "covered").verdict, Verdict::Pass);
    assert_eq!(card.result, RunResult::Green);
}
