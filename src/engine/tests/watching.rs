//! Watching until it is green.

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
