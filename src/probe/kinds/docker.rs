//! `docker`: containers run and are well.

mod facts;
mod inspected;
mod listed;
mod networks;
mod options;
mod told;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use self::inspected::Container;
use self::listed::Row;
use self::networks::Networks;
use super::answer;
use super::engine::{Engine, is_absence, refusal};
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target,
};
use crate::transport::command::{Exit, Output};

/// Asks Docker or Podman on the host for containers: by their names, by their
/// Compose project, or by a label.
///
/// By itself it expects that each of them exists and runs, and is healthy where it
/// has a health check; one whose check has not decided yet is a warning. A
/// container that is not there or has ended is a fact and no fault. One that fails
/// some seconds after each start runs between its failures; `watch_for_s` looks
/// twice and finds it.
///
/// It asks for all containers by one `inspect`, and before that for a list by
/// `ps -a` where names alone do not tell which ones.
///
/// With `host_networks` alone it asks for no container: networks are there before any.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Docker {
    /// Containers by their names; a name may be a pattern, with `*` for any text.
    #[serde(default)]
    containers: Vec<String>,
    /// All containers of this Compose project, by its label; without those of
    /// `docker compose run`.
    #[serde(default)]
    project: Option<String>,
    /// Services of the project that must each have a container, so that one that
    /// was never made is noticed.
    #[serde(default)]
    services: Vec<String>,
    /// All containers with this label: `key` or `key=value`.
    #[serde(default)]
    label: Option<String>,
    /// Those of them that do their work and end, by name, pattern or service: to
    /// have ended with 0 is as well as to run.
    #[serde(default)]
    once: Vec<String>,
    /// Also look at all containers of the host for those that ended with 128 or 137.
    #[serde(default)]
    leftovers: bool,
    /// Also look at the networks that the engine has, whoever joined them: `true` for one
    /// at least that is not the engine's own, a list for those that have to be there; a
    /// name may be a pattern.
    #[serde(default)]
    host_networks: Networks,
    /// Looks twice, this many seconds apart, and tells what was restarted
    /// meanwhile; less than the check's `timeout`. One look when left out.
    #[serde(default)]
    #[schemars(range(min = 1, max = 255))]
    watch_for_s: Option<u8>,
    /// The program that knows the containers. Built in: `docker`.
    #[serde(default)]
    program: Option<Engine>,
    /// Ask by `sudo -n`.
    #[serde(default)]
    sudo: bool,
}

/// What a full `inspect` of some hundred containers prints, health checks' last
/// outputs and all.
const MOST_BYTES: usize = 16 << 20;

impl Kind for Docker {
    const NAME: &'static str = "docker";
    const SUMMARY: &'static str = "containers run and are healthy";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &facts::FACTS;
    const EXAMPLE: &'static str = "title: momo's scheduler runs and is healthy\non: data188\ndocker: { containers: [momo-scheduler] }\n";

    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        self.wrong(target, policy)
    }

    fn defaults(&self) -> Defaults {
        let mut require = Vec::new();
        let mut prefer = Vec::new();
        if self.selects() {
            require.extend(["missing", "not_running", "unhealthy"]);
            prefer.push("starting");
        }
        if self.watch_for_s.is_some() {
            require.push("restarting");
        }
        if self.leftovers {
            require.push("leftovers");
        }
        let none = |fact: &str| format!("size({fact}) == 0");
        let networks = self.host_networks.expected().map(str::to_owned);
        Defaults {
            require: require.into_iter().map(none).chain(networks).collect(),
            prefer: prefer.into_iter().map(none).collect(),
        }
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        format!("{}'s word on {} on {host}", self.engine(), self.asked())
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        target.exec_requests(self.args(), policy)
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let mut facts = Facts::new();
        let rows = if self.lists() {
            let output = self.ask(context, self.ps()).await?;
            let text = self.printed(&output, "list of containers", context)?;
            Some(listed::parse(&text, self.engine())?)
        } else {
            None
        };
        let wanted: Vec<String> = match &rows {
            Some(rows) => self.chosen(rows).map(|row| row.id.clone()).collect(),
            None => self.containers.clone(),
        };
        if self.selects() {
            let first = self.inspect(context, &wanted).await?;
            let began = tokio::time::Instant::now();
            let looks = match self.watch_for_s {
                None => vec![first],
                Some(seconds) => {
                    tokio::time::sleep_until(began + Duration::from_secs(seconds.into())).await;
                    vec![first, self.inspect(context, &wanted).await?]
                }
            };
            told::containers(self, &looks, &mut facts);
            if let Some(rows) = &rows {
                told::just_started(self.chosen(rows), &mut facts);
            }
        }
        if let Some(rows) = rows.filter(|_| self.leftovers) {
            told::leftovers(&rows, &mut facts);
        }
        if self.host_networks.are_listed() {
            let output = self.ask(context, self.network_ls()).await?;
            let text = self.printed(&output, "list of networks", context)?;
            self.host_networks.set(&text, self, &mut facts)?;
        }
        Ok(facts)
    }
}

impl Docker {
    /// The rows whose containers are looked at.
    fn chosen<'r>(&'r self, rows: &'r [Row]) -> impl Iterator<Item = &'r Row> {
        rows.iter().filter(move |row| {
            let labelled = |(key, value)| row.may_have(key, value);
            self.names(&row.name) || self.labels().into_iter().any(labelled)
        })
    }

    async fn ask(&self, context: &Context, args: Vec<String>) -> Result<Output, Fault> {
        let command = answer::command(&context.transports.policy, args)?;
        context.exec_up_to(&command, MOST_BYTES).await
    }

    /// What it printed, when it ended well.
    fn printed(&self, output: &Output, what: &str, context: &Context) -> Result<String, Fault> {
        let host = context.host()?;
        if self.ended(output, context)? != 0 {
            return Err(refusal(&complaints(output), self.engine(), what, host));
        }
        Ok(answer::stdout(output))
    }

    fn ended(&self, output: &Output, context: &Context) -> Result<u32, Fault> {
        answer::status(output, self.engine(), context.host()?).map_err(|fault| {
            let missing = matches!(output.exit, Exit::Status(127));
            match self.program {
                None if missing => fault.hint("where Podman is used, write `program: podman`"),
                _ => fault,
            }
        })
    }

    /// The containers of these names or ids, without those that there are not.
    async fn inspect(&self, context: &Context, wanted: &[String]) -> Result<Vec<Container>, Fault> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let output = self.ask(context, self.inspect_args(wanted)).await?;
        let complaints = complaints(&output);
        let only_absent = !complaints.is_empty() && complaints.iter().all(|line| is_absence(line));
        if self.ended(&output, context)? != 0 && !only_absent {
            let host = context.host()?;
            return Err(refusal(
                &complaints,
                self.engine(),
                "state of containers",
                host,
            ));
        }
        let all = inspected::parse(&answer::stdout(&output), self.engine())?;
        if all.len() > wanted.len() {
            let seen = format!("{} inspect told of more than was asked", self.engine());
            return Err(Fault::new(FaultKind::Protocol, seen));
        }
        Ok(all.into_iter().filter(|own| self.is_meant(own)).collect())
    }

    /// Whether it is one of those asked for: a listing cannot always tell its
    /// labels, and an engine takes the start of an id for a name.
    fn is_meant(&self, container: &Container) -> bool {
        let labelled = |(key, value): (&str, Option<&str>)| {
            container
                .labels
                .get(key)
                .is_some_and(|own| value.is_none_or(|value| own == value))
        };
        let by_label = self.labels().into_iter().any(labelled);
        let by_hand = container.labels.get(options::ONE_OFF);
        let by_hand = by_hand.is_some_and(|one_off| one_off.eq_ignore_ascii_case("true"));
        self.names(&container.name) || (by_label && !by_hand)
    }
}

/// What an engine complained of, without its warnings, and without what Podman
/// says of itself when it is called `docker`.
fn complaints(output: &Output) -> Vec<String> {
    let text = answer::stderr(output);
    let is_aside = |line: &str| {
        line.trim().is_empty()
            || line.starts_with("Emulate Docker CLI")
            || line.starts_with("WARNING: ")
            || line.starts_with("time=") && line.contains(" level=warning ")
    };
    text.lines()
        .filter(|line| !is_aside(line))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests;
