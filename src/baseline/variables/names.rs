//! What a variable's name stands for, and what to say when it is for nothing.

use super::super::diagnostic::{Diagnostic, Diagnostics};
use super::super::node::{Node, NodeValue};
use super::super::source::Location;
use super::{MAX_CHAIN, OF_THE_HOST, Variables, text_of, unknown};

impl Variables<'_> {
    /// What is written for a name, and where.
    pub(super) fn definition(
        &self,
        full: &str,
        name: &str,
        at: &Location,
        diagnostics: &mut Diagnostics,
    ) -> Option<(NodeValue, Location)> {
        if let Some(variable) = full.strip_prefix("vars.") {
            let Some(&place) = self.places.get(variable) else {
                if self.complete {
                    diagnostics.push(unknown(
                        name,
                        self.known().iter().map(String::as_str),
                        at.clone(),
                    ));
                }
                return None;
            };
            let (declared, value) = &self.vars[place];
            // What is no scalar is reported where it is declared.
            text_of(value)?;
            return Some((value.clone(), declared.at.clone()));
        }
        if full.starts_with("host.") {
            let problem = Diagnostic::error(
                "host-outside-check",
                format!("`${{{name}}}` means something inside a check only"),
                at.clone(),
            );
            diagnostics.push(problem.suggestion("name the host: `${hosts.ID.address}`"));
            return None;
        }
        let found = full
            .strip_prefix("hosts.")
            .and_then(|rest| rest.rsplit_once('.'));
        let node = found.and_then(|(id, field)| {
            let host = self.hosts.get(id)?;
            match field {
                "address" => host.get("address"),
                "user" | "port" => host.get("ssh")?.get(field),
                _ => None,
            }
        });
        match node {
            Some(node) if text_of(&node.value).is_some() => {
                Some((node.value.clone(), node.at.clone()))
            }
            // Reported where the host is.
            Some(_) => None,
            None if !self.complete => None,
            None if found.is_some_and(|(id, field)| self.is_told(id, field)) => None,
            None => {
                diagnostics.push(self.unknown_host_field(name, found, at));
                None
            }
        }
    }

    /// Whether the host itself is reported for why it has no such field.
    fn is_told(&self, id: &str, field: &str) -> bool {
        let is_map = |node: &Node| matches!(node.value, NodeValue::Map(_));
        self.hosts.get(id).is_some_and(|host| match field {
            "address" => !is_map(host) || host.get("local").is_none(),
            "user" | "port" => !is_map(host) || host.get("ssh").is_some_and(|ssh| !is_map(ssh)),
            _ => false,
        })
    }

    fn unknown_host_field(
        &self,
        name: &str,
        found: Option<(&str, &str)>,
        at: &Location,
    ) -> Diagnostic {
        match found {
            Some((id, field @ ("address" | "user" | "port"))) if self.hosts.contains_key(id) => {
                let message = format!("the baseline gives no {field} for the host `{id}`");
                let path = if field == "address" {
                    "address: …".to_owned()
                } else {
                    format!("ssh: {{ {field}: … }}")
                };
                Diagnostic::error("unknown-variable", message, at.clone())
                    .suggestion(format!("add `{path}` to the host"))
            }
            _ => {
                let known = self.known();
                let problem = unknown(name, known.iter().map(String::as_str), at.clone());
                if known.iter().any(|known| known.starts_with("hosts.")) {
                    problem
                } else {
                    problem.suggestion(
                        "of a host there are `${hosts.ID.address}`, `.user` and `.port`",
                    )
                }
            }
        }
    }

    /// Names to suggest, in a fixed order.
    pub(super) fn known(&self) -> Vec<String> {
        let mut hosts: Vec<&str> = self.hosts.keys().copied().collect();
        hosts.sort_unstable();
        let of_hosts = hosts
            .iter()
            .flat_map(|id| ["address", "user", "port"].map(|field| format!("hosts.{id}.{field}")));
        let vars = self.vars.iter().map(|(name, _)| name.value.clone());
        let full = self
            .vars
            .iter()
            .map(|(name, _)| format!("vars.{}", name.value));
        vars.chain(full)
            .chain(of_hosts)
            .chain(OF_THE_HOST.map(str::to_owned))
            .collect()
    }

    pub(super) fn loops(&self, full: &str, at: &Location) -> Diagnostic {
        let Some(from) = self.chain.iter().position(|name| name == full) else {
            let message = format!("variables of variables, {MAX_CHAIN} deep");
            return Diagnostic::error("variable-loop", message, at.clone())
                .suggestion("name the last of them directly");
        };
        let whole: Vec<&str> = self.chain[from..]
            .iter()
            .map(String::as_str)
            .chain([full])
            .collect();
        Diagnostic::error(
            "variable-loop",
            format!("variables in a circle: {}", whole.join(" → ")),
            at.clone(),
        )
        .suggestion("give one of them a value of its own")
    }
}
