//! The engine on probes that do as told, with a clock that does not wait.

mod again;
mod alert;
mod course;
mod coverage;
mod diagnosis;
mod order;
mod trouble;
mod watching;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::{Options, Stop, run};
use crate::judge::{Expectation, Level, OverTime};
use crate::plan::{Check, Diagnosis, Phase, Plan, Retry};
use crate::probe::{
    Audit, Context, Defaults, FactSpec, Facts, Fault, FaultKind, Host, OptionProblem, Policy,
    Probe, Request, SecretRef, Secrets, SshSettings, Target, Transports, Type,
};
use crate::scorecard::{CheckCard, Event, Gate, Scorecard, Verdict};

const FACTS: &[FactSpec] = &[
    FactSpec::new("open", Type::Bool, "Whether it is."),
    FactSpec::new("quick", Type::Bool, "Whether it is."),
    FactSpec::new("said", Type::Text, "What it said."),
    FactSpec::new("modified", Type::Time, "When it was written."),
    FactSpec::new("uptime_s", Type::Number, "For how long it is up."),
];

/// What one attempt does.
#[derive(Debug, Clone)]
enum Act {
    /// Everything is as required and preferred.
    Pass,
    /// What is required holds, what is preferred does not.
    Slow,
    /// What is required does not hold.
    Shut,
    Fault(Fault),
    Say(&'static str),
    /// Written two hours ago.
    Written,
    /// Logged in, on this boot, which was a minute and a half ago.
    Boot(&'static str),
    /// Logged in, so many seconds after the boot.
    Up(f64),
    Panic,
    /// It fails outside of the attempt itself.
    PanicInGoal,
    Hang,
}

/// How many probes run at once, and the most there were.
#[derive(Debug, Default)]
struct Load {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Load {
    fn enter(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A probe that takes `time` and then does the next of its `acts`; the last
/// one is repeated.
#[derive(Debug)]
struct Scripted {
    acts: Mutex<Vec<Act>>,
    time: Duration,
    load: Arc<Load>,
}

type Run<'a> = Pin<Box<dyn Future<Output = Result<Facts, Fault>> + Send + 'a>>;

impl Probe for Scripted {
    fn problems(&self, _: &Target, _: &Policy) -> Vec<OptionProblem> {
        Vec::new()
    }

    fn defaults(&self) -> Defaults {
        Defaults::require(["open"])
    }

    fn goal(&self, _: &Target) -> String {
        let acts = self.acts.lock().expect("no panic while locked").clone();
        assert!(!matches!(acts[..], [Act::PanicInGoal]), "a planted defect");
        "an open door".to_owned()
    }

    fn requests(&self, _: &Target, _: &Policy) -> Vec<Request> {
        Vec::new()
    }

    fn secrets(&self) -> Vec<&SecretRef> {
        Vec::new()
    }

    fn run<'a>(&'a self, _: &'a Context) -> Run<'a> {
        Box::pin(async move {
            self.load.enter();
            sleep(self.time).await;
            self.load.leave();
            let act = {
                let mut acts = self.acts.lock().expect("no panic while locked");
                if acts.len() > 1 {
                    acts.remove(0)
                } else {
                    acts[0].clone()
                }
            };
            let seen = |open: bool, quick: bool| {
                let mut facts = Facts::new();
                facts.set("open", open);
                facts.set("quick", quick);
                Ok(facts)
            };
            match act {
                Act::Pass => seen(true, true),
                Act::Slow => seen(true, false),
                Act::Shut => seen(false, false),
                Act::Fault(fault) => Err(fault),
                Act::Say(text) => seen(true, true).map(|mut facts| {
                    facts.set("said", text);
                    facts
                }),
                Act::Boot(boot) => seen(true, true).map(|mut facts| {
                    facts.set("boot_id", boot);
                    facts.set("booted_at", super::now() - Duration::from_millis(90_500));
                    facts
                }),
                Act::Written => seen(true, true).map(|mut facts| {
                    facts.set("modified", super::now() - Duration::from_hours(2));
                    facts
                }),
                Act::Up(seconds) => seen(true, true).map(|mut facts| {
                    facts.set("uptime_s", seconds);
                    facts
                }),
                Act::Panic | Act::PanicInGoal => panic!("a planted defect"),
                Act::Hang => std::future::pending().await,
            }
        })
    }
}

/// A check of a test's plan.
struct Sketch {
    id: &'static str,
    acts: Vec<Act>,
    time: Duration,
    after: Vec<&'static str>,
    host: Option<&'static str>,
    attempts: u32,
    advisory: bool,
    over_time: OverTime,
    kind: &'static str,
    diagnosis: Vec<(Vec<Act>, Duration)>,
    signatures: Vec<usize>,
}

fn check(id: &'static str, acts: impl Into<Vec<Act>>) -> Sketch {
    Sketch {
        id,
        acts: acts.into(),
        time: Duration::from_millis(10),
        after: Vec::new(),
        host: None,
        attempts: 1,
        advisory: false,
        over_time: OverTime::default(),
        kind: "scripted",
        diagnosis: Vec::new(),
        signatures: Vec::new(),
    }
}

impl Sketch {
    fn after(mut self, ids: &[&'static str]) -> Self {
        self.after = ids.to_vec();
        self
    }

    fn on(mut self, host: &'static str) -> Self {
        self.host = Some(host);
        self
    }

    fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    fn takes(mut self, milliseconds: u64) -> Self {
        self.time = Duration::from_millis(milliseconds);
        self
    }

    /// Adds a look for when it fails, which takes some milliseconds.
    fn diagnosed(mut self, acts: impl Into<Vec<Act>>, milliseconds: u64) -> Self {
        let time = Duration::from_millis(milliseconds);
        self.diagnosis.push((acts.into(), time));
        self
    }

    fn watched_by(mut self, signature: usize) -> Self {
        self.signatures.push(signature);
        self
    }

    fn advisory(mut self) -> Self {
        self.advisory = true;
        self
    }
}

/// A plan of phases, each with its needs and checks, and the load it makes.
fn plan(phases: Vec<(&str, &[&str], Vec<Sketch>)>) -> (Arc<Plan>, Arc<Load>) {
    let load = Arc::new(Load::default());
    let mut hosts: HashMap<&'static str, Arc<Host>> = HashMap::new();
    let mut made = Plan {
        name: "test".to_owned(),
        digest: String::new(),
        metrics_prefix: "coldstart".to_owned(),
        hosts: Vec::new(),
        phases: Vec::new(),
        checks: Vec::new(),
        releases: Vec::new(),
        coverage: None,
        policy: Policy::default(),
        signatures: Vec::new(),
    };
    for (id, needs, sketches) in phases {
        let start = made.checks.len();
        let place = made.phases.len();
        let needs = needs
            .iter()
            .map(|need| {
                let found = made.phases.iter().position(|phase| phase.id == *need);
                found.expect("a phase before it")
            })
            .collect();
        for sketch in sketches {
            let host = sketch
                .host
                .map(|id| Arc::clone(hosts.entry(id).or_insert_with(|| host(id))));
            made.checks
                .push(planned(&made.checks, place, host, sketch, &load));
        }
        made.phases.push(Phase {
            id: id.to_owned(),
            title: None,
            needs,
            checks: start..made.checks.len(),
        });
    }
    made.hosts = hosts.into_values().collect();
    (Arc::new(made), load)
}

fn planned(
    earlier: &[Check],
    phase: usize,
    host: Option<Arc<Host>>,
    sketch: Sketch,
    load: &Arc<Load>,
) -> Check {
    let place = |id: &&str| earlier.iter().position(|check| check.id == **id);
    let expect = |level, source| Expectation::compile(level, source, FACTS).expect("well-formed");
    Check {
        id: sketch.id.to_owned(),
        title: sketch.id.to_owned(),
        phase,
        target: target(host),
        kind: sketch.kind,
        probe: Box::new(Scripted {
            acts: Mutex::new(sketch.acts),
            time: sketch.time,
            load: Arc::clone(load),
        }),
        expectations: vec![
            expect(Level::Require, "open"),
            expect(Level::Prefer, "quick"),
        ],
        over_time: sketch.over_time,
        definition: "d1".to_owned(),
        secrets: Vec::new(),
        advisory: sketch.advisory,
        retry: Retry {
            attempts: sketch.attempts,
            delay: Duration::from_millis(100),
            backoff: 2.0,
        },
        after: sketch
            .after
            .iter()
            .map(|id| place(id).expect("a check before it"))
            .collect(),
        awaits: Vec::new(),
        remedy: None,
        runbook: None,
        guardrail: None,
        diagnosis: sketch
            .diagnosis
            .into_iter()
            .map(|(acts, time)| Diagnosis {
                kind: "second look",
                target: target(None),
                probe: Box::new(Scripted {
                    acts: Mutex::new(acts),
                    time,
                    load: Arc::clone(load),
                }),
            })
            .collect(),
        signatures: sketch.signatures,
    }
}

fn target(host: Option<Arc<Host>>) -> Target {
    Target {
        host,
        via: None,
        also: Vec::new(),
        timeout: Duration::from_secs(1),
        connect_timeout: Duration::from_secs(1),
    }
}

fn host(id: &str) -> Arc<Host> {
    Arc::new(Host {
        id: id.to_owned(),
        address: "192.0.2.1".to_owned(),
        local: false,
        ssh: SshSettings::default(),
        connect_timeout: Duration::from_secs(1),
    })
}

fn transports() -> Arc<Transports> {
    Transports::new(Secrets::default(), Policy::default(), Audit::off())
}

/// Nobody ever wants it to stop.
fn never() -> Stop {
    watch::channel(false).1
}

fn fault(kind: FaultKind) -> Act {
    Act::Fault(Fault::new(kind, "as the test wants it"))
}

async fn card_of(plan: &Arc<Plan>, options: &Options) -> Scorecard {
    card_without(plan, options, &vec![None; plan.checks.len()]).await
}

async fn card_without(
    plan: &Arc<Plan>,
    options: &Options,
    left_out: &[Option<String>],
) -> Scorecard {
    run(plan, left_out, &transports(), options, never(), &mut |_| {}).await
}

fn verdicts(card: &Scorecard) -> Vec<(&str, Verdict)> {
    card.checks()
        .map(|check| (check.id.as_str(), check.verdict))
        .collect()
}

fn gates(card: &Scorecard) -> Vec<(&str, Gate, Option<&str>)> {
    card.phases
        .iter()
        .map(|phase| (phase.id.as_str(), phase.gate, phase.held_by.as_deref()))
        .collect()
}

fn find<'c>(card: &'c Scorecard, id: &str) -> &'c CheckCard {
    card.check(id)
        .map(|(_, check)| check)
        .expect("every planned check is on the card")
}
