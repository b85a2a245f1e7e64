//! One check: its attempts, until one holds or none is left.

use std::any::Any;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::time::{sleep, timeout};

use super::{AlertTest, Options};
use crate::judge::{Coverage, Finding, Judgement, Level, Verdict, judge, judge_coverage, unproven};
use crate::plan::{Check, Plan};
use crate::probe::{
    AlertTurn, Context, Fault, FaultKind, Host, Observation, Outcome, Probe, SEND_FLAG, Target,
    Transports, Value,
};

/// What every check of a run shares.
pub(super) struct Shared {
    pub(super) plan: Arc<Plan>,
    pub(super) transports: Arc<Transports>,
    pub(super) limits: Limits,
    jobs_per_host: usize,
    /// Whether a test alert may be sent.
    sends_alert: bool,
    /// Check and attempt, as each begins.
    started: mpsc::UnboundedSender<(usize, u32)>,
}

impl Shared {
    pub(super) fn new(
        plan: Arc<Plan>,
        transports: Arc<Transports>,
        options: &Options,
        started: mpsc::UnboundedSender<(usize, u32)>,
    ) -> Self {
        let limits = Limits::new(&plan.hosts, options);
        Self {
            plan,
            transports,
            limits,
            jobs_per_host: options.jobs_per_host,
            sends_alert: options.alert_test == AlertTest::Send && !options.keep_going,
            started,
        }
    }
}

impl Shared {
    /// Tells that the one attempt of a check began.
    pub(super) fn has_started(&self, check: usize) {
        // Nobody listens any more when the run is over.
        self.started.send((check, 1)).ok();
    }
}

/// How many attempts may be under way, in all and on each host.
pub(super) struct Limits {
    all: Semaphore,
    hosts: HashMap<String, Semaphore>,
}

impl Limits {
    fn new(hosts: &[Arc<Host>], options: &Options) -> Self {
        let per_host = options.jobs_per_host.max(1);
        Self {
            all: Semaphore::new(options.jobs.max(1)),
            hosts: hosts
                .iter()
                .map(|host| (host.id.clone(), Semaphore::new(per_host)))
                .collect(),
        }
    }

    /// Waits for a turn. The hosts' come first: whoever waits for a busy host
    /// must not keep others from theirs.
    pub(super) async fn turn(&self, target: &Target) -> Turn<'_> {
        let mut ids: Vec<&str> = target.hosts().map(|host| host.id.as_str()).collect();
        // In one order, so that no two wait for what the other one has.
        ids.sort_unstable();
        let mut hosts = Vec::new();
        for semaphore in ids.into_iter().filter_map(|id| self.hosts.get(id)) {
            // A semaphore fails only when closed, and these never are.
            hosts.extend(semaphore.acquire().await.ok());
        }
        Turn {
            _hosts: hosts,
            _all: self.all.acquire().await.ok(),
        }
    }
}

pub(super) struct Turn<'a> {
    _hosts: Vec<SemaphorePermit<'a>>,
    _all: Option<SemaphorePermit<'a>>,
}

/// What a defect outside of the probe itself comes to: its check is blocked, and
/// the run goes on.
pub(super) fn defect(check: &Check, panic: &(dyn Any + Send)) -> (Observation, Judgement) {
    let seen = format!(
        "judging it failed, which is a defect in coldstart: {}",
        reason(panic)
    );
    let finding = Finding {
        expectation: None,
        level: Level::Require,
        expected: check.title.clone(),
        seen: format!("could not tell: {seen}"),
        held: None,
    };
    let observation = Observation {
        at: super::now(),
        elapsed: Duration::ZERO,
        attempts: 1,
        outcome: Outcome::Fault(Fault::new(FaultKind::Internal, seen)),
    };
    let judgement = Judgement {
        verdict: if check.advisory {
            Verdict::Warn
        } else {
            Verdict::Blocked
        },
        findings: vec![finding],
        course: None,
    };
    (observation, judgement)
}

/// What a coverage tells when the checks came to what `verdict` says.
pub(super) fn tell_coverage(
    check: &Check,
    coverage: &Coverage,
    verdict: impl Fn(usize) -> Verdict,
) -> (Observation, Judgement) {
    let at = super::now();
    let observation = Observation {
        at,
        elapsed: Duration::ZERO,
        attempts: 1,
        outcome: Outcome::Seen(coverage.facts(at, verdict)),
    };
    let goal = check.goal();
    let judgement = judge_coverage(&observation, &check.expectations, &goal, check.advisory);
    (observation, judgement)
}

/// Looks until a required expectation's answer is final, and judges it.
pub(super) async fn look(shared: &Shared, place: usize) -> (Observation, Judgement) {
    let check = &shared.plan.checks[place];
    let goal = check.goal();
    let mut first_start = None;
    let mut attempt = 0;
    // One for all attempts: a test that was posted is not posted again.
    let mut turn =
        (shared.sends_alert && check.probe.alert_test().is_some()).then(AlertTurn::granted);
    loop {
        attempt += 1;
        let outcome = {
            let _turn = shared.limits.turn(&check.target).await;
            // Nobody listens any more when the run is over.
            shared.started.send((place, attempt)).ok();
            first_start.get_or_insert_with(Instant::now);
            let look = Look {
                check: &check.id,
                attempt,
                kind: check.kind,
                target: &check.target,
                probe: check.probe.as_ref(),
            };
            observe(shared, &look, turn.as_mut()).await
        };
        let observation = Observation {
            at: super::now(),
            elapsed: first_start.map_or(Duration::ZERO, |start| start.elapsed()),
            attempts: attempt,
            outcome,
        };
        if check.probe.alert_test().is_some() && turn.is_none() {
            return (observation, unproven(&goal, &not_sent()));
        }
        let judgement = judge(&observation, &check.expectations, &goal, check.advisory);
        let has_said_all = check
            .probe
            .alert_test()
            .zip(turn.as_ref())
            .is_some_and(|(test, turn)| !test.is_worth_another(turn));
        if attempt >= check.retry.attempts
            || has_said_all
            || is_final(&observation.outcome, &judgement)
        {
            return (observation, judgement);
        }
        sleep(check.retry.pause_after(attempt)).await;
    }
}

/// Whether another attempt cannot change what counts: everything required
/// holds, or the fault is a decision. What is only preferred is not worth one.
fn is_final(outcome: &Outcome, judgement: &Judgement) -> bool {
    let hopeless = matches!(outcome, Outcome::Fault(fault) if fault.hopeless);
    let required_holds = judgement
        .findings
        .iter()
        .all(|finding| finding.level == Level::Prefer || finding.held == Some(true));
    hopeless || required_holds
}

/// Whether the outcome is that of a test alert which was not to be sent. That is no
/// failure to look into.
pub(super) fn is_withheld(check: &Check, outcome: &Outcome) -> bool {
    let Outcome::Seen(facts) = outcome else {
        return false;
    };
    check.probe.alert_test().is_some() && facts.get("sent") == Some(&Value::Bool(false))
}

/// What is said where a test alert would have been sent.
fn not_sent() -> String {
    format!("the alert chain is unproven, nothing was sent: `{SEND_FLAG}` sends a test")
}

/// What one look is taken with.
pub(super) struct Look<'a> {
    /// The id of its check.
    pub(super) check: &'a str,
    /// The attempt of the check, which the looks of its diagnosis belong to as well.
    pub(super) attempt: u32,
    /// The kind of its probe.
    pub(super) kind: &'static str,
    pub(super) target: &'a Target,
    pub(super) probe: &'a dyn Probe,
}

/// One look, with leave to send a test alert where there is a `turn`. Whatever the
/// probe does, an outcome without secrets comes of it.
pub(super) async fn observe(
    shared: &Shared,
    look: &Look<'_>,
    turn: Option<&mut AlertTurn>,
) -> Outcome {
    let context = Context {
        check: look.check.to_owned(),
        attempt: look.attempt,
        target: look.target.clone(),
        transports: Arc::clone(&shared.transports),
    };
    let limit = guard(look.target, shared.jobs_per_host);
    let running = match (look.probe.alert_test(), turn) {
        (Some(test), Some(turn)) => test.look(&context, turn).boxed(),
        _ => look.probe.run(&context),
    };
    let probing = AssertUnwindSafe(running).catch_unwind();
    let seen = match timeout(limit, probing).await {
        Ok(Ok(seen)) => seen,
        Ok(Err(panic)) => Err(Fault::new(
            FaultKind::Internal,
            format!(
                "the {} probe failed, which is a defect in coldstart: {}",
                look.kind,
                reason(panic.as_ref())
            ),
        )),
        Err(_) => Err(Fault::new(
            FaultKind::TimedOut,
            format!("no end of it in {:.1} s", limit.as_secs_f64()),
        )),
    };
    match context.scrubbed(seen) {
        Ok(facts) => Outcome::Seen(facts),
        Err(fault) => Outcome::Fault(fault),
    }
}

/// Probes keep their own time; this is for the one that fails to. A way
/// through other hosts opens one connection after the other, and a command
/// waits for those before it on the host's connection, four of which run at once.
fn guard(target: &Target, jobs_per_host: usize) -> Duration {
    let hops = target
        .hosts()
        .chain(&target.via)
        .map(|host| 1 + jumps(host))
        .sum::<u32>()
        .max(1);
    let queue = u32::try_from(jobs_per_host.div_ceil(4)).unwrap_or(u32::MAX);
    (target.connect_timeout * hops)
        .saturating_add(target.timeout.saturating_mul(queue.saturating_add(2)))
        .saturating_add(Duration::from_secs(2))
}

fn jumps(host: &Host) -> u32 {
    host.ssh.jump.as_deref().map_or(0, |jump| 1 + jumps(jump))
}

fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it gave no reason").to_owned()
}
