//! A run whose hosts and servers say what a fuzzer thought of, up to its cards.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Write;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::runtime::Runtime;

use super::report::assert_harmless;
use super::transcript::Transcript;
use super::wire::Manner;
use crate::baseline::{self, Files};
use crate::engine::planned_run;
use crate::judge::judge;
use crate::plan::{self, Plan};
use crate::probe::{Context, FaultKind, Observation, Outcome, Transports, find};
use crate::report::{self, Progress, terminal};
use crate::scorecard::{Ending, Event, Fold, Scorecard, gate};
use crate::transport::stand_in::StandIn;

/// What the operator's clock shows: 2026-06-05T10:55:04Z.
pub(super) const NOW: i64 = 1_780_656_904;

/// A check on a host that prints `input`, a [transcript](super::transcript).
pub(super) fn host(checks: &'static str, input: &[u8]) {
    go(checks, || Arc::new(Transcript::of_host(input)));
}

/// A check of a server that answers `input`.
pub(super) fn server(checks: &'static str, manner: Manner, input: &[u8]) {
    go(checks, || Arc::new(Transcript::of_server(manner, input)));
}

struct One<'a>(&'a str);

impl Files for One<'_> {
    fn read(&self, _: &std::path::Path, _: usize) -> std::io::Result<Vec<u8>> {
        Ok(self.0.as_bytes().to_owned())
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap_or_default()
}

fn planned(checks: &str) -> Plan {
    let loaded = baseline::load("checks.yml", &One(checks), &[]);
    let mut diagnostics = loaded.diagnostics;
    let plan = loaded
        .baseline
        .and_then(|baseline| plan::build(&baseline, &loaded.sources, &mut diagnostics));
    match plan {
        Some(plan) => plan,
        None => panic!("{}", diagnostics.render(&loaded.sources, false, 80)),
    }
}

fn runtime() -> Runtime {
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    match built {
        Ok(runtime) => runtime,
        Err(error) => panic!("no runtime: {error}"),
    }
}

thread_local! {
    // Made once: an engine asks thousands of times a second.
    static RUNTIME: Runtime = runtime();
    static PLANS: RefCell<HashMap<&'static str, Rc<Plan>>> = RefCell::default();
}

/// Every check meets a stand-in of its own.
fn go(checks: &'static str, stand_in: impl Fn() -> Arc<dyn StandIn>) {
    let plan = PLANS.with_borrow_mut(|plans| {
        let plan = plans
            .entry(checks)
            .or_insert_with(|| Rc::new(planned(checks)));
        Rc::clone(plan)
    });
    let judged = RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let mut judged = Vec::new();
            for check in &plan.checks {
                let transports = Transports::answered_by(stand_in(), now);
                judged.push(look(check, &transports).await);
            }
            judged
        })
    });
    tell(&plan, judged);
}

async fn look(check: &plan::Check, transports: &Arc<Transports>) -> Observation {
    let context = Context {
        check: check.id.clone(),
        attempt: 1,
        target: check.target.clone(),
        transports: Arc::clone(transports),
    };
    let outcome = match context.scrubbed(check.probe.run(&context).await) {
        Ok(facts) => {
            let declared = find(check.kind).map_or(&[][..], |kind| kind.facts);
            for (name, value) in facts.iter() {
                let right = declared
                    .iter()
                    .any(|spec| spec.name == name && value.is(&spec.ty));
                assert!(right, "{} tells no such {name}: {value:?}", check.kind);
            }
            Outcome::Seen(facts)
        }
        Err(fault) => {
            assert_ne!(fault.kind, FaultKind::Internal, "a defect: {fault:?}");
            Outcome::Fault(fault)
        }
    };
    Observation {
        at: now(),
        elapsed: Duration::from_millis(1),
        attempts: 1,
        outcome,
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Judges what was seen and tells it in every form there is.
fn tell(plan: &Plan, seen: Vec<Observation>) {
    let planned = planned_run(plan, false);
    let mut events = vec![Event::PhaseStarted { phase: 0 }];
    let mut verdicts = Vec::new();
    for (place, (check, observation)) in plan.checks.iter().zip(seen).enumerate() {
        let judgement = judge(
            &observation,
            &check.expectations,
            &check.goal(),
            check.advisory,
        );
        verdicts.push(judgement.verdict);
        events.push(Event::CheckStarted {
            check: place,
            attempt: 1,
        });
        events.push(Event::CheckJudged {
            check: place,
            observation,
            judgement,
        });
    }
    events.push(Event::PhaseFinished {
        phase: 0,
        gate: gate(&verdicts),
        held_by: None,
        elapsed: Duration::ZERO,
    });
    events.push(Event::Finished {
        at: now(),
        ending: Ending::Complete,
    });
    let lines = Lines::default();
    let mut progress = Progress::lines(&planned, Box::new(lines.clone()));
    let mut fold = Fold::new(planned, now());
    let mut card = None;
    for event in events {
        progress.event(&event);
        card = fold.apply(event).or(card);
    }
    progress.finish();
    let lines = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
    assert_harmless(&String::from_utf8_lossy(&lines));
    match card {
        Some(card) => show(&card),
        None => panic!("the run has no card"),
    }
}

fn show(card: &Scorecard) {
    for (verbose, ascii, width) in [(false, false, 80), (true, true, 32)] {
        let text = terminal::card(
            card,
            &terminal::Style {
                width,
                color: false,
                verbose,
                ascii,
                zone: TimeZone::UTC,
            },
        );
        assert_harmless(&text);
        assert!(text.contains("\nResult: "), "{text}");
    }
    let document = report::json(card);
    assert_harmless(&document);
    let parsed: Result<serde_json::Value, _> = serde_json::from_str(&document);
    match parsed {
        Ok(parsed) => assert_ne!(parsed["result"], "CHECK_FAILED", "{document}"),
        // A parser goes less deep than what it wrote.
        Err(error) => assert!(
            error.to_string().contains("recursion"),
            "{error}: {document}"
        ),
    }
}
