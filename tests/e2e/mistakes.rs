//! What a person or a file gets wrong: exit codes 64 and 78, nothing on
//! standard output, and nothing sent.

use rstest::rstest;

use crate::desk::Desk;
use crate::stack::{Stack, witness};

#[rstest]
#[case::no_command(&[], "Usage")]
#[case::unknown_command(&["chek"], "check")]
#[case::unknown_flag(&["check", "--wach"], "--watch")]
#[case::a_baseline_without_its_flag(&["check", "full-stack.yml"], "--baseline full-stack.yml")]
#[case::interval_alone(&["check", "--interval", "5"], "--watch")]
#[case::no_time(&["check", "--deadline", "soon"], "soon")]
#[case::no_time_at_all(&["check", "--deadline", "0s"], "longer than 0")]
#[case::no_jobs(&["check", "--jobs", "0"], "--jobs")]
#[case::no_attempts(&["check", "--watch", "--max-attempts", "0"], "--max-attempts")]
#[case::no_value(&["check", "--var", "port"], "NAME=VALUE")]
#[case::two_wills(&["check", "--no-color", "--color", "always"], "--no-color")]
#[case::no_such_colour(&["check", "--color", "red"], "always")]
#[case::unknown_only(&["check", "-b", "baseline.yml", "--only", "postgrse"], "did you mean `postgres`?")]
#[case::unknown_skip(&["check", "-b", "baseline.yml", "--skip", "P9"], "`P9`")]
#[case::unknown_check(&["explain", "-b", "baseline.yml", "redsi"], "did you mean `redis`?")]
#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_64(#[case] args: &[&str], #[case] told: &str) {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    desk.write("baseline.yml", &stack.baseline());
    let ran = desk.run(args).await;
    assert_eq!(ran.code, Some(64), "{ran:#?}");
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains(told), "{told} in {ran:#?}");
    assert_eq!(stack.data188.log.connections(), 0);
}

#[rstest]
#[case(&["--help"], "Exit codes: 0 GREEN")]
#[case(&["--version"], "coldstart ")]
#[case(&["check", "--help"], "--keep-going")]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_is_no_mistake(#[case] args: &[&str], #[case] told: &str) {
    let ran = Desk::new().run(args).await;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:#?}");
    assert!(ran.stdout.contains(told), "{ran:#?}");
}

#[rstest]
#[case::unknown_key(
    "title: PostgreSQL accepts",
    "titel: PostgreSQL accepts",
    "baseline.yml:18:9",
    "`title`"
)]
#[case::unknown_need("needs: P1-DATA", "needs: P1-DATE", "baseline.yml:29:12", "P1-DATA")]
#[case::a_cycle(
    "  P1-DATA:\n    needs: P0-NETWORK",
    "  P1-DATA:\n    needs: P2-APPS",
    "baseline.yml",
    "P1-DATA"
)]
#[case::unknown_fact("json.queue < 10", "quue < 10", "baseline.yml:35:17", "quue")]
#[case::wrong_type("json.queue < 10", "status < 'ten'", "baseline.yml:35:17", "text")]
#[case::no_command("findmnt -n -o OPTIONS /", "rm -rf /", "baseline.yml", "rm")]
#[case::inline_secret(
    "postgres://checker@",
    "postgres://checker:hunter22@",
    "baseline.yml:19:26",
    "***"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_baseline_is_78(
    #[case] right: &str,
    #[case] wrong: &str,
    #[case] place: &str,
    #[case] told: &str,
) {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    let baseline = stack.baseline();
    assert!(baseline.contains(right), "{right}");
    let baseline = baseline.replacen(right, wrong, 1);
    for args in [&[][..], &["--json"]] {
        let ran = desk.check(&baseline, args).await;
        assert_eq!(ran.code, Some(78), "{ran:#?}");
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.contains(place), "{place} in {}", ran.stderr);
        assert!(ran.stderr.contains(told), "{told} in {}", ran.stderr);
        assert!(!ran.stderr.contains("hunter22"), "{}", ran.stderr);
    }
    assert_eq!(stack.data188.log.connections(), 0);
    let ran = desk.run(&["validate", "baseline.yml"]).await;
    assert_eq!(ran.code, Some(78), "{ran:#?}");
}

#[rstest]
#[case::no_file(&["check", "-b", "nowhere.yml"], "nowhere.yml")]
#[case::a_folder(&["check", "-b", "."], ".")]
#[case::undeclared_variable(&["check", "-b", "baseline.yml", "--var", "prot=1"], "prot")]
#[tokio::test(flavor = "multi_thread")]
async fn no_baseline_is_78(#[case] args: &[&str], #[case] told: &str) {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    desk.write("baseline.yml", &stack.baseline());
    let ran = desk.run(args).await;
    assert_eq!(ran.code, Some(78), "{ran:#?}");
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains(told), "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_is_78_at_its_place() {
    let server = witness().await;
    let baseline = format!(
        "\
version: 1
name: secret
phases:
  P0:
    checks:
      first: {{ tcp: {{ address: 127.0.0.1, port: {port} }} }}
  P1:
    needs: P0
    checks:
      api:
        http:
          url: http://127.0.0.1:{port}/
          headers: {{ authorization: {{ secret: env:API_TOKEN }} }}
",
        port = server.address.port()
    );
    for desk in [Desk::new(), Desk::new().env("API_TOKEN", "")] {
        let ran = desk.check(&baseline, &[]).await;
        assert_eq!(ran.code, Some(78), "{ran:#?}");
        assert_eq!(ran.stdout, "");
        for told in ["baseline.yml:13:", "env:API_TOKEN"] {
            assert!(ran.stderr.contains(told), "{told} in {}", ran.stderr);
        }
        assert_eq!(server.received(), "", "nothing was sent");
        // Whoever validates need not be who runs it.
        let ran = desk.run(&["validate", "baseline.yml"]).await;
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(ran.stderr.contains("env:API_TOKEN"), "{ran:#?}");
    }
    // What is left out needs no secret.
    let ran = Desk::new().check(&baseline, &["--skip", "api"]).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

/// What names nothing, or no key, must not hide what the plan would have told.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_none_hides_no_other_mistake() {
    let desk = Desk::new();
    let baseline = "version: 1\nname: t\nhosts:\n  a: { address: 192.0.2.1, ssh: { jump: nobody, prot: 22 } }\nphases:\n  \
        P0:\n    checks:\n      c: { on: aa, tcp: { port: 1 } }\n      \
        d: { on: a, via: zz, tcp: { address: 127.0.0.1, port: 1 } }\n      \
        e: { on: a, after: [cc], tpc: { port: 1 } }\n      \
        f: { on: a, tcp: { port: 1 }, require: opn }\n  \
        P1: { needs: [P2], checks: { x: { tcp: { address: h, port: 1 } } } }\n  \
        P2: { needs: [P1, PX], checks: { y: { tcp: { address: h, port: 1 } } } }\n";
    let ran = desk.check(baseline, &[]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(78), ""), "{ran:#?}");
    let told: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|line| line.starts_with("error"))
        .collect();
    assert_eq!(
        told,
        [
            "error[unknown-reference]: no host `nobody`",
            "error[unknown-key]: unknown key `prot`",
            "error[unknown-reference]: no host `aa`",
            // And nothing of a loopback address, which it is not when looked at from `zz`.
            "error[unknown-reference]: no host `zz`",
            "error[unknown-reference]: no check `cc` in this phase",
            "error[unknown-key]: `tpc` is neither a key of a check nor a kind",
            "error[bad-expectation]: there is no fact `opn` here",
            "error[cycle]: phases that wait for one another can never be evaluated: P1 → P2 → P1",
            "error[unknown-reference]: no phase `PX`",
        ]
    );
}
