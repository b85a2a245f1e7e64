//! What starts when, and what each gate makes of it.

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;
use crate::scorecard::{Held, RunResult};

#[tokio::test(start_paused = true)]
async fn a_blocked_gate_holds_what_comes_after_it_and_nothing_else() {
    let (plan, _) = plan(vec![
        (
            "NET",
            &[],
            vec![
                check("ping", [Act::Pass]),
                check("ssh", [fault(FaultKind::Refused)]),
                check("late", [Act::Pass]).takes(500),
            ],
        ),
        ("DATA", &["NET"], vec![check("postgres", [Act::Pass])]),
        ("APPS", &["DATA"], vec![check("web", [Act::Pass])]),
        ("OTHER", &[], vec![check("backup", [Act::Slow])]),
    ]);
    let mut started = Vec::new();
    let card = run(
        &plan,
        &vec![None; 6],
        &transports(),
        &Options::default(),
        never(),
        &mut |event| {
            if let Event::CheckStarted { check, .. } = event {
                started.push(plan.checks[*check].id.clone());
            }
        },
    )
    .await;
    assert_eq!(
        verdicts(&card),
        [
            ("ping", Verdict::Pass),
            ("ssh", Verdict::Blocked),
            ("late", Verdict::Pass),
            ("postgres", Verdict::NotEvaluated),
            ("web", Verdict::NotEvaluated),
            ("backup", Verdict::Warn),
        ]
    );
    assert_eq!(
        gates(&card),
        [
            ("NET", Gate::Blocked, None),
            ("DATA", Gate::NotEvaluated, Some("NET")),
            ("APPS", Gate::NotEvaluated, Some("NET")),
            ("OTHER", Gate::Warn, None),
        ]
    );
    started.sort();
    assert_eq!(started, ["backup", "late", "ping", "ssh"]);
    assert_eq!(
        find(&card, "web").held_by,
        Some(Held::Gate("NET".to_owned()))
    );
    assert_eq!((card.result, card.exit_code), (RunResult::Blocked, 2));
    assert_eq!(card.roots.len(), 1);
    assert_eq!(card.roots[0].check, "ssh");
    assert_eq!(
        (card.roots[0].holds_checks, card.roots[0].holds_phases),
        (2, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn keep_going_looks_at_everything_and_opens_no_gate() {
    let (plan, _) = plan(vec![
        ("NET", &[], vec![check("ssh", [Act::Shut])]),
        ("DATA", &["NET"], vec![check("postgres", [Act::Pass])]),
        (
            "APPS",
            &["DATA"],
            vec![check("web", [Act::Shut]), check("api", [Act::Pass])],
        ),
        ("EDGE", &["APPS"], vec![check("route", [Act::Pass])]),
    ]);
    let options = Options {
        keep_going: true,
        ..Options::default()
    };
    let card = card_of(&plan, &options).await;
    assert_eq!(
        verdicts(&card),
        [
            ("ssh", Verdict::Blocked),
            ("postgres", Verdict::Pass),
            ("web", Verdict::Blocked),
            ("api", Verdict::Pass),
            ("route", Verdict::Pass),
        ]
    );
    assert_eq!(
        gates(&card),
        [
            ("NET", Gate::Blocked, None),
            ("DATA", Gate::NotEvaluated, Some("NET")),
            ("APPS", Gate::Blocked, None),
            ("EDGE", Gate::NotEvaluated, Some("NET")),
        ]
    );
    let first = card.first_blocked.expect("a blocked gate");
    assert_eq!((first.phase.as_str(), first.check.as_str()), ("NET", "ssh"));
}

#[tokio::test(start_paused = true)]
async fn the_first_blocked_gate_upstream_is_named() {
    let (plan, _) = plan(vec![
        ("A", &[], vec![check("a", [Act::Shut]).takes(900)]),
        ("B", &[], vec![check("b", [Act::Shut])]),
        ("C", &["B", "A"], vec![check("c", [Act::Pass])]),
    ]);
    let card = card_of(&plan, &Options::default()).await;
    assert_eq!(gates(&card)[2], ("C", Gate::NotEvaluated, Some("A")));
    assert_eq!(
        card.first_blocked.map(|first| first.phase).as_deref(),
        Some("A")
    );
}

#[tokio::test(start_paused = true)]
async fn after_waits_for_an_answer_and_a_warning_is_one() {
    let (plan, load) = plan(vec![(
        "A",
        &[],
        vec![
            check("slow", [Act::Slow]),
            check("second", [Act::Pass]).after(&["slow"]),
            check("third", [Act::Pass]).after(&["second"]),
        ],
    )]);
    let card = card_of(&plan, &Options::default()).await;
    assert_eq!(
        verdicts(&card),
        [
            ("slow", Verdict::Warn),
            ("second", Verdict::Pass),
            ("third", Verdict::Pass)
        ]
    );
    assert_eq!(load.most.load(Ordering::SeqCst), 1, "one after the other");
}

#[tokio::test(start_paused = true)]
async fn after_a_blocked_check_nothing_is_sent() {
    let (plan, _) = plan(vec![(
        "A",
        &[],
        vec![
            check("login", [fault(FaultKind::Denied)]),
            check("query", [Act::Panic]).after(&["login"]),
            check("report", [Act::Panic]).after(&["query"]),
        ],
    )]);
    let card = card_of(&plan, &Options::default()).await;
    let query = find(&card, "query");
    assert_eq!(query.verdict, Verdict::NotEvaluated);
    assert_eq!(query.held_by, Some(Held::Check("login".to_owned())));
    assert_eq!(
        find(&card, "report").held_by,
        Some(Held::Check("query".to_owned()))
    );
    assert_eq!(card.roots[0].holds_checks, 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_out_is_told_and_holds_nothing() {
    let (plan, _) = plan(vec![
        ("A", &[], vec![check("a", [Act::Panic])]),
        (
            "B",
            &["A"],
            vec![check("b", [Act::Pass]), check("c", [Act::Pass])],
        ),
    ]);
    let why = Some("left out by --skip a".to_owned());
    let card = card_without(&plan, &Options::default(), &[why.clone(), None, None]).await;
    assert_eq!(find(&card, "a").verdict, Verdict::Skipped);
    assert_eq!(find(&card, "a").skipped, why);
    assert_eq!(gates(&card)[1].1, Gate::Green);
    assert_eq!((card.totals.skipped, card.result), (1, RunResult::Green));
}

#[tokio::test(start_paused = true)]
async fn a_run_with_nothing_in_it_is_not_green() {
    let (plan, _) = plan(vec![("A", &[], vec![check("a", [Act::Pass])])]);
    let card = card_without(&plan, &Options::default(), &[Some("no".to_owned())]).await;
    assert_eq!((card.result, card.exit_code), (RunResult::CheckFailed, 3));
    assert_eq!(card.failure.as_deref(), Some("no check was evaluated"));
}

#[tokio::test(start_paused = true)]
async fn no_more_run_at_once_than_allowed() {
    let sketches = |host: &'static str, ids: [&'static str; 4]| {
        ids.map(|id| check(id, [Act::Pass]).on(host)).into_iter()
    };
    let checks: Vec<Sketch> = sketches("x", ["x1", "x2", "x3", "x4"])
        .chain(sketches("y", ["y1", "y2", "y3", "y4"]))
        .collect();
    let (plan, load) = plan(vec![("A", &[], checks)]);
    for (jobs, jobs_per_host, most) in [(3, 8, 3), (32, 1, 2), (32, 8, 8)] {
        let options = Options {
            jobs,
            jobs_per_host,
            ..Options::default()
        };
        let card = card_of(&plan, &options).await;
        assert_eq!(card.totals.pass, 8);
        assert_eq!(
            load.most.swap(0, Ordering::SeqCst),
            most,
            "{jobs} jobs, {jobs_per_host} a host"
        );
    }
}

/// What looks at several hosts takes its turn on each, and no two such wait
/// for one another.
#[tokio::test(start_paused = true)]
async fn what_looks_at_several_hosts_has_a_turn_on_each() {
    let checks = ["a", "b", "c", "d"].map(|id| check(id, [Act::Pass]));
    let (mut plan, load) = plan(vec![("A", &[], checks.into())]);
    let planned = Arc::get_mut(&mut plan).expect("its only owner");
    planned.hosts = ["x", "y"].map(host).into();
    for (check, hosts) in planned
        .checks
        .iter_mut()
        .zip([[0, 1], [1, 0], [0, 1], [1, 0]])
    {
        check.target.also = hosts.map(|place| Arc::clone(&planned.hosts[place])).into();
    }
    for (jobs_per_host, most) in [(1, 1), (2, 2), (8, 4)] {
        let options = Options {
            jobs_per_host,
            ..Options::default()
        };
        let card = card_of(&plan, &options).await;
        assert_eq!(card.totals.pass, 4);
        let seen = load.most.swap(0, Ordering::SeqCst);
        assert_eq!(seen, most, "{jobs_per_host} a host");
    }
}

/// The needs among the phases before it, and for each check what comes of it
/// and how long it takes.
type SketchedPhase = (Vec<usize>, Vec<(usize, u64)>);

fn graphs() -> impl Strategy<Value = Vec<SketchedPhase>> {
    (1usize..6).prop_flat_map(|phases| {
        (0..phases)
            .map(|phase| {
                let earlier: Vec<usize> = (0..phase).collect();
                let checks = prop::collection::vec((0usize..4, 1u64..500), 1..4);
                (subsequence(earlier, 0..=phase), checks)
            })
            .collect::<Vec<_>>()
    })
}

const PHASES: [&str; 6] = ["P0", "P1", "P2", "P3", "P4", "P5"];
const CHECKS: [[&str; 4]; 6] = [
    ["00", "01", "02", "03"],
    ["10", "11", "12", "13"],
    ["20", "21", "22", "23"],
    ["30", "31", "32", "33"],
    ["40", "41", "42", "43"],
    ["50", "51", "52", "53"],
];

fn sketched(graph: &[SketchedPhase], times: bool) -> Arc<Plan> {
    let needs: Vec<Vec<&str>> = graph
        .iter()
        .map(|(needs, _)| needs.iter().map(|&need| PHASES[need]).collect())
        .collect();
    let phases = graph
        .iter()
        .enumerate()
        .map(|(phase, (_, checks))| {
            let checks = checks
                .iter()
                .enumerate()
                .map(|(place, &(act, time))| {
                    let acts = [Act::Pass, Act::Slow, Act::Shut, fault(FaultKind::Refused)];
                    check(CHECKS[phase][place], [acts[act].clone()]).takes(if times {
                        time
                    } else {
                        7
                    })
                })
                .collect();
            (PHASES[phase], needs[phase].as_slice(), checks)
        })
        .collect();
    plan(phases).0
}

/// The card as JSON, but for what a clock says.
fn timeless(card: &Scorecard) -> String {
    let mut document = serde_json::to_value(card).expect("a card is JSON");
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(entries) => {
                entries.retain(|key, _| !key.ends_with("_at") && key != "elapsed_ms");
                entries.values_mut().for_each(strip);
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut document);
    document.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_card_accounts_for_everything_in_any_order_of_arrival(graph in graphs(), keep_going: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let options = Options { keep_going, ..Options::default() };
        let (first, second) = runtime.block_on(async {
            (
                card_of(&sketched(&graph, true), &options).await,
                card_of(&sketched(&graph, false), &options).await,
            )
        });
        prop_assert_eq!(timeless(&first), timeless(&second));
        for (phase, card) in first.phases.iter().enumerate() {
            let held = graph[phase].0.iter().any(|&need| !first.phases[need].gate.lets_through());
            if held {
                prop_assert!(!card.gate.lets_through(), "{} behind a blocked gate", card.id);
                if !keep_going {
                    prop_assert!(card.checks.iter().all(|check| check.attempts == 0));
                }
            }
            for check in &card.checks {
                let untouched = held && !keep_going;
                prop_assert_eq!(check.verdict == Verdict::NotEvaluated, untouched, "{}", check.id);
            }
        }
        let green = first.checks().all(|check| check.verdict == Verdict::Pass);
        prop_assert_eq!(first.result == RunResult::Green, green);
    }
}
