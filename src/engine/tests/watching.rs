//! Watching until it is green.

use rstest::rstest;

use super::*;
use crate::engine::{RunResult, Watch, Watcher};

#[derive(Default)]
struct Log(Vec<String>);

impl Watcher for Log {
    fn attempt(&mut self, attempt: u32) {
        self.0.push(format!("attempt {attempt}"));
    }

    fn event(&mut self, _: &Event) {}

    fn card(&mut self, card: &Scorecard, next: Option<Duration>) {
        self.0.push(format!("{} {next:?}", card.result.label()));
    }
}

async fn watched(acts: Vec<Act>, max_attempts: u32, stop: Stop) -> (Scorecard, Vec<String>, usize) {
    let (plan, _) = plan(vec![("A", &[], vec![check("a", acts)])]);
    let mut log = Log::default();
    let mut made = Vec::new();
    let card = crate::engine::watch(
        &plan,
        &[None],
        &mut || {
            let fresh = transports();
            assert!(!made.iter().any(|known| Arc::ptr_eq(known, &fresh)));
            made.push(Arc::clone(&fresh));
            fresh
        },
        &Options::default(),
        &Watch {
            interval: Duration::from_secs(60),
            max_attempts,
        },
        stop,
        &mut log,
    )
    .await;
    (card, log.0, made.len())
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_card_is_green() {
    let acts = vec![Act::Shut, Act::Slow, Act::Pass];
    let (card, log, transports) = watched(acts, 30, never()).await;
    assert_eq!(card.result, RunResult::Green);
    assert_eq!(
        log,
        [
            "attempt 1",
            "BLOCKED Some(60s)",
            "attempt 2",
            "DEGRADED Some(60s)",
            "attempt 3",
            "GREEN None"
        ]
    );
    assert_eq!(transports, 3, "what was unreachable is asked again");
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_last_attempt() {
    let (card, log, _) = watched(vec![Act::Shut], 2, never()).await;
    assert_eq!((card.result, card.exit_code), (RunResult::Blocked, 2));
    assert_eq!(log.last().map(String::as_str), Some("BLOCKED None"));
    assert_eq!(log.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_pause() {
    let (sender, stop) = watch::channel(false);
    tokio::spawn(async move {
        sleep(Duration::from_secs(30)).await;
        sender.send(true)
    });
    let (card, log, _) = watched(vec![Act::Shut], 30, stop).await;
    assert_eq!(card.result, RunResult::Blocked);
    assert_eq!(log, ["attempt 1", "BLOCKED Some(60s)"]);
}

/// Redis has an uptime as well.
#[tokio::test(start_paused = true)]
async fn a_server_that_starts_in_the_middle_is_no_host_that_does() {
    let mut server = check("b", [Act::Up(0.0)]).on("h");
    server.kind = "redis";
    let (plan, _) = plan(vec![
        ("A", &[], vec![check("a", [Act::Pass]).on("h")]),
        ("B", &["A"], vec![server]),
    ]);
    let card = card_of(&plan, &Options::default()).await;
    assert_eq!(card.failure, None);
    assert_eq!(card.result, RunResult::Green);
}

/// Verdicts of two boots of one host are never one card: the attempt proves
/// nothing, and the next one begins at once.
#[rstest]
#[case::another_boot_id(Act::Boot("one"), vec![Act::Boot("two")])]
#[case::up_for_less_than_the_run(Act::Pass, vec![Act::Up(0.0), Act::Up(3600.0)])]
#[tokio::test(start_paused = true)]
async fn a_host_that_restarts_in_the_middle_is_looked_at_anew(
    #[case] before: Act,
    #[case] after: Vec<Act>,
) {
    let mut login = check("b", after).on("h");
    login.kind = "ssh";
    let (plan, _) = plan(vec![
        (
            "A",
            &[],
            vec![check("a", vec![before, Act::Boot("two")]).on("h")],
        ),
        ("B", &["A"], vec![login]),
    ]);
    let mut log = Log::default();
    let watch = Watch {
        interval: Duration::from_secs(60),
        max_attempts: 30,
    };
    let card = crate::engine::watch(
        &plan,
        &[None, None],
        &mut transports,
        &Options::default(),
        &watch,
        never(),
        &mut log,
    )
    .await;
    assert_eq!(card.result, RunResult::Green);
    assert_eq!(
        log.0,
        [
            "attempt 1",
            "CHECK_FAILED Some(0ns)",
            "attempt 2",
            "GREEN None"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_host_that_never_stays_is_given_the_usual_pause() {
    let boots = ["1", "2", "3", "4", "5", "6"].map(Act::Boot);
    let (acts, others) = (
        vec![boots[0].clone(), boots[2].clone(), boots[4].clone()],
        { vec![boots[1].clone(), boots[3].clone(), boots[5].clone()] },
    );
    let (plan, _) = plan(vec![(
        "A",
        &[],
        vec![check("a", acts).on("h"), check("b", others).on("h")],
    )]);
    let mut log = Log::default();
    let watch = Watch {
        interval: Duration::from_secs(60),
        max_attempts: 3,
    };
    let card = crate::engine::watch(
        &plan,
        &[None, None],
        &mut transports,
        &Options::default(),
        &watch,
        never(),
        &mut log,
    )
    .await;
    assert_eq!(card.disrupted, ["h"]);
    assert_eq!(
        card.failure.as_deref(),
        Some("h rebooted (or its connection was lost) in the middle of the run")
    );
    log.0.retain(|line| !line.starts_with("attempt"));
    assert_eq!(
        log.0,
        [
            "CHECK_FAILED Some(0ns)",
            "CHECK_FAILED Some(60s)",
            "CHECK_FAILED None"
        ]
    );
}

/// Each of two attempts passes what the other one does not.
#[tokio::test(start_paused = true)]
async fn passes_of_different_attempts_are_never_a_green_card() {
    let (plan, _) = plan(vec![(
        "A",
        &[],
        vec![
            check("a", [Act::Pass, Act::Shut, Act::Pass]),
            check("b", [Act::Shut, Act::Pass, Act::Shut]),
        ],
    )]);
    let mut log = Log::default();
    let watch = Watch {
        interval: Duration::from_secs(60),
        max_attempts: 3,
    };
    let card = crate::engine::watch(
        &plan,
        &[None, None],
        &mut transports,
        &Options::default(),
        &watch,
        never(),
        &mut log,
    )
    .await;
    assert_eq!(card.result, RunResult::Blocked);
    assert!(
        log.0.iter().all(|line| !line.contains("GREEN")),
        "{:?}",
        log.0
    );
}
