//! The networks of the host's engine, which are there without any container.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Docker;
use crate::probe::{Facts, Fault, FaultKind, OptionProblem, Value};
use crate::transport::wildcard;

/// Those that an engine has by itself: docker's, its swarm's, Podman's.
const OWN: [&str; 7] = [
    "bridge",
    "host",
    "none",
    "docker_gwbridge",
    "ingress",
    "podman",
    // Made by the first `podman kube play`.
    "podman-default-kube-network",
];

/// Whether the networks are looked at, and which have to be there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "true, false or a list of names is expected")]
#[schemars(rename = "EngineNetworks")]
pub(super) enum Networks {
    /// List them, or not.
    Listed(bool),
    /// List them; these have to be there.
    Named(Vec<String>),
}

impl Default for Networks {
    fn default() -> Self {
        Self::Listed(false)
    }
}

impl Networks {
    pub(super) fn are_listed(&self) -> bool {
        !matches!(self, Self::Listed(false))
    }

    fn named(&self) -> &[String] {
        match self {
            Self::Named(names) => names,
            Self::Listed(_) => &[],
        }
    }

    /// What is expected of them by default.
    pub(super) fn expected(&self) -> Option<&'static str> {
        match self {
            Self::Listed(false) => None,
            Self::Listed(true) => Some("size(made_networks) > 0"),
            Self::Named(_) => Some("size(missing_networks) == 0"),
        }
    }

    /// What they are called in a sentence.
    pub(super) fn asked(&self) -> Option<String> {
        match self {
            Self::Listed(false) => None,
            Self::Listed(true) => Some("its networks".to_owned()),
            Self::Named(names) => Some(format!("its networks {}", names.join(", "))),
        }
    }

    pub(super) fn wrong(&self) -> Vec<OptionProblem> {
        let problem = |path: Vec<String>, message: String, suggestion: &str| OptionProblem {
            path,
            message,
            suggestion: Some(suggestion.to_owned()),
        };
        let option = || "host_networks".to_owned();
        if let Self::Named(names) = self
            && names.is_empty()
        {
            let message = "it names no network".to_owned();
            return vec![problem(vec![option()], message, "`true` for all of them")];
        }
        let is_none = |name: &String| name.trim() != name || name.is_empty() || name.contains('\n');
        let named = self.named().iter().enumerate();
        named
            .filter(|(_, name)| is_none(name))
            .map(|(at, name)| {
                problem(
                    vec![option(), at.to_string()],
                    format!("{name:?} is no name of a network"),
                    "a name as `docker network ls` has it",
                )
            })
            .collect()
    }

    /// Sets the facts of what [`Docker::network_ls`] printed.
    ///
    /// # Errors
    /// `Protocol`: it printed something else than names.
    pub(super) fn set(
        &self,
        printed: &str,
        docker: &Docker,
        facts: &mut Facts,
    ) -> Result<(), Fault> {
        let all: Vec<&str> = printed.lines().map(str::trim_end).collect();
        // An engine that knows no such format prints it as it is, or a table.
        let is_other = |name: &&str| name.is_empty() || name.contains("{{") || name.contains("  ");
        if all.iter().any(is_other) {
            let seen = format!("{} network ls printed no names", docker.engine());
            return Err(Fault::new(FaultKind::Protocol, seen));
        }
        let list = |names: Vec<&str>| Value::List(names.into_iter().map(Value::from).collect());
        let is_made = |name: &&str| !OWN.contains(name);
        facts.set(
            "made_networks",
            list(all.iter().copied().filter(is_made).collect()),
        );
        if matches!(self, Self::Named(_)) {
            let is_missing = |name: &&str| !all.iter().any(|own| wildcard::matches(name, own));
            let named = self.named().iter().map(String::as_str);
            facts.set("missing_networks", list(named.filter(is_missing).collect()));
        }
        facts.set("host_networks", list(all));
        Ok(())
    }
}
