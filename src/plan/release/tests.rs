use rstest::rstest;

use super::super::trial::{attempt, ids, phases, plan};
use crate::plan::Plan;

const STACK: &str = "phases:\n  \
    NETWORK: { checks: { up: { on: [a, b], ping: {} } } }\n  \
    DATA: { needs: NETWORK, checks: { db: { on: a, tcp: { port: 1 } } } }\n  \
    WEB: { needs: DATA, checks: { web: { on: b, tcp: { port: 2 } } } }\n  \
    LOAD: { checks: { load: { on: [a, b], tcp: { port: 3 } }, late: { on: a, after: load, tcp: { port: 4 } } } }\n\
    releases:\n  \
    last: { title: the last one, after: [batch], require: [{ check: web }], runbook: §5 }\n  \
    batch: { needs: [DATA], after: first, require: [{ check: load@b }] }\n  \
    first: { require: [{ check: load }] }\n";

fn place(plan: &Plan, id: &str) -> usize {
    plan.release(id).expect("a release")
}

#[test]
fn a_release_comes_behind_those_that_it_waits_for() {
    let plan = plan(STACK);
    let order: Vec<&str> = plan.releases.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(order, ["first", "batch", "last"]);
    assert_eq!(plan.releases[1].after, [0]);
    assert_eq!(plan.releases[2].after, [1]);
    assert_eq!(plan.releases[2].title.as_deref(), Some("the last one"));
    assert_eq!(plan.releases[2].runbook.as_deref(), Some("§5"));
}

#[test]
fn it_needs_every_phase_upstream_of_the_named_ones() {
    let plan = plan(STACK);
    let batch = &plan.releases[place(&plan, "batch")];
    assert_eq!(phases(&plan, batch.needs.clone()), ["NETWORK", "DATA"]);
}

#[rstest]
#[case("first", &["load@a", "load@b"])]
#[case("batch", &["load@b"])]
#[case("last", &["web@b"])]
fn conditions_name_checks_on_one_host_or_on_all(#[case] release: &str, #[case] expected: &[&str]) {
    let plan = plan(STACK);
    let release = &plan.releases[place(&plan, release)];
    let checks = release.require.iter().map(|condition| condition.check);
    assert_eq!(ids(&plan, checks), expected);
}

#[rstest]
#[case("first", &["load@a", "load@b"])]
#[case("batch", &["up@a", "up@b", "db@a", "load@a", "load@b"])]
#[case("last", &["up@a", "up@b", "db@a", "web@b", "load@a", "load@b"])]
fn a_run_for_a_release_looks_at_what_it_and_those_before_it_need(
    #[case] release: &str,
    #[case] expected: &[&str],
) {
    let plan = plan(STACK);
    let left_out = plan.left_out_of_release(place(&plan, release));
    let mut kept: Vec<&str> = ids(
        &plan,
        (0..left_out.len()).filter(|&place| left_out[place].is_none()),
    );
    kept.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(kept, expected);
    let reasons = left_out.into_iter().flatten();
    for reason in reasons {
        assert_eq!(reason, format!("not needed for the release {release}"));
    }
}

#[test]
fn how_long_a_release_asks_for_is_how_far_apart_looks_may_be() {
    let asking = |extra: &str| {
        plan(&format!(
            "phases: {{ P: {{ checks: {{ load: {{ on: [a, b], stable_for: 20m, tcp: {{ port: 3 }} }} }} }} }}\n\
             releases:\n  \
             long: {{ require: [{{ check: load@a, stable_for: 1h }}] }}\n{extra}"
        ))
    };
    let gap =
        |plan: &Plan, check: &str| plan.check(check).expect("a check").over_time.longest_gap();
    let minutes = |minutes| Some(std::time::Duration::from_mins(minutes));
    let one = asking("");
    assert_eq!(gap(&one, "load@a"), minutes(20));
    let two = asking("  short: { require: [{ check: load, stable_for: 15m }] }\n");
    assert_eq!(gap(&two, "load@a"), minutes(15));
    assert_eq!(gap(&two, "load@b"), minutes(15));
    let definition = |plan: &Plan| plan.check("load@b").expect("a check").definition.clone();
    assert_ne!(
        definition(&one),
        definition(&two),
        "looks were joined over 20m"
    );
}

#[test]
fn an_unknown_release_names_the_nearest() {
    let unknown = plan(STACK).release("bach").expect_err("there is none");
    assert_eq!(unknown.suggestion.as_deref(), Some("batch"));
}

#[test]
fn a_check_that_could_not_be_planned_is_not_called_unknown() {
    let said = attempt(
        "phases: { P: { checks: { reach: { on: a, ping: { cuont: 1 } } } } }\n\
         releases: { r: { require: [{ check: reach@a }, { check: reach }] } }\n",
    )
    .expect_err("one mistake");
    assert_eq!(said.matches("error[").count(), 1, "{said}");
}

#[test]
fn a_mistake_in_a_release_is_found_with_those_in_checks() {
    let said = attempt(
        "phases: { P: { checks: { reach: { on: a, ping: { cuont: 1 } } } } }\n\
         releases: { r: { require: [{ check: raech }] } }\n",
    )
    .expect_err("two mistakes");
    assert_eq!(said.matches("error[").count(), 2, "{said}");
    assert!(said.contains("cuont"), "{said}");
    assert!(said.contains("no check `raech`"), "{said}");
    assert!(said.contains("did you mean `reach`?"), "{said}");
}
