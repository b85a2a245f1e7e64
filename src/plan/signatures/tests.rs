use rstest::rstest;

use super::super::trial::{attempt, plan};

const CHECKS: &str = "\
phases:
  P0:
    checks:
      ssh: { on: all, ssh: {} }
  P1:
    needs: P0
    checks:
      db:
        on: [a, b]
        tcp: { port: 5432 }
        diagnose:
          - journal: { unit: \"postgresql@${host.id}\" }
          - disk: { path: / }
            on: here
            timeout: 2s
      api: { http: { url: \"http://192.0.2.1/\" } }
";

fn with(signatures: &str) -> String {
    format!("{CHECKS}signatures:\n{signatures}")
}

#[rstest]
#[case::everything("", &["ssh@a", "ssh@b", "ssh@here", "db@a", "db@b", "api"])]
#[case::a_check_on_every_host(", checks: db", &["db@a", "db@b"])]
#[case::a_check_on_one(", checks: [db@b, api]", &["db@b", "api"])]
#[case::a_phase(", checks: P0", &["ssh@a", "ssh@b", "ssh@here"])]
#[case::a_host(", hosts: a", &["ssh@a", "db@a"])]
#[case::a_tag(", hosts: \"tag:db\"", &["ssh@a", "ssh@b", "db@a", "db@b"])]
// What the journal tells, only checks that look into it can see.
#[case::a_kind(", kinds: journal", &["db@a", "db@b"])]
#[case::kinds(", kinds: [http, log]", &["api"])]
#[case::all_limits(", kinds: disk, checks: P1, hosts: b", &["db@b"])]
fn which_checks_it_watches(#[case] limits: &str, #[case] expected: &[&str]) {
    let plan = plan(&with(&format!("  s: {{ title: t, match: x{limits} }}\n")));
    let watched: Vec<&str> = plan
        .checks
        .iter()
        .filter(|check| check.signatures == [0])
        .map(|check| check.id.as_str())
        .collect();
    assert_eq!(watched, expected);
}

#[test]
fn they_keep_the_files_order() {
    let plan = plan(&with(
        "  z: { title: t, match: x, go_back_to: db@a }\n  a: { title: t, match: [y, { regex: \"^z\" }], go_back_to: P0 }\n",
    ));
    let ids: Vec<&str> = plan.signatures.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["z", "a"]);
    assert_eq!(plan.checks[0].signatures, [0, 1]);
    let shown: Vec<String> = plan.signatures[1]
        .tells
        .matching
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(shown, ["y", "/^z/"]);
}

#[test]
fn a_look_is_planned_for_each_host() {
    let plan = plan(CHECKS);
    let looks = |id: &str| -> Vec<String> {
        let check = plan.check(id).expect("a check");
        check
            .diagnosis
            .iter()
            .map(|look| {
                let host = look.host().unwrap_or("none");
                let seconds = look.target.timeout.as_secs();
                format!("{} on {host} in {seconds} s: {}", look.kind, look.goal())
            })
            .collect()
    };
    let a = looks("db@a");
    assert_eq!(
        a[0],
        "journal on a in 5 s: the journal of postgresql@a on a"
    );
    assert!(a[1].starts_with("disk on here in 2 s: "), "{a:?}");
    assert!(looks("db@b")[0].contains("postgresql@b on b"));
    let check = plan.check("db@a").expect("a check");
    let requests = check.diagnosis[0].requests(&plan.policy);
    assert!(
        requests[0].text.contains("--unit=postgresql@a"),
        "{requests:?}"
    );
    // Its own requests are what they were.
    let own = check.requests(&plan.policy);
    assert!(
        own.iter().all(|request| request.protocol == "tcp"),
        "{own:?}"
    );
    assert_eq!(check.worst_case().as_secs(), 5 + 2 * 5 + 1);
}

#[test]
fn no_look_takes_longer_than_half_a_minute() {
    let plan = plan(
        "phases:\n  P: { checks: { c: { on: a, timeout: 10m, ssh: {}, diagnose: [{ journal: {} }, { journal: {}, timeout: 5m }] } } }\n",
    );
    for look in &plan.checks[0].diagnosis {
        assert_eq!(look.target.timeout.as_secs(), 30);
    }
}

#[test]
fn a_looks_secrets_are_its_checks() {
    let plan = plan(
        "phases:\n  P: { checks: { c: { on: a, ping: {}, diagnose: [{ redis: { password: env:PW } }] } } }\n",
    );
    let secrets: Vec<String> = plan.checks[0]
        .secrets
        .iter()
        .map(|secret| secret.value.to_string())
        .collect();
    assert_eq!(secrets, ["env:PW"]);
}

#[test]
fn a_mistake_in_a_check_hides_none_in_a_signature() {
    let said = attempt(
        "phases:\n  P: { checks: { c: { pong: {} } } }\nsignatures:\n  s: { title: t, match: { regex: \"(\" }, checks: c, go_back_to: d }\n",
    )
    .expect_err("problems");
    for part in [
        "`pong` is neither",
        "is no regular expression",
        "no check or phase `d`",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(!said.contains("no check or phase `c`"), "{said}");
}
