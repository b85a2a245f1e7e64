use std::time::Duration;

use rstest::rstest;

use super::super::Level;
use super::super::trial::{attempt, ids, phases, plan};

fn all(rest: &str) -> Vec<String> {
    plan(rest)
        .checks
        .iter()
        .map(|check| check.id.clone())
        .collect()
}

fn checks(body: &str) -> String {
    format!("phases:\n  P:\n    checks:\n      {body}\n")
}

#[rstest]
#[case::no_host("c: { tcp: { address: h, port: 1 } }", &["c"])]
#[case::one("c: { on: a, ping: {} }", &["c@a"])]
#[case::in_the_order_of_the_hosts("c: { on: [b, a], ping: {} }", &["c@a", "c@b"])]
#[case::a_tag("c: { on: tag:db, ping: {} }", &["c@a", "c@b"])]
#[case::each_once("c: { on: [tag:db, a], ping: {} }", &["c@a", "c@b"])]
#[case::all("c: { on: all, ssh: {} }", &["c@a", "c@b", "c@here"])]
fn a_check_becomes_one_for_each_host(#[case] body: &str, #[case] expected: &[&str]) {
    assert_eq!(all(&checks(body)), expected);
}

#[test]
fn phases_and_checks_keep_the_files_order_as_far_as_they_may() {
    let plan = plan(
        "phases:\n  LAST: { needs: [MIDDLE, FIRST], checks: { l: { on: a, ping: {} } } }\n  \
         FIRST: { checks: { two: { on: a, after: one, ping: {} }, one: { on: a, ping: {} }, three: { on: a, ping: {} } } }\n  \
         MIDDLE: { needs: FIRST, checks: { m: { on: a, ping: {} } } }\n  \
         BESIDE: { checks: { b: { on: a, ping: {} } } }\n",
    );
    assert_eq!(phases(&plan, 0..4), ["FIRST", "MIDDLE", "LAST", "BESIDE"]);
    assert_eq!(plan.phases[2].needs, [0, 1]);
    assert_eq!(
        ids(&plan, 0..6),
        ["one@a", "two@a", "three@a", "m@a", "l@a", "b@a"]
    );
    assert_eq!(plan.phases[0].checks, 0..3);
    assert_eq!(plan.checks[3].phase, 1);
}

#[rstest]
#[case::the_same_host("on: all, after: x", &["x@a", "x@b", "x@here"])]
#[case::a_host_of_several("on: b, after: x", &["x@b"])]
#[case::no_host_waits_for_all("after: x", &["x@a x@b x@here"])]
#[case::two("on: a, after: [x, z]", &["x@a z"])]
fn after_means_the_same_host_where_there_is_one(#[case] keys: &str, #[case] expected: &[&str]) {
    let plan = plan(&checks(&format!(
        "x: {{ on: all, ssh: {{}} }}\n      z: {{ tcp: {{ address: h, port: 1 }} }}\n      \
         y: {{ {keys}, tcp: {{ address: h, port: 2 }} }}"
    )));
    let waits: Vec<String> = plan
        .checks
        .iter()
        .filter(|check| check.id.starts_with('y'))
        .map(|check| ids(&plan, check.after.iter().copied()).join(" "))
        .collect();
    assert_eq!(waits, expected);
}

#[test]
fn a_hosts_jumps_are_the_hosts_themselves() {
    let plan = plan(&checks("c: { on: b, ping: {} }"));
    let jump = plan.hosts[1].ssh.jump.as_ref().expect("a jump");
    assert!(std::sync::Arc::ptr_eq(jump, &plan.hosts[0]));
    assert_eq!(jump.ssh.user.as_deref(), Some("ops"));
    assert!(plan.hosts[2].local);
}

#[rstest]
#[case::built_in("", "", (5, 5))]
#[case::of_the_file("defaults: { timeout: 7s, connect_timeout: 3s }\n", "", (7, 3))]
#[case::the_checks_own("defaults: { timeout: 7s }\n", "timeout: 8s, ", (8, 5))]
fn times_come_from_the_nearest_level(
    #[case] defaults: &str,
    #[case] own: &str,
    #[case] (timeout, connect): (u64, u64),
) {
    let plan = plan(&format!(
        "{defaults}{}",
        checks(&format!("c: {{ on: [a, b], {own}ping: {{}} }}"))
    ));
    let times = |place: usize| {
        let target = &plan.checks[place].target;
        (target.timeout, target.connect_timeout)
    };
    let seconds = Duration::from_secs;
    assert_eq!(times(0), (seconds(timeout), seconds(connect)));
    // A host's own time to connect goes before.
    assert_eq!(times(1), (seconds(timeout), seconds(9)));
}

#[test]
fn required_expectations_come_first_and_the_kinds_before_ones_own() {
    let shown = |keys: &str| {
        let plan = plan(&checks(&format!("c: {{ on: a, ping: {{}}{keys} }}")));
        plan.checks[0]
            .expectations
            .iter()
            .map(|expectation| match expectation.level {
                Level::Require => format!("require {}", expectation.source),
                Level::Prefer => format!("prefer {}", expectation.source),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        shown(", prefer: rtt_avg_ms < 9, require: [sent == 3, received == 3]"),
        [
            "require received > 0",
            "require sent == 3",
            "require received == 3",
            "prefer loss_percent < 50",
            "prefer rtt_avg_ms < 9"
        ]
    );
    assert_eq!(
        shown(", defaults: false, prefer: received > 0"),
        ["prefer received > 0"]
    );
}

#[test]
fn texts_are_of_their_host() {
    let plan = plan(&checks(
        "c: { on: a, title: \"${host.id}, $${kept}\", remedy: \"ask ${host.user}\", runbook: \"§${host.address}\", \
         file: { path: \"/home/${host.user}/x\" }, require: \"owner == '${host.user}'\" }",
    ));
    let check = &plan.checks[0];
    assert_eq!(check.title, "a, ${kept}");
    assert_eq!(check.remedy.as_deref(), Some("ask ops"));
    assert_eq!(check.runbook.as_deref(), Some("§192.0.2.1"));
    assert_eq!(check.goal(), "a look at /home/ops/x on a");
    assert_eq!(check.expectations[1].source, "owner == 'ops'");
}

#[test]
fn a_check_without_a_title_says_what_its_kind_does() {
    let plan = plan(&checks("c: { on: a, ping: {} }"));
    assert_eq!(plan.checks[0].title, "a host answers ICMP echo requests");
}

#[test]
fn secrets_are_told_once_at_the_option_that_names_them() {
    let plan = plan(
        "phases:\n  P:\n    checks:\n      \
         one: { postgres: { url: \"postgres://x@h/d\", password: \"env:PW\" } }\n      \
         two: { redis: { address: h, password: \"env:PW\" } }\n      \
         three: { redis: { address: h, password: \"file:/pw\" } }\n",
    );
    let told: Vec<String> = plan
        .secrets()
        .iter()
        .map(|secret| secret.value.to_string())
        .collect();
    assert_eq!(told, ["env:PW", "file:/pw"]);
    assert_eq!(plan.checks[0].secrets[0].at, plan.secrets()[0].at);
}

#[test]
fn what_only_the_baseline_allows_is_marked() {
    let plan = plan(
        "policy: { allow: mytool status }\nphases:\n  P:\n    checks:\n      \
         own: { on: a, command: { run: mytool status } }\n      \
         known: { on: a, command: { run: uptime } }\n",
    );
    let marked = |place: usize| -> Vec<bool> {
        plan.checks[place]
            .requests(&plan.policy)
            .iter()
            .map(|request| request.by_extension)
            .collect()
    };
    assert_eq!((marked(0), marked(1)), (vec![true], vec![false]));
}

/// Each would be a plan if only the first mistake of a check were looked at.
#[test]
fn mistakes_do_not_hide_each_other() {
    let said = attempt(
        "phases:\n  P:\n    needs: Q\n    checks:\n      \
         one: { on: a, tcp: { prot: 1 }, require: opn }\n      \
         two: { systemd: { unit: cron }, prefer: activ }\n      \
         three: { on: a, after: four, kafka: {} }\n      \
         four: { on: a, after: three, ping: {} }\n  \
         Q: { needs: P, checks: { one: { on: a, ping: { count: 0 } } } }\n",
    )
    .expect_err("full of mistakes");
    for part in [
        "P → Q → P",
        "three → four → three",
        "`port`",
        "`open`",
        "names none",
        "`active`",
        "`kafka`",
        "already taken",
        "from 1 to 20",
    ] {
        assert!(said.contains(part), "{part} is missing in\n{said}");
    }
}
