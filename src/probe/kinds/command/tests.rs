use rstest::rstest;
use serde_json::json;

use super::*;
use crate::probe::kinds::stage::{self, fact, host, kind, run, stage, target};
use crate::servers::ssh::Answer;

async fn look(options: serde_json::Value, answer: Answer) -> Result<Facts, Fault> {
    let mut stage = stage(move |_| answer.clone()).await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    run(&kind::<Command>(options), &stage.context).await
}

#[rstest]
#[case::text("up 3 days\n", json!("up 3 days"), json!(null), json!(null))]
#[case::number(" 42 \n", json!("42"), json!(42), json!(null))]
#[case::fraction("-1.5\n", json!("-1.5"), json!(-1.5), json!(null))]
#[case::infinity("inf\n", json!("inf"), json!(null), json!(null))]
#[case::not_a_number("NaN\n", json!("NaN"), json!(null), json!(null))]
#[case::two_numbers("1 2\n", json!("1 2"), json!(null), json!(null))]
#[case::object("{\"a\": 1}\n", json!("{\"a\": 1}"), json!(null), json!({"a": 1}))]
#[case::list("[1]\n", json!("[1]"), json!(null), json!([1]))]
#[case::broken_json("{\"a\": \n", json!("{\"a\":"), json!(null), json!(null))]
#[case::nothing("", json!(""), json!(null), json!(null))]
#[tokio::test]
async fn tells_what_was_printed(
    #[case] printed: &'static str,
    #[case] stdout: serde_json::Value,
    #[case] number: serde_json::Value,
    #[case] json: serde_json::Value,
) {
    let facts = look(json!({"run": "uptime"}), Answer::ok(printed))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "exit_status"), json!(0));
    assert_eq!(fact(&facts, "stdout"), stdout);
    assert_eq!(fact(&facts, "number"), number);
    assert_eq!(fact(&facts, "json"), json);
}

#[tokio::test]
async fn a_status_is_a_fact() {
    let facts = look(json!({"run": ["uptime"]}), Answer::fails(3, "no\n"))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "exit_status"), json!(3));
    assert_eq!(fact(&facts, "stderr"), json!("no"));
    assert_eq!(fact(&facts, "lines"), json!([]));
}

#[tokio::test]
async fn lines_are_told_apart() {
    let facts = look(json!({"run": "uptime"}), Answer::ok("a\nb\n"))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "lines"), json!(["a", "b"]));
}

#[rstest]
#[case::scalar("3\n", Ok(json!(3)))]
#[case::garbage("<html>", Err("`uptime` printed no JSON: "))]
#[case::empty("", Err("`uptime` printed no JSON: "))]
#[tokio::test]
async fn json_that_was_asked_for_must_come(
    #[case] printed: &'static str,
    #[case] expected: Result<serde_json::Value, &str>,
) {
    let seen = look(json!({"run": "uptime", "json": true}), Answer::ok(printed)).await;
    match (seen, expected) {
        (Ok(facts), Ok(json)) => assert_eq!(fact(&facts, "json"), json),
        (Err(fault), Err(text)) => {
            assert_eq!(fault.kind, FaultKind::Protocol);
            assert!(fault.seen.starts_with(text), "{}", fault.seen);
        }
        (seen, _) => panic!("{seen:?}"),
    }
}

#[rstest]
#[case::missing(
    Answer::fails(127, "timeout: failed to run command"),
    FaultKind::Missing
)]
#[case::denied(Answer::Refuse, FaultKind::Denied)]
#[case::killed(Answer::Signal { stdout: Vec::new(), signal: russh::Sig::KILL }, FaultKind::Closed)]
#[case::cut_off(Answer::Cut { stdout: b"4".to_vec() }, FaultKind::Closed)]
#[case::hangs(Answer::Hang, FaultKind::TimedOut)]
#[case::endless(Answer::Endless, FaultKind::Protocol)]
#[tokio::test]
async fn what_did_not_end_is_a_fault(#[case] answer: Answer, #[case] kind_of: FaultKind) {
    let fault = look(json!({"run": "uptime"}), answer)
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, kind_of, "{fault:?}");
}

#[tokio::test]
async fn runs_here_on_the_operator_s_own_machine() {
    let facts = run(
        &kind::<Command>(json!({"run": "uname -s"})),
        &stage::local(),
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "exit_status"), json!(0));
}

#[test]
fn an_empty_command_is_a_problem() {
    let problems = Kind::problems(
        &kind::<Command>(json!({"run": " "})),
        &target(host(22)),
        &Policy::default(),
    );
    assert_eq!(problems[0].path, ["run"]);
}

#[test]
fn options_of_another_shape_are_told() {
    let error = serde_json::from_value::<Command>(json!({"run": 3})).expect_err("an error");
    assert_eq!(
        error.to_string(),
        "a command line or a list of a program and its arguments is expected"
    );
}

#[tokio::test]
async fn sends_what_it_said_it_would() {
    let stage = stage(|_| Answer::ok("")).await;
    let command: Command = kind(json!({"run": "uptime"}));
    run(&command, &stage.context).await.expect("facts");
    let planned = command.requests(&stage.context.target, &stage.context.transports.policy);
    assert_eq!(stage.server.log.lines(), [planned[0].text.as_str()]);
}
