//! What Prometheus asks, and whether it gets answers.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{self, Told};
use crate::probe::kinds::alerts::{Labels, Matcher, all_hold, count, list, missing, time};
use crate::probe::kinds::api::Asking;
use crate::probe::{Defaults, Facts, Fault};

pub(super) const PATH: &str = "api/v1/targets";

/// The targets to look at.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Targets {
    /// The jobs whose targets are looked at, one or a list; each has to have one. All when
    /// left out.
    #[serde(default)]
    job: Option<Names>,
    /// Conditions on the targets' labels: `instance=~"192.168.0.188:.*"`.
    #[serde(default)]
    matchers: Vec<Matcher>,
    /// Asks for the targets that relabelling drops, too: there should be none.
    #[serde(default)]
    dropped: bool,
}

/// A name or several.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a name or a list of them")]
pub(super) enum Names {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Names {
    pub(super) fn all(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lists {
    #[serde(default)]
    active_targets: Vec<Target>,
    #[serde(default)]
    dropped_targets: Vec<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    last_error: String,
    #[serde(default)]
    last_scrape: String,
    #[serde(default)]
    health: String,
}

impl Targets {
    fn state(&self) -> &'static str {
        if self.dropped { "any" } else { "active" }
    }

    pub(super) fn questions(&self) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
        vec![(PATH, vec![("state", self.state().to_owned())])]
    }

    pub(super) fn defaults(&self) -> Defaults {
        let dropped = self.dropped.then_some("dropped == 0");
        let all = [
            "targets > 0",
            "down == 0",
            "unknown == 0",
            "size(missing) == 0",
        ];
        Defaults::require(all.into_iter().chain(dropped))
    }

    pub(super) async fn facts(&self, asking: &Asking<'_>) -> Result<Facts, Fault> {
        let told: Told<Lists> = answer::ask(asking, PATH, &[("state", self.state())]).await?;
        let mut facts = Facts::new();
        self.set(&told.data, &mut facts);
        told.reply.set_clock(&mut facts);
        Ok(facts)
    }

    fn set(&self, told: &Lists, facts: &mut Facts) {
        let jobs = self.job.as_ref().map_or(&[][..], Names::all);
        let looked_at: Vec<&Target> = told
            .active_targets
            .iter()
            .filter(|target| jobs.is_empty() || jobs.iter().any(|job| *job == target.job()))
            .filter(|target| all_hold(&self.matchers, &target.labels))
            .collect();
        let of = |health: &str| {
            let targets = looked_at.iter().filter(|target| target.health == health);
            targets.count()
        };
        facts.set("targets", count(looked_at.len()));
        facts.set("up", count(of("up")));
        facts.set("down", count(of("down")));
        // One that was not asked yet, and what later versions may call one.
        facts.set("unknown", count(looked_at.len() - of("up") - of("down")));
        let down = looked_at.iter().filter(|target| target.health == "down");
        facts.set("down_targets", list(down.map(|target| target.shown())));
        let there: BTreeSet<&str> = looked_at.iter().map(|target| target.job()).collect();
        facts.set("missing", list(missing(jobs, &there)));
        if self.dropped {
            facts.set("dropped", count(told.dropped_targets.len()));
        }
        let scrapes = looked_at.iter().map(|target| time(&target.last_scrape));
        // One that was never asked has no time, and then none is the oldest.
        let scrapes: Option<Vec<Timestamp>> = scrapes.collect();
        let oldest = scrapes.and_then(|times| times.into_iter().min());
        facts.set_some("oldest_scrape_at", oldest);
    }
}

impl Target {
    fn job(&self) -> &str {
        self.labels.get("job").map_or("", String::as_str)
    }

    fn shown(&self) -> String {
        let instance = self.labels.get("instance").map_or("", String::as_str);
        let error = if self.last_error.is_empty() {
            "no error is told"
        } else {
            self.last_error.as_str()
        };
        format!("{} {instance}: {error}", self.job())
    }
}
