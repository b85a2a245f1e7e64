//! What must hold of hosts.

use std::collections::{HashMap, HashSet};

use super::super::diagnostic::{Diagnostic, did_you_mean};
use super::super::include::ReadFiles;
use super::super::node::{Node, NodeValue};
use super::super::source::Located;
use super::{Validation, texts};

/// Jumps on the way to a host, more than any network needs. Each opens a
/// connection within the one before, and whoever follows them calls itself.
const MOST_JUMPS: usize = 8;

/// The hosts of all files.
pub(super) struct Hosts<'f> {
    pub(super) all: Vec<&'f (Located<String>, Node)>,
    pub(super) by_id: HashMap<&'f str, &'f Node>,
    pub(super) tags: HashSet<String>,
}

impl<'f> Hosts<'f> {
    pub(super) fn new(files: &'f ReadFiles) -> Self {
        let all: Vec<_> = files.entries("hosts").collect();
        let by_id = all
            .iter()
            .map(|(id, node)| (id.value.as_str(), node))
            .collect();
        let tags = all
            .iter()
            .flat_map(|(_, node)| texts(node.get("tags")))
            .map(|tag| tag.value)
            .collect();
        Self { all, by_id, tags }
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &'f str> + '_ {
        self.all.iter().map(|(id, _)| id.value.as_str())
    }

    pub(super) fn is_local(&self, id: &str) -> bool {
        self.by_id.get(id).is_some_and(|node| is_local(node))
    }

    fn jump(&self, id: &str) -> Option<Located<String>> {
        self.by_id.get(id)?.get("ssh")?.get("jump")?.as_located()
    }
}

fn is_local(host: &Node) -> bool {
    host.get("local")
        .is_some_and(|local| local.value == NodeValue::Bool(true))
}

impl Validation<'_> {
    pub(super) fn hosts(&mut self, hosts: &Hosts<'_>) {
        for (id, node) in &hosts.all {
            if id.value == "all" {
                let problem = Diagnostic::error(
                    "reserved-id",
                    "`all` means every host and can be the id of none",
                    id.at.clone(),
                );
                self.diagnostics
                    .push(problem.suggestion("give the host another id"));
            }
            if is_local(node) {
                for key in ["address", "ssh"] {
                    if let Some(value) = node.get(key) {
                        self.diagnostics.push(
                            Diagnostic::error(
                                "local-host",
                                format!("a local host has no `{key}`"),
                                value.at.clone(),
                            )
                            .suggestion(format!("leave `{key}` out, or `local: true`")),
                        );
                    }
                }
            } else if node.get("address").is_none()
                && matches!(node.value, NodeValue::Map(_))
                && !misspells(node, "address")
            {
                self.diagnostics.push(
                    Diagnostic::error("missing-key", format!("`address` is missing in `{}`", id.value), id.at.clone())
                        .suggestion("add `address:` with a host name or an address, or `local: true` for this machine"),
                );
            }
            if let Some(address) = node.get("address").and_then(Node::as_located)
                && let Some((host, port)) = address.split_once(':')
                && port.bytes().all(|b| b.is_ascii_digit())
            {
                self.diagnostics.push(
                    Diagnostic::error(
                        "bad-text",
                        format!("the address `{}` has a port", address.value),
                        address.at.clone(),
                    )
                    .suggestion(format!(
                        "write `address: {host}` and `ssh: {{ port: {port} }}`"
                    )),
                );
            }
            let tags = texts(node.get("tags"));
            self.repeated(&tags);
            for tag in &tags {
                let sound = tag.value.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && tag
                        .value
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
                if !sound {
                    self.diagnostics.push(
                        Diagnostic::error("bad-text", format!("`{}` is no tag", tag.value), tag.at.clone())
                            .suggestion("a tag is made of letters, digits, `.`, `_` and `-`; it is named as `on: tag:NAME`"),
                    );
                }
            }
        }
        self.jumps(hosts);
    }

    fn jumps(&mut self, hosts: &Hosts<'_>) {
        // Hosts whose circle was told.
        let mut told: HashSet<&str> = HashSet::new();
        let mut told_long = false;
        for (id, _) in &hosts.all {
            if let Some(jump) = hosts.jump(&id.value) {
                self.ssh_host(&jump, hosts, "jump");
            }
            let mut way: Vec<&str> = vec![&id.value];
            while let Some((next, jump)) = way.last().and_then(|last| {
                let jump = hosts.jump(last)?;
                let (next, _) = hosts.by_id.get_key_value(jump.value.as_str())?;
                Some((*next, jump))
            }) {
                if let Some(from) = way.iter().position(|host| *host == next) {
                    let circle: Vec<&str> = way[from..].iter().copied().chain([next]).collect();
                    if told.contains(next) {
                        break;
                    }
                    told.extend(&circle);
                    self.diagnostics.push(
                        Diagnostic::error(
                            "jump-loop",
                            format!("jumps in a circle: {}", circle.join(" → ")),
                            jump.at,
                        )
                        .suggestion("one of these hosts must be reached directly"),
                    );
                    break;
                }
                if way.len() > MOST_JUMPS {
                    if !told_long && let Some(first) = hosts.jump(&id.value) {
                        told_long = true;
                        self.diagnostics.push(
                            Diagnostic::error(
                                "jump-chain",
                                format!(
                                    "the way to `{}` has more than {MOST_JUMPS} jumps",
                                    id.value
                                ),
                                first.at,
                            )
                            .suggestion("jump to a host that is reached more directly"),
                        );
                    }
                    break;
                }
                way.push(next);
            }
        }
    }

    /// A host that connections go through.
    pub(super) fn ssh_host(&mut self, id: &Located<String>, hosts: &Hosts<'_>, key: &str) {
        if !hosts.by_id.contains_key(id.value.as_str()) {
            self.unknown("host", id, hosts.ids());
        } else if hosts.is_local(&id.value) {
            self.diagnostics.push(
                Diagnostic::error(
                    "local-host",
                    format!(
                        "`{}` is local: there is no connection to go through",
                        id.value
                    ),
                    id.at.clone(),
                )
                .suggestion(format!("leave `{key}` out")),
            );
        }
    }
}

/// Whether a key looks like this one, which is then reported as unknown.
fn misspells(node: &Node, key: &str) -> bool {
    node.entries()
        .iter()
        .any(|(name, _)| did_you_mean(&name.value, std::iter::once(key)).is_some())
}
