use std::collections::BTreeSet;

use proptest::prelude::*;
use rstest::rstest;

use super::super::Plan;
use super::super::trial::{ids, plan};
use super::{Selection, UnknownName};

const FOUR: &str = "phases:\n  \
    NETWORK: { checks: { up: { on: [a, b], ping: {} } } }\n  \
    DATA: { needs: NETWORK, checks: { unit: { on: a, systemd: { unit: db } }, db: { on: a, after: unit, tcp: { port: 1 } }, disk: { on: a, tcp: { port: 2 } } } }\n  \
    LOGS: { needs: NETWORK, checks: { logs: { on: b, tcp: { port: 3 } } } }\n  \
    WEB: { needs: DATA, checks: { web: { on: b, tcp: { port: 4 } }, late: { on: b, after: web, tcp: { port: 5 } } } }\n";

fn select(only: &[&str], skip: &[&str]) -> Selection {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Selection {
        only: owned(only),
        skip: owned(skip),
    }
}

fn kept(plan: &Plan, selection: &Selection) -> Vec<String> {
    let reasons = selection.apply(plan).expect("known names");
    let places = (0..reasons.len()).filter(|&place| reasons[place].is_none());
    ids(plan, places).into_iter().map(str::to_owned).collect()
}

#[rstest]
#[case::everything(&[], &[], &["up@a", "up@b", "unit@a", "db@a", "disk@a", "logs@b", "web@b", "late@b"])]
#[case::a_phase_with_its_needs(&["LOGS"], &[], &["up@a", "up@b", "logs@b"])]
#[case::all_upstream(&["web"], &[], &["up@a", "up@b", "unit@a", "db@a", "disk@a", "web@b"])]
#[case::what_it_comes_after(&["db"], &[], &["up@a", "up@b", "unit@a", "db@a"])]
#[case::one_host(&["up@b"], &[], &["up@b"])]
#[case::every_host(&["up"], &[], &["up@a", "up@b"])]
#[case::two(&["up@b", "logs"], &[], &["up@a", "up@b", "logs@b"])]
#[case::skip_a_phase(&[], &["DATA"], &["up@a", "up@b", "logs@b", "web@b", "late@b"])]
#[case::skip_goes_before_only(&["LOGS"], &["up@a"], &["up@b", "logs@b"])]
fn selections(#[case] only: &[&str], #[case] skip: &[&str], #[case] expected: &[&str]) {
    assert_eq!(kept(&plan(FOUR), &select(only, skip)), expected);
}

#[test]
fn the_reason_names_the_option() {
    let plan = plan(FOUR);
    let reasons = select(&["LOGS", "up@a"], &["up@b"])
        .apply(&plan)
        .expect("known names");
    assert_eq!(reasons[0], None);
    assert_eq!(reasons[1].as_deref(), Some("left out by --skip up@b"));
    assert_eq!(
        reasons[2].as_deref(),
        Some("left out by --only LOGS --only up@a")
    );
}

#[test]
fn every_unknown_name_is_told() {
    let wrong = select(&["LOGSS", "web"], &["up@c", "nothing-like-it"]);
    let unknown = |name: &str, suggestion: Option<&str>| UnknownName {
        name: name.to_owned(),
        suggestion: suggestion.map(str::to_owned),
    };
    assert_eq!(
        wrong.apply(&plan(FOUR)),
        Err(vec![
            unknown("LOGSS", Some("LOGS")),
            unknown("up@c", Some("up@a")),
            unknown("nothing-like-it", None)
        ])
    );
}

#[test]
fn checks_are_found_by_name() {
    let plan = plan(FOUR);
    let found = |name: &str| plan.find_checks(name).map(|places| ids(&plan, places));
    assert_eq!(found("up"), Ok(vec!["up@a", "up@b"]));
    assert_eq!(found("up@b"), Ok(vec!["up@b"]));
    let missing = plan.find_checks("wbe").expect_err("a typing mistake");
    assert_eq!(missing.suggestion.as_deref(), Some("web"));
    // A phase is no check.
    assert!(plan.find_checks("DATA").is_err());
    assert_eq!(ids(&plan, plan.checks_after(2)), ["db@a"]);
    assert_eq!(ids(&plan, plan.checks_after(3)), [""; 0]);
}

/// Phases with a few checks each, whose needs go to earlier phases of a
/// shuffled file.
fn graphs() -> impl Strategy<Value = String> {
    let phase = (
        proptest::collection::vec(any::<proptest::sample::Index>(), 0..3),
        proptest::collection::vec(proptest::option::of(any::<proptest::sample::Index>()), 1..4),
    );
    proptest::collection::vec(phase, 1..9).prop_flat_map(|phases| {
        let texts: Vec<String> = phases
            .iter()
            .enumerate()
            .map(|(number, (needs, checks))| {
                let needs: BTreeSet<String> = needs
                    .iter()
                    .filter(|_| number > 0)
                    .map(|need| format!("P{}", need.index(number)))
                    .collect();
                let checks: Vec<String> = checks
                    .iter()
                    .enumerate()
                    .map(|(place, after)| {
                        let after = after.filter(|_| place > 0).map_or(String::new(), |after| {
                            format!("after: c{number}-{}, ", after.index(place))
                        });
                        format!("c{number}-{place}: {{ on: a, {after}ping: {{}} }}")
                    })
                    .collect();
                format!(
                    "  P{number}: {{ needs: [{}], checks: {{ {} }} }}\n",
                    needs.into_iter().collect::<Vec<_>>().join(", "),
                    checks.join(", ")
                )
            })
            .collect();
        Just(texts)
            .prop_shuffle()
            .prop_map(|texts| format!("phases:\n{}", texts.concat()))
    })
}

/// Every phase that `phase` stands on, found without the plan's own walk.
fn upstream(plan: &Plan, phase: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = plan.phases[phase].needs.clone();
    while let Some(need) = open.pop() {
        if found.insert(need) {
            open.extend(&plan.phases[need].needs);
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_respects_every_need(text in graphs()) {
        let plan = plan(&text);
        for (place, phase) in plan.phases.iter().enumerate() {
            prop_assert!(phase.needs.iter().all(|&need| need < place));
            for check in phase.checks.clone() {
                prop_assert_eq!(plan.checks[check].phase, place);
                for &after in &plan.checks[check].after {
                    prop_assert!(after < check && phase.checks.contains(&after));
                }
            }
        }
        let covered: Vec<usize> = plan.phases.iter().flat_map(|phase| phase.checks.clone()).collect();
        prop_assert_eq!(covered, (0..plan.checks.len()).collect::<Vec<_>>());
    }

    #[test]
    fn only_includes_everything_upstream(text in graphs(), pick in any::<proptest::sample::Index>()) {
        let plan = plan(&text);
        let picked = &plan.checks[pick.index(plan.checks.len())];
        let upstream = upstream(&plan, picked.phase);
        let reasons = select(&[&picked.id], &[]).apply(&plan).expect("a known name");
        for (place, check) in plan.checks.iter().enumerate() {
            let runs = reasons[place].is_none();
            if upstream.contains(&check.phase) || check.id == picked.id {
                prop_assert!(runs, "{} is left out for {}", check.id, picked.id);
            }
            if check.phase != picked.phase && !upstream.contains(&check.phase) {
                prop_assert!(!runs, "{} runs for {}", check.id, picked.id);
            }
            // What runs has what it comes after.
            if runs {
                prop_assert!(check.after.iter().all(|&after| reasons[after].is_none()));
            }
        }
    }

    #[test]
    fn downstream_is_what_stands_on_it(text in graphs()) {
        let plan = plan(&text);
        for phase in 0..plan.phases.len() {
            let expected: Vec<usize> = (0..plan.phases.len())
                .filter(|&other| upstream(&plan, other).contains(&phase))
                .collect();
            prop_assert_eq!(plan.downstream(phase), expected);
        }
    }
}
