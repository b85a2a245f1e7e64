//! What a check of `kubernetes` asks for, and what is wrong with that.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Kubernetes;
use super::selector::Selector;
use super::shown::Part;
use super::source::Resource;
use crate::probe::{Defaults, OptionProblem, Policy, Target};
use crate::transport::command::ReadOnlyCommand;

/// The nodes of the cluster.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "KubernetesNodes")]
pub(super) struct NodesAsked {
    /// Nodes that have to be there, by name or by one of their addresses.
    #[serde(default)]
    pub(super) expect: Vec<String>,
    /// Only nodes with these labels: `node-role.kubernetes.io/control-plane`.
    #[serde(default)]
    pub(super) selector: Option<Selector>,
}

/// The pods of a namespace, or of all.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "KubernetesPods")]
pub(super) struct PodsAsked {
    /// Only of this namespace.
    #[serde(default)]
    pub(super) namespace: Option<String>,
    /// Only pods with these labels: `app=api`, `tier in (web, api)`, `!canary`.
    #[serde(default)]
    pub(super) selector: Option<Selector>,
    /// Only pods of these names, each of which has to be there: `api-*`.
    #[serde(default)]
    pub(super) names: Vec<String>,
}

impl PodsAsked {
    pub(super) fn part(&self) -> Part<'_> {
        Part {
            namespace: self.namespace.as_deref(),
            selector: self.selector.as_ref(),
            names: &self.names,
        }
    }
}

/// The one thing that a check asks for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked<'a> {
    Nodes(&'a NodesAsked),
    Pods(&'a PodsAsked),
}

impl<'a> Asked<'a> {
    /// Its key in the options.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Nodes(_) => "nodes",
            Self::Pods(_) => "pods",
        }
    }

    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Nodes(_) => "nodes",
            Self::Pods(_) => "pods",
        }
    }

    /// The lists that it is told from.
    pub(super) fn resources(self) -> Vec<Resource> {
        match self {
            Self::Nodes(_) => vec![Resource::NODES],
            Self::Pods(_) => vec![Resource::PODS],
        }
    }

    pub(super) fn namespace(self) -> Option<&'a str> {
        match self {
            Self::Nodes(_) => None,
            Self::Pods(asked) => asked.namespace.as_deref(),
        }
    }

    /// The names that have to be there, with the key that they stand under.
    fn names(self) -> (&'static str, &'a [String]) {
        match self {
            Self::Nodes(asked) => ("expect", &asked.expect),
            Self::Pods(asked) => ("names", &asked.names),
        }
    }

    pub(super) fn defaults(self) -> Defaults {
        let (mut require, mut prefer) = (Vec::new(), Vec::new());
        if !self.names().1.is_empty() {
            require.push("size(missing) == 0");
        }
        match self {
            Self::Nodes(_) => {
                require.extend(["count > 0", "size(not_ready) == 0"]);
                prefer.extend(["size(unschedulable) == 0", "size(pressure) == 0"]);
            }
            Self::Pods(_) => {
                require.extend(["ready_count > 0", "size(not_ready) == 0"]);
                prefer.push("size(failed) == 0");
            }
        }
        Defaults {
            require: require.into_iter().map(str::to_owned).collect(),
            prefer: prefer.into_iter().map(str::to_owned).collect(),
        }
    }
}

fn problem(path: &[&str], message: String, suggestion: &str) -> OptionProblem {
    OptionProblem {
        path: path.iter().map(|&part| part.to_owned()).collect(),
        message,
        suggestion: Some(suggestion.to_owned()),
    }
}

/// A name as Kubernetes takes it (RFC 1123), with `*` and `?` for any letters.
fn is_name(text: &str) -> bool {
    let is_plain = |next: char| next.is_ascii_alphanumeric() || "-.:*?".contains(next);
    !text.is_empty() && text.len() <= 253 && !text.starts_with('-') && text.chars().all(is_plain)
}

impl Kubernetes {
    /// Everything asked for: one, when there is no problem with it.
    pub(super) fn all_asked(&self) -> Vec<Asked<'_>> {
        [
            self.nodes.as_ref().map(Asked::Nodes),
            self.pods.as_ref().map(Asked::Pods),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    pub(super) fn wrong(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        match self.all_asked().as_slice() {
            [asked] => problems.extend(self.wrong_with(*asked)),
            [] => problems.push(problem(
                &[],
                "it asks for nothing".to_owned(),
                "`nodes: {}`, or `pods: { namespace: NAME }`",
            )),
            [first, second, ..] => problems.push(problem(
                &[second.key()],
                format!(
                    "a check asks for one thing, and this one asks for `{}`",
                    first.key()
                ),
                "make it a check of its own: both are told from one list for each resource",
            )),
        }
        if self.program.is_empty() {
            let message = "without a program nothing is asked".to_owned();
            problems.push(problem(&["program"], message, "program: [k3s, kubectl]"));
        }
        let plain = |next: char| !next.is_control();
        if let Some(context) = &self.context
            && (context.is_empty() || !context.chars().all(plain))
        {
            let message = format!("{context:?} is no name of a context");
            problems.push(problem(
                &["context"],
                message,
                "leave it out for the current one",
            ));
        }
        if target.host.is_none() {
            problems.push(problem(
                &[],
                "there is nothing to ask: the check names no host".to_owned(),
                "add `on: HOST`, where kubectl runs",
            ));
        }
        if problems.is_empty() {
            let asked = self.all_asked();
            let commands = asked.iter().flat_map(|asked| {
                let (whole, parts) = self.commands(&asked.resources(), asked.namespace());
                whole.into_iter().chain(parts)
            });
            let refused = commands
                .filter_map(|args| ReadOnlyCommand::from_args(policy, args).err())
                .next();
            problems.extend(refused.map(|refused| OptionProblem {
                path: Vec::new(),
                message: refused.message,
                suggestion: None,
            }));
        }
        problems
    }

    fn wrong_with(&self, asked: Asked<'_>) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        let key = asked.key();
        if let Some(namespace) = asked.namespace()
            && (!is_name(namespace) || namespace.contains(['*', '?', '.', ':']))
        {
            problems.push(problem(
                &[key, "namespace"],
                format!("{namespace:?} is no name of a namespace"),
                "one name; leave it out for all namespaces",
            ));
        }
        let (list, names) = asked.names();
        for (place, name) in names.iter().enumerate() {
            if !is_name(name) {
                problems.push(problem(
                    &[key, list, &place.to_string()],
                    format!("{name:?} is no name of an object"),
                    "a name such as `api`, or a pattern such as `api-*`",
                ));
            }
        }
        problems
    }
}
