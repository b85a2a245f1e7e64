//! What is wrong with what a check of `kubernetes` asks for.

use super::Kubernetes;
use super::options::Asked;
use crate::probe::{OptionProblem, Policy, Target, schedule};
use crate::transport::command::ReadOnlyCommand;

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
        match &target.host {
            Some(host) if target.via.is_some() => problems.push(problem(
                &[],
                format!(
                    "kubectl runs on {}, so it does not go through another host",
                    host.id
                ),
                "leave `via` out; or leave `on` out, and give a `kubeconfig`",
            )),
            Some(host) if self.unverified => problems.push(problem(
                &["unverified"],
                format!("kubectl on {} does as its kubeconfig says", host.id),
                "leave it out; it is for a check without `on`",
            )),
            Some(_) => {}
            None => problems.extend(self.wrong_with_api()),
        }
        if problems.is_empty() && target.host.is_some() {
            let asked = self.all_asked();
            let commands = asked.iter().flat_map(|asked| {
                let mut resources = asked.resources();
                resources.extend(asked.further().into_iter().map(|(one, _)| one));
                self.commands(&resources, asked.namespace())
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

    /// Without a host the API is asked from here.
    fn wrong_with_api(&self) -> Option<OptionProblem> {
        let Some(path) = &self.kubeconfig else {
            return Some(problem(
                &[],
                "there is nothing to ask: the check names no host, and no `kubeconfig`".to_owned(),
                "add `on: HOST`, where kubectl runs, or `kubeconfig:` with a file of this machine",
            ));
        };
        if !path.starts_with('/') {
            return Some(problem(
                &["kubeconfig"],
                format!("{path:?} depends on where coldstart is started"),
                "the whole path: /home/USER/.kube/config",
            ));
        }
        let key = if self.sudo {
            "sudo"
        } else if self.program != super::kubectl() {
            "program"
        } else {
            return None;
        };
        Some(problem(
            &[key],
            "without `on` no program is run: the API is asked".to_owned(),
            "leave it out, or add `on: HOST`",
        ))
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
        if let Asked::CronJobs(asked) = asked
            && let Some(Err(wrong)) = asked.zone.as_deref().map(schedule::zone)
        {
            let path = [key, "zone"];
            problems.push(problem(&path, wrong.message, &wrong.suggestion));
        }
        let stopped = match asked {
            Asked::Workloads(asked) => Some(("may_be_stopped", asked.may_be_stopped.as_slice())),
            _ => None,
        };
        let lists = asked.names().into_iter().chain(stopped);
        let names = lists.flat_map(|(list, names)| {
            let places = names.iter().enumerate();
            places.map(move |(place, name)| (list, place.to_string(), name))
        });
        for (list, place, name) in names.filter(|(.., name)| !is_name(name)) {
            problems.push(problem(
                &[key, list, &place],
                format!("{name:?} is no name that anything there could have"),
                "a name such as `api`, or a pattern such as `api-*`",
            ));
        }
        problems
    }
}
