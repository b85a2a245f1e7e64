//! A baseline that was read: every reference in it is known to exist, except
//! for kinds, expectations and cycles, which are `plan`'s to check.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::coverage::Coverage;
use super::node::Node;
use super::source::{Located, Location};

/// Hosts, phases and checks, from the entry file and all that it includes.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// Of the file format; 1.
    pub version: u32,
    /// A short name, for cards and state.
    pub name: Located<String>,
    /// One line about it.
    pub title: Option<String>,
    /// What the names of its metrics begin with: a metric name without colons.
    pub metrics_prefix: String,
    /// SHA-256 over the texts of all sources and the overriding variables, 64
    /// lower-case hexadecimal digits. Where the files lie does not count.
    pub digest: String,
    /// Every variable with its value, overrides applied, in the order of the files.
    pub vars: Vec<(Located<String>, String)>,
    /// For checks that do not say otherwise.
    pub defaults: Defaults,
    /// What may run beyond the built-in list.
    pub policy: PolicyAllow,
    /// In the order of the files, included ones where their `include` stands.
    pub hosts: Vec<Host>,
    /// In the order of the files, included ones where their `include` stands.
    pub phases: Vec<Phase>,
    /// In the order of the files, included ones where their `include` stands.
    pub releases: Vec<Release>,
    /// Which service is protected at which layer; none where no file says.
    pub coverage: Option<Coverage>,
    /// In the order of the files, in which the first that fits counts.
    pub signatures: Vec<Signature>,
}

impl Baseline {
    /// The host with this id.
    #[must_use]
    pub fn host(&self, id: &str) -> Option<&Host> {
        self.hosts.iter().find(|host| host.id.value == id)
    }

    /// The hosts that an entry of `on` means, in the baseline's order: `all`,
    /// `tag:NAME` or a host's id.
    #[must_use]
    pub fn select(&self, on: &str) -> Vec<&Host> {
        let wanted = |host: &&Host| match on.strip_prefix("tag:") {
            Some(tag) => host.tags.iter().any(|own| own.value == tag),
            None => on == "all" || host.id.value == on,
        };
        self.hosts.iter().filter(wanted).collect()
    }

    /// What holds for a check: its own settings, else its phase's, else the
    /// baseline's. A host's own `connect_timeout` goes before this one.
    #[must_use]
    pub fn settings(&self, phase: &Phase, check: &Check) -> Defaults {
        Defaults {
            timeout: check
                .timeout
                .or(phase.defaults.timeout)
                .unwrap_or(self.defaults.timeout),
            connect_timeout: phase
                .defaults
                .connect_timeout
                .unwrap_or(self.defaults.connect_timeout),
            retry: check
                .retry
                .or(phase.defaults.retry)
                .unwrap_or(self.defaults.retry),
        }
    }
}

/// The baseline's defaults, complete.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Defaults {
    /// Time for one attempt, from the open connection to the last fact; 5 s.
    pub timeout: Duration,
    /// Time in which a connection must open, all tries included; 5 s.
    pub connect_timeout: Duration,
    /// When to look again.
    pub retry: Retry,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            retry: Retry::default(),
        }
    }
}

/// A phase's defaults: what it does not say is the baseline's.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PhaseDefaults {
    /// See [`Defaults::timeout`].
    pub timeout: Option<Duration>,
    /// See [`Defaults::connect_timeout`].
    pub connect_timeout: Option<Duration>,
    /// See [`Defaults::retry`].
    pub retry: Option<Retry>,
}

/// When to look again after a check did not pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// How often to look at most, the first time included; 2, at least 1.
    pub attempts: u32,
    /// Pause before the second look; 1 s.
    pub delay: Duration,
    /// Each pause is this many times the one before; 2, at least 1.
    pub backoff: f64,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 2,
            delay: Duration::from_secs(1),
            backoff: 2.0,
        }
    }
}

/// Commands that may run beyond the built-in read-only list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyAllow {
    /// As written: a program and its first arguments, `zpool status`.
    pub allow: Vec<Located<String>>,
}

/// A machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Its id, unique among hosts.
    pub id: Located<String>,
    /// One line about it.
    pub title: Option<String>,
    /// Name or address to connect to. Empty for a local one, with the id's place.
    pub address: Located<String>,
    /// The operator's own machine: no SSH.
    pub local: bool,
    /// How to log in.
    pub ssh: Ssh,
    /// Names that `on: tag:NAME` selects by.
    pub tags: Vec<Located<String>>,
    /// Time in which a connection to it must open.
    pub connect_timeout: Option<Duration>,
}

/// How to log in to a host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ssh {
    /// Login name.
    pub user: Option<String>,
    /// TCP port.
    pub port: Option<u16>,
    /// Id of the host to go through; exists, and the chain of jumps ends.
    pub jump: Option<Located<String>>,
    /// Private key files to offer.
    pub identity: Vec<String>,
    /// Known-hosts files instead of the user's and the system's.
    pub known_hosts: Vec<String>,
}

/// A node of the graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Its id, unique among phases.
    pub id: Located<String>,
    /// One line about it.
    pub title: Option<String>,
    /// Ids of the phases whose gates must be open before. They exist, and none
    /// is the phase's own; cycles are `plan`'s to find.
    pub needs: Vec<Located<String>>,
    /// For its checks.
    pub defaults: PhaseDefaults,
    /// At least one, in the order of the file.
    pub checks: Vec<Check>,
}

/// One look at something, and what is expected of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Its id, unique in its phase.
    pub id: Located<String>,
    /// A statement that can be false: "primary accepts reads".
    pub title: Option<Located<String>>,
    /// Host ids, `all` or `tag:NAME`; each selects at least one host.
    pub on: Vec<Located<String>>,
    /// The host whose connection network probes go through; exists.
    pub via: Option<Located<String>>,
    /// Ids of checks of the same phase to wait for; a BLOCKED one among them
    /// holds it back. They exist, and none is the check's own; cycles are
    /// `plan`'s to find.
    pub after: Vec<Located<String>>,
    /// The keys that are not a check's own, with their values: exactly one
    /// should be a kind, which is `plan`'s to tell.
    pub candidates: Vec<(Located<String>, Node)>,
    /// Expectations: not held is BLOCKED.
    pub require: Vec<Located<String>>,
    /// Expectations: not held is WARN.
    pub prefer: Vec<Located<String>>,
    /// Whether the kind's default expectations apply.
    pub defaults: bool,
    /// How long all of it has to have held.
    pub stable_for: Option<Duration>,
    /// Which way a number has to go from run to run.
    pub trend: Option<Trend>,
    /// How old a time may be.
    pub fresh: Option<Fresh>,
    /// At worst a warning.
    pub advisory: bool,
    /// Time for one attempt.
    pub timeout: Option<Duration>,
    /// When to look again.
    pub retry: Option<Retry>,
    /// What to do when it does not pass.
    pub remedy: Option<String>,
    /// Where that is written down.
    pub runbook: Option<String>,
    /// Who may do it.
    pub guardrail: Option<Located<Guardrail>>,
    /// Looks to take when it does not pass.
    pub diagnose: Vec<Diagnosis>,
    /// The whole body. In it, in `candidates`, `title`, `require`, `prefer`, `fresh`,
    /// `remedy` and `runbook`, `${host.id}`, `${host.address}`, `${host.user}`
    /// and `$${` are still to be expanded, once for each host; every other
    /// variable has been.
    pub node: Node,
}

/// Something that is let loose only when gates are green.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// Its id, unique among releases.
    pub id: Located<String>,
    /// What it is.
    pub title: Option<String>,
    /// Ids of the phases whose gates must be GREEN. They exist.
    pub needs: Vec<Located<String>>,
    /// Ids of the releases that must be open before. They exist, and none is
    /// its own; cycles are `plan`'s to find.
    pub after: Vec<Located<String>>,
    /// Checks that must pass besides. With `needs` and `after`, there is at
    /// least one thing that it waits for.
    pub require: Vec<Condition>,
    /// Where that is written down.
    pub runbook: Option<String>,
}

/// A check that must pass before a release.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Id of the check, or its part before the `@`. Whether there is such a
    /// check is `plan`'s to tell.
    pub check: Located<String>,
    /// For how long it has to have passed.
    pub stable_for: Option<Duration>,
}

/// A number that is followed from run to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend {
    /// The number: a fact, or an expression over facts, which is `plan`'s to read.
    pub fact: Located<String>,
    /// No look may see more than the one before.
    pub not_increasing: bool,
    /// No look may see less than the one before.
    pub not_decreasing: bool,
    /// How many looks count, this one included: 2 to 64.
    pub samples: usize,
    /// Where it stands.
    pub at: Location,
}

/// How old a time may be. What goes with what is `plan`'s to check.
#[derive(Debug, Clone, PartialEq)]
pub struct Fresh {
    /// The time: a fact, or an expression over facts, which is `plan`'s to read.
    pub time: Located<String>,
    /// Older is BLOCKED.
    pub within: Option<Duration>,
    /// Older is WARN.
    pub prefer_within: Option<Duration>,
    /// A cron expression, which is `plan`'s to read.
    pub every: Option<Located<String>>,
    /// The IANA name of a time zone, which is `plan`'s to look up.
    pub zone: Option<Located<String>>,
    /// How long after its due time a run may be told.
    pub grace: Option<Located<Duration>>,
    /// Where it stands.
    pub at: Location,
}

/// One look to take when a check does not pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// Where it stands.
    pub at: Location,
    /// The host to look at instead of the check's; exists.
    pub on: Option<Located<String>>,
    /// Time for it.
    pub timeout: Option<Duration>,
    /// The keys that are not its own, as [`Check::candidates`].
    pub candidates: Vec<(Located<String>, Node)>,
}

/// A failure that has a name. What it names beside hosts is `plan`'s to check.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// Its id, unique among signatures.
    pub id: Located<String>,
    /// The failure's name.
    pub title: String,
    /// At least one, of which any tells it.
    pub matching: Vec<Match>,
    /// Kinds whose looks it is in; any when empty.
    pub kinds: Vec<Located<String>>,
    /// Checks and phases that it is looked for in; any when empty.
    pub checks: Vec<Located<String>>,
    /// Hosts whose checks it is looked for in, `tag:NAME` among them; any when
    /// empty. Each selects at least one host.
    pub hosts: Vec<Located<String>>,
    /// What to do about it.
    pub remedy: Option<String>,
    /// Where that is written down.
    pub runbook: Option<String>,
    /// Who may do it.
    pub guardrail: Option<Guardrail>,
    /// The check or phase to look at.
    pub go_back_to: Option<Located<String>>,
}

/// What tells a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// As written.
    pub text: Located<String>,
    /// A regular expression; a text that is looked for as it is otherwise.
    pub is_regex: bool,
}

/// Who may carry out a remedy.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Guardrail {
    /// Human approval only.
    Block,
    /// Restart or repair with a human in the loop.
    CriticalHitl,
    /// Restart only with evidence and a look at what it would affect.
    StandardHitl,
    /// Automatic restart, verified afterwards.
    Auto,
}
