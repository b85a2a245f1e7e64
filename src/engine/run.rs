//! The coordinator: decides what may start, takes in what came of it, and
//! closes gates. It alone knows the state of the run; checks run as tasks.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::again::{self, Beginning, Connections};
use super::attempt::{Shared, defect, is_withheld, look, tell_coverage};
use super::course::Courses;
use super::diagnosis::{Findings, diagnose};
use super::planned::planned_run;
use super::{AlertTest, Options, Stop};
use crate::judge::{Judgement, Verdict, is_looked_into};
use crate::plan::Plan;
use crate::probe::{Observation, Outcome, Transports};
use crate::scorecard::{
    Ending, Event, Fold, Gate, Held, PlannedRun, Scorecard, gate_with_accepted,
};

/// Runs every check of `plan` that `left_out` gives no reason against (one
/// entry for each check, in plan order) and returns the card.
///
/// It ends when nothing more can start, at `options.deadline`, or when `stop`
/// turns true; the card accounts for every check in each case. Dropping the
/// future ends every probe.
pub async fn run(
    plan: &Arc<Plan>,
    left_out: &[Option<String>],
    transports: &Arc<Transports>,
    options: &Options,
    mut stop: Stop,
    on_event: &mut dyn FnMut(&Event),
) -> Scorecard {
    let began = Beginning::now();
    let (sender, mut started) = mpsc::unbounded_channel();
    let shared = Shared::new(Arc::clone(plan), Arc::clone(transports), options, sender);
    let shared = Arc::new(shared);
    let mut coordinator = Coordinator::new(plan, options, on_event, Arc::clone(&shared));
    coordinator.leave_out(left_out, &options.alert_test);
    coordinator.advance();
    let deadline = options.deadline.unwrap_or(Duration::MAX);
    let mut deadline_struck = std::pin::pin!(sleep(deadline));
    let ending = loop {
        let is_complete = coordinator.is_complete();
        tokio::select! {
            // What has ended counts before what ends the run.
            biased;
            Some((check, attempt)) = started.recv() => coordinator.started(check, attempt),
            Some(ended) = coordinator.tasks.join_next() => coordinator.ended(ended),
            connections = again::at_the_end(&shared, began, coordinator.courses.tellers()), if is_complete => {
                break coordinator.completed(connections);
            }
            () = &mut deadline_struck => break Ending::Deadline(deadline),
            () = stopped(&mut stop) => break Ending::Interrupted,
        }
    };
    let is_cut_off = matches!(ending, Ending::Deadline(_) | Ending::Interrupted);
    let ending = if is_cut_off && coordinator.is_decided() {
        // No time is left to ask anybody again.
        coordinator.completed(Connections {
            lost: transports.ssh.lost().await,
            looks: Vec::new(),
        })
    } else {
        ending
    };
    coordinator.abandon(&ending);
    let card = coordinator.finish(ending);
    transports.ssh.close_all().await;
    card
}

/// Ends when the operator wants the run to end; never when nobody can say so.
pub(super) async fn stopped(stop: &mut Stop) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Where a check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its phase or what it comes after has not let it start, or it waits for its turn.
    Waiting,
    /// Its task exists.
    Spawned,
    /// Its first attempt began then.
    Running(Instant),
    /// It was looked at; what time has to say of it may wait for another check.
    Looked,
    /// It has its verdict; NOT EVALUATED when it was held.
    Settled(Verdict),
}

/// Where a phase stands.
#[derive(Debug, Clone, Copy)]
enum PhaseState {
    Waiting,
    Open {
        since: Instant,
    },
    Closed {
        gate: Gate,
        /// The first blocked gate in topological order, itself or upstream.
        root: Option<usize>,
    },
}

/// What the gates that a phase needs say together.
enum Upstream {
    /// One of them is not decided yet.
    Undecided,
    LetsThrough,
    Shut {
        /// The first blocked gate in topological order; none where the end of
        /// the run left all of them undecided.
        root: Option<usize>,
        /// One of those that are shut.
        need: usize,
    },
}

/// What a check's `after` says.
enum Permission {
    Start,
    Wait,
    HeldBy(usize),
}

/// What a task came to, with its check.
enum Done {
    Looked(usize, Observation, Judgement),
    Diagnosed(usize, Findings),
}

type Ended = Result<Done, tokio::task::JoinError>;

struct Coordinator<'a> {
    plan: &'a Plan,
    keep_going: bool,
    shared: Arc<Shared>,
    tasks: JoinSet<Done>,
    /// Failures that are being looked into.
    diagnosing: usize,
    checks: Vec<State>,
    phases: Vec<PhaseState>,
    courses: Courses<'a>,
    /// Judged but for what time has to say, which waits for the boot of a host.
    deferred: Vec<(usize, Observation, Judgement)>,
    fold: Fold,
    on_event: &'a mut dyn FnMut(&Event),
}

impl<'a> Coordinator<'a> {
    fn new(
        plan: &'a Plan,
        options: &'a Options,
        on_event: &'a mut dyn FnMut(&Event),
        shared: Arc<Shared>,
    ) -> Self {
        let planned = PlannedRun {
            last_green: options.memory.last_green.clone(),
            waivers: options.waivers.clone(),
            ..planned_run(plan, options.keep_going)
        };
        Self {
            plan,
            keep_going: options.keep_going,
            shared,
            tasks: JoinSet::new(),
            diagnosing: 0,
            checks: vec![State::Waiting; plan.checks.len()],
            phases: vec![PhaseState::Waiting; plan.phases.len()],
            courses: Courses::new(plan, &options.memory),
            deferred: Vec::new(),
            fold: Fold::new(planned, super::now()),
            on_event,
        }
    }

    fn tell(&mut self, event: Event) {
        (self.on_event)(&event);
        self.fold.apply(event);
    }

    fn is_complete(&self) -> bool {
        self.diagnosing == 0 && self.is_decided()
    }

    /// Whether every check has its verdict. What cuts a run off then, in the middle of a
    /// look into a failure or of asking for a boot again, leaves it whole all the same.
    fn is_decided(&self) -> bool {
        self.phases
            .iter()
            .all(|phase| matches!(phase, PhaseState::Closed { .. }))
    }

    fn leave_out(&mut self, left_out: &[Option<String>], alert_test: &AlertTest) {
        let no_test = match alert_test {
            AlertTest::Skip(why) => Some(why),
            AlertTest::Unproven | AlertTest::Send => None,
        };
        for (check, why) in left_out.iter().enumerate().take(self.checks.len()) {
            let is_test = self.plan.checks[check].probe.alert_test().is_some();
            if let Some(why) = why.as_ref().or(no_test.filter(|_| is_test)) {
                self.checks[check] = State::Settled(Verdict::Skipped);
                self.tell(Event::CheckSkipped {
                    check,
                    why: why.clone(),
                });
            }
        }
    }

    /// Opens, fills and closes phases as far as what is known allows.
    fn advance(&mut self) {
        // A coverage may await checks behind it in the plan, which a pass has just held.
        let undecided = |checks: &[State]| {
            let open = |state: &&State| !matches!(state, State::Settled(_));
            checks.iter().filter(open).count()
        };
        loop {
            let before = undecided(&self.checks);
            self.advance_once();
            if undecided(&self.checks) == before || self.plan.coverage.is_none() {
                return;
            }
        }
    }

    /// Needs come before their phase, so one pass from the front settles all but what
    /// awaits other phases.
    fn advance_once(&mut self) {
        for phase in 0..self.phases.len() {
            if matches!(self.phases[phase], PhaseState::Waiting) {
                self.open(phase);
            }
            if matches!(self.phases[phase], PhaseState::Open { .. }) {
                self.start_checks(phase);
                self.close(phase);
            }
        }
    }

    /// Opens a phase whose needs are all decided, or holds it back.
    fn open(&mut self, phase: usize) {
        if self.keep_going {
            self.tell(Event::PhaseStarted { phase });
        } else {
            match self.upstream(phase) {
                Upstream::Undecided => return,
                Upstream::LetsThrough => self.tell(Event::PhaseStarted { phase }),
                Upstream::Shut { root, need } => {
                    let by = &self.plan.phases[root.unwrap_or(need)];
                    self.hold_waiting(phase, &Held::Gate(by.id.clone()));
                }
            }
        }
        self.phases[phase] = PhaseState::Open {
            since: Instant::now(),
        };
    }

    /// What the gates that `phase` needs say together.
    fn upstream(&self, phase: usize) -> Upstream {
        let mut upstream = Upstream::LetsThrough;
        for &need in &self.plan.phases[phase].needs {
            let PhaseState::Closed { gate, root } = self.phases[need] else {
                return Upstream::Undecided;
            };
            if !gate.lets_through() {
                let known = match upstream {
                    Upstream::Shut { root, .. } => root,
                    Upstream::LetsThrough | Upstream::Undecided => None,
                };
                // The first in topological order is the one to fix.
                let root = known.into_iter().chain(root).min();
                upstream = Upstream::Shut { root, need };
            }
        }
        upstream
    }

    fn hold_waiting(&mut self, phase: usize, by: &Held) {
        for check in self.plan.phases[phase].checks.clone() {
            if !matches!(self.checks[check], State::Settled(_)) {
                self.hold(check, by.clone());
            }
        }
    }

    fn hold(&mut self, check: usize, by: Held) {
        let unfinished = match self.checks[check] {
            State::Running(since) => Some(since.elapsed()),
            State::Waiting | State::Spawned | State::Looked | State::Settled(_) => None,
        };
        self.checks[check] = State::Settled(Verdict::NotEvaluated);
        self.tell(Event::CheckHeld {
            check,
            by,
            unfinished,
        });
    }

    /// Starts the checks of an open phase that nothing holds. The plan has
    /// every check behind those it comes after, so one pass is enough.
    fn start_checks(&mut self, phase: usize) {
        for check in self.plan.phases[phase].checks.clone() {
            if self.checks[check] != State::Waiting {
                continue;
            }
            match self.permission(check) {
                Permission::Start => self.spawn(check),
                Permission::Wait => {}
                Permission::HeldBy(after) => {
                    self.hold(check, Held::Check(self.plan.checks[after].id.clone()));
                }
            }
        }
    }

    fn permission(&self, check: usize) -> Permission {
        let is_decided = |&place: &usize| matches!(self.checks[place], State::Settled(_));
        if !self.plan.checks[check].awaits.iter().all(is_decided) {
            return Permission::Wait;
        }
        if self.keep_going {
            return Permission::Start;
        }
        let mut permission = Permission::Start;
        for &after in &self.plan.checks[check].after {
            match self.checks[after] {
                State::Settled(Verdict::Pass | Verdict::Warn | Verdict::Skipped) => {}
                State::Settled(Verdict::Blocked | Verdict::NotEvaluated) => {
                    return Permission::HeldBy(after);
                }
                State::Waiting | State::Spawned | State::Running(_) | State::Looked => {
                    permission = Permission::Wait;
                }
            }
        }
        permission
    }

    fn spawn(&mut self, check: usize) {
        self.checks[check] = State::Spawned;
        if let (Some(coverage), true) = (
            &self.plan.coverage,
            self.plan.checks[check].tells_coverage(),
        ) {
            let told = tell_coverage(&self.plan.checks[check], coverage, |place| {
                match self.checks[place] {
                    State::Settled(verdict) => verdict,
                    State::Waiting | State::Spawned | State::Running(_) | State::Looked => {
                        Verdict::NotEvaluated
                    }
                }
            });
            self.shared.has_started(check);
            self.tasks
                .spawn(async move { Done::Looked(check, told.0, told.1) });
            return;
        }
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let looked = AssertUnwindSafe(look(&shared, check)).catch_unwind().await;
            let (observation, judgement) =
                looked.unwrap_or_else(|panic| defect(&shared.plan.checks[check], panic.as_ref()));
            Done::Looked(check, observation, judgement)
        });
    }

    /// Has a failure looked into. No gate and no other check waits for that.
    fn look_into(&mut self, check: usize, attempt: u32, outcome: Outcome) {
        let planned = &self.plan.checks[check];
        if planned.diagnosis.is_empty() && planned.signatures.is_empty() {
            return;
        }
        self.diagnosing += 1;
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let looking =
                AssertUnwindSafe(diagnose(&shared, check, attempt, &outcome)).catch_unwind();
            // A defect here must not lose the failure that it looks into.
            Done::Diagnosed(check, looking.await.unwrap_or_default())
        });
    }

    /// Decides the gate of a phase whose checks are all settled.
    fn close(&mut self, phase: usize) {
        let PhaseState::Open { since } = self.phases[phase] else {
            return;
        };
        let upstream = self.upstream(phase);
        if matches!(upstream, Upstream::Undecided) {
            return;
        }
        let mut verdicts = Vec::new();
        let now = super::now();
        for check in self.plan.phases[phase].checks.clone() {
            match self.checks[check] {
                State::Settled(verdict) => {
                    verdicts.push((verdict, self.fold.accepts(check, now)));
                }
                State::Waiting | State::Spawned | State::Running(_) | State::Looked => return,
            }
        }
        let (gate, root) = match (gate_with_accepted(verdicts), upstream) {
            // Whatever was seen behind a shut gate opens nothing.
            (Gate::Blocked, Upstream::Shut { root, .. }) => (Gate::Blocked, root.or(Some(phase))),
            (_, Upstream::Shut { root, .. }) => (Gate::NotEvaluated, root),
            (Gate::Blocked, _) => (Gate::Blocked, Some(phase)),
            (gate, _) => (gate, None),
        };
        self.phases[phase] = PhaseState::Closed { gate, root };
        // A gate blocked by its own checks is decided by them.
        let held_by = root.filter(|_| gate != Gate::Blocked);
        self.tell(Event::PhaseFinished {
            phase,
            gate,
            held_by,
            elapsed: since.elapsed(),
        });
    }

    fn started(&mut self, check: usize, attempt: u32) {
        let since = match self.checks[check] {
            State::Spawned => Instant::now(),
            State::Running(since) => since,
            State::Waiting | State::Looked | State::Settled(_) => return,
        };
        self.checks[check] = State::Running(since);
        self.tell(Event::CheckStarted { check, attempt });
    }

    fn ended(&mut self, ended: Ended) {
        // A task catches what panics in it, and only the end of the run aborts one.
        let Ok(done) = ended else {
            return;
        };
        let (check, observation, judgement) = match done {
            Done::Looked(check, observation, judgement) => (check, observation, judgement),
            Done::Diagnosed(check, Findings { looks, recognised }) => {
                self.diagnosing -= 1;
                self.tell(Event::CheckDiagnosed {
                    check,
                    looks,
                    recognised,
                });
                return;
            }
        };
        self.checks[check] = State::Looked;
        self.learn(check, &observation);
        self.deferred.push((check, observation, judgement));
        self.settle(false);
        self.advance();
    }

    fn learn(&mut self, check: usize, observation: &Observation) {
        let ssh = &self.shared.transports.ssh;
        self.courses
            .learn(check, observation, |host| !ssh.has_lost(host));
    }

    /// Settles the checks whose looks have ended; those that have to know the
    /// boot of their host wait for a look under way that may tell it, unless
    /// the run is at its end.
    fn settle(&mut self, at_end: bool) {
        for (check, observation, judgement) in std::mem::take(&mut self.deferred) {
            if !at_end && self.awaits_boot(check) {
                self.deferred.push((check, observation, judgement));
                continue;
            }
            let judgement = self.courses.judge(check, &observation, judgement);
            // What only has not held for long enough is no failure to look into.
            let own = judgement
                .course
                .as_ref()
                .map_or(judgement.verdict, |course| course.verdict);
            let withheld = is_withheld(&self.plan.checks[check], &observation.outcome);
            if !at_end && !withheld && is_looked_into(own) {
                self.look_into(check, observation.attempts, observation.outcome.clone());
            }
            self.checks[check] = State::Settled(judgement.verdict);
            self.tell(Event::CheckJudged {
                check,
                observation,
                judgement,
            });
        }
    }

    fn awaits_boot(&self, check: usize) -> bool {
        // Only a task that is still there ends, and so has this asked again.
        self.courses
            .may_tell_boot(check)
            .any(|other| matches!(self.checks[other], State::Spawned | State::Running(_)))
    }

    /// Accounts for everything that the end of the run cuts off.
    fn abandon(&mut self, ending: &Ending) {
        let by = match ending {
            Ending::Complete | Ending::Disrupted(_) => return,
            Ending::Deadline(_) => Held::Deadline,
            Ending::Interrupted => Held::Interrupt,
        };
        self.tasks.abort_all();
        self.settle(true);
        for phase in 0..self.phases.len() {
            if matches!(self.phases[phase], PhaseState::Closed { .. }) {
                continue;
            }
            self.hold_waiting(phase, &by);
            if matches!(self.phases[phase], PhaseState::Waiting) {
                self.phases[phase] = PhaseState::Open {
                    since: Instant::now(),
                };
            }
            self.close(phase);
        }
    }

    /// How a run ends that has looked at everything.
    fn completed(&mut self, connections: Connections) -> Ending {
        let Connections { mut lost, looks } = connections;
        for (check, observation) in looks {
            self.learn(check, &observation);
        }
        lost.extend(self.courses.restarted().map(str::to_owned));
        let hosts = self.plan.hosts.iter();
        let mut disrupted: Vec<String> = hosts.filter_map(|host| lost.take(&host.id)).collect();
        // A host that only others are reached through.
        disrupted.extend(lost);
        if disrupted.is_empty() {
            Ending::Complete
        } else {
            Ending::Disrupted(disrupted)
        }
    }

    fn finish(mut self, ending: Ending) -> Scorecard {
        let at = super::now();
        let card = self.fold.finish(at, &ending);
        (self.on_event)(&Event::Finished { at, ending });
        card
    }
}
