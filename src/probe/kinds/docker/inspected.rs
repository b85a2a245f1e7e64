//! What `docker inspect` and `podman inspect` print of containers.
//!
//! Both print a list of objects. Docker begins a name with a slash; Podman 3 has
//! `State.Healthcheck` where Docker and Podman 4 have `State.Health`, and says by
//! an empty status that there is no health check, where Docker leaves it out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value as Json;

use crate::probe::{Fault, FaultKind};

/// One container.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Container {
    pub(super) name: String,
    /// `running`, `exited`, `restarting`, `created`, …
    pub(super) state: String,
    pub(super) exit_code: Option<i32>,
    pub(super) oom_killed: bool,
    /// Absent for one that was never started.
    pub(super) started_at: Option<Timestamp>,
    pub(super) health: Health,
    pub(super) restarts: Option<u32>,
    pub(super) image: Option<String>,
    pub(super) networks: Vec<String>,
    pub(super) labels: BTreeMap<String, String>,
}

/// What its health check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Health {
    /// It has none.
    None,
    /// It has one that has not said anything yet.
    Unknown,
    /// The engine's word: `healthy`, `unhealthy`, `starting`.
    Says(String),
}

impl Container {
    pub(super) fn runs(&self) -> bool {
        self.state == "running"
    }
}

/// The containers of a list.
///
/// # Errors
/// `Protocol`: it is none, or has something without a name or a state.
pub(super) fn parse(text: &str, program: &str) -> Result<Vec<Container>, Fault> {
    let broken = |what: &str| {
        Fault::new(
            FaultKind::Protocol,
            format!("{program} inspect printed {what}"),
        )
    };
    // Podman prints nothing at all when it found none.
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let json: Json = serde_json::from_str(text).map_err(|_| broken("no JSON"))?;
    let list = json.as_array().ok_or_else(|| broken("no list"))?;
    list.iter()
        .map(|item| container(item).ok_or_else(|| broken("a container without a name or a state")))
        .collect()
}

fn container(item: &Json) -> Option<Container> {
    let text = |pointer: &str| {
        let text = item.pointer(pointer)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    let number = |pointer: &str| item.pointer(pointer).and_then(Json::as_i64);
    let name = text("/Name")?.trim_start_matches('/').to_owned();
    let started = text("/State/StartedAt").and_then(|at| at.parse::<Timestamp>().ok());
    let restarts = number("/RestartCount").or_else(|| number("/State/RestartCount"));
    let labels = item.pointer("/Config/Labels").and_then(Json::as_object);
    let networks = item.pointer("/NetworkSettings/Networks");
    Some(Container {
        name,
        state: text("/State/Status")?.to_ascii_lowercase(),
        exit_code: number("/State/ExitCode").and_then(|code| i32::try_from(code).ok()),
        oom_killed: item.pointer("/State/OOMKilled") == Some(&Json::Bool(true)),
        // Year 1 is how Go writes that it never was.
        started_at: started.filter(|at| at.as_second() > 0),
        health: health(item),
        restarts: restarts.and_then(|count| u32::try_from(count).ok()),
        image: text("/Config/Image").or_else(|| text("/ImageName")),
        networks: networks
            .and_then(Json::as_object)
            .map(|networks| networks.keys().cloned().collect())
            .unwrap_or_default(),
        labels: labels
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
    })
}

fn health(item: &Json) -> Health {
    let says = ["/State/Health/Status", "/State/Healthcheck/Status"]
        .iter()
        .filter_map(|pointer| item.pointer(pointer)?.as_str())
        .find(|status| !status.is_empty());
    match says {
        Some("none") => Health::None,
        Some(status) => Health::Says(status.to_ascii_lowercase()),
        None if declares_check(item) => Health::Unknown,
        None => Health::None,
    }
}

/// Whether the image or the one who made the container gave it a health check:
/// `["NONE"]` takes that of the image away.
fn declares_check(item: &Json) -> bool {
    let test = item.pointer("/Config/Healthcheck/Test");
    let words = test.and_then(Json::as_array);
    words
        .and_then(|words| words.first())
        .and_then(Json::as_str)
        .is_some_and(|first| first != "NONE")
}
