//! What the schema cannot say: that what is named exists, once, and makes sense.
//!
//! Works on the trees, not on the types, so that one wrong value hides no
//! other problem.

use std::collections::{HashMap, HashSet};

use super::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use super::include::ReadFiles;
use super::mask;
use super::node::{Node, NodeValue};
use super::source::{Located, Sources};

/// Reports everything that is wrong with the references of all files.
pub(super) fn validate(files: &ReadFiles, diagnostics: &mut Diagnostics) {
    let mut validation = Validation { diagnostics, complete: files.complete };
    validation.unique("variable", files.entries("vars"));
    validation.unique("host", files.entries("hosts"));
    validation.unique("phase", files.entries("phases"));
    let hosts = Hosts::new(files);
    validation.hosts(&hosts);
    validation.phases(files, &hosts);
}

/// Reports strings that hold a password. `raw` is before, `expanded` after
/// expansion, which can put one together.
pub(super) fn secrets<'n>(
    raw: impl Iterator<Item = &'n Node>,
    expanded: impl Iterator<Item = &'n Node>,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) {
    let before = diagnostics.len();
    for root in raw {
        inline_secrets(root, sources, diagnostics);
    }
    if diagnostics.len() == before {
        for root in expanded {
            inline_secrets(root, sources, diagnostics);
        }
    }
}

fn inline_secrets(node: &Node, sources: &Sources, diagnostics: &mut Diagnostics) {
    match &node.value {
        NodeValue::String(text) if !mask::url_passwords(text).is_empty() => {
            let written = sources.raw(node.at.source).get(node.at.span.clone()).unwrap_or_default();
            if mask::url_passwords(written).is_empty() {
                // Written with escapes or on several lines, where the mask does not see it.
                diagnostics.hide(node.at.clone());
            }
            diagnostics.push(
                Diagnostic::error("inline-secret", "a password in a URL", node.at.clone())
                    .label("the password is not shown")
                    .suggestion(
                        "take it out of the URL and give it by reference: `env:NAME`, `file:/path` or `credential:name`",
                    ),
            );
        }
        NodeValue::Seq(items) => items.iter().for_each(|item| inline_secrets(item, sources, diagnostics)),
        NodeValue::Map(entries) => entries.iter().for_each(|(_, node)| inline_secrets(node, sources, diagnostics)),
        NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(..) | NodeValue::String(_) => {}
    }
}

/// The texts of a key that takes one or several.
pub(super) fn texts(node: Option<&Node>) -> Vec<Located<String>> {
    node.map(|node| std::iter::once(node).chain(node.items()).filter_map(Node::as_located).collect()).unwrap_or_default()
}

struct Hosts<'f> {
    all: Vec<&'f (Located<String>, Node)>,
    by_id: HashMap<&'f str, &'f Node>,
    tags: HashSet<String>,
}

impl<'f> Hosts<'f> {
    fn new(files: &'f ReadFiles) -> Self {
        let all: Vec<_> = files.entries("hosts").collect();
        let by_id = all.iter().map(|(id, node)| (id.value.as_str(), node)).collect();
        let tags = all.iter().flat_map(|(_, node)| texts(node.get("tags"))).map(|tag| tag.value).collect();
        Self { all, by_id, tags }
    }

    fn ids(&self) -> impl Iterator<Item = &'f str> + '_ {
        self.all.iter().map(|(id, _)| id.value.as_str())
    }

    fn is_local(&self, id: &str) -> bool {
        self.by_id.get(id).is_some_and(|node| is_local(node))
    }

    fn jump(&self, id: &str) -> Option<Located<String>> {
        self.by_id.get(id)?.get("ssh")?.get("jump")?.as_located()
    }
}

fn is_local(host: &Node) -> bool {
    host.get("local").is_some_and(|local| local.value == NodeValue::Bool(true))
}

struct Validation<'a> {
    diagnostics: &'a mut Diagnostics,
    complete: bool,
}

impl Validation<'_> {
    fn unique<'n>(&mut self, what: &str, entries: impl Iterator<Item = &'n (Located<String>, Node)>) {
        let mut places: HashMap<&str, &Located<String>> = HashMap::new();
        for (id, _) in entries {
            if let Some(first) = places.get(id.value.as_str()) {
                self.diagnostics.push(
                    Diagnostic::error("duplicate-id", format!("the {what} `{}` is declared twice", id.value), id.at.clone())
                        .label("again here")
                        .related(first.at.clone(), "first here"),
                );
            } else {
                places.insert(&id.value, id);
            }
        }
    }

    /// `known` is what could have been meant.
    fn unknown<'n>(&mut self, what: &str, name: &Located<String>, known: impl Iterator<Item = &'n str>) {
        self.unknown_in(what, "", name, known);
    }

    /// `place` follows the name: ` in this phase`.
    fn unknown_in<'n>(&mut self, what: &str, place: &str, name: &Located<String>, known: impl Iterator<Item = &'n str>) {
        // What no file that was read declares, a file that was not may.
        if !self.complete {
            return;
        }
        let known: Vec<&str> = known.collect();
        let suggestion = match did_you_mean(&name.value, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.is_empty() => format!("there is no {what}{place} that could be named"),
            None => format!("known: {}{}", known[..known.len().min(10)].join(", "), if known.len() > 10 { ", …" } else { "" }),
        };
        self.diagnostics.push(
            Diagnostic::error("unknown-reference", format!("no {what} `{}`{place}", name.value), name.at.clone())
                .suggestion(suggestion),
        );
    }

    fn repeated(&mut self, names: &[Located<String>]) {
        for (at, name) in names.iter().enumerate() {
            if let Some(first) = names[..at].iter().find(|first| first.value == name.value) {
                self.diagnostics.push(
                    Diagnostic::warning("repeated", format!("`{}` is named twice", name.value), name.at.clone())
                        .label("again here")
                        .related(first.at.clone(), "first here"),
                );
            }
        }
    }

    fn hosts(&mut self, hosts: &Hosts<'_>) {
        for (id, node) in &hosts.all {
            if id.value == "all" {
                let problem = Diagnostic::error("reserved-id", "`all` means every host and can be the id of none", id.at.clone());
                self.diagnostics.push(problem.suggestion("give the host another id"));
            }
            if is_local(node) {
                for key in ["address", "ssh"] {
                    if let Some(value) = node.get(key) {
                        self.diagnostics.push(
                            Diagnostic::error("local-host", format!("a local host has no `{key}`"), value.at.clone())
                                .suggestion(format!("leave `{key}` out, or `local: true`")),
                        );
                    }
                }
            } else if node.get("address").is_none() && matches!(node.value, NodeValue::Map(_)) && !misspells(node, "address") {
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
                    Diagnostic::error("bad-text", format!("the address `{}` has a port", address.value), address.at.clone())
                        .suggestion(format!("write `address: {host}` and `ssh: {{ port: {port} }}`")),
                );
            }
            let tags = texts(node.get("tags"));
            self.repeated(&tags);
            for tag in &tags {
                let sound = tag.value.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && tag.value.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
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
        let mut in_a_reported_loop: HashSet<&str> = HashSet::new();
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
                if in_a_reported_loop.contains(next) {
                    break;
                }
                if let Some(from) = way.iter().position(|host| *host == next) {
                    let circle: Vec<&str> = way[from..].iter().copied().chain([next]).collect();
                    self.diagnostics.push(
                        Diagnostic::error("jump-loop", format!("jumps in a circle: {}", circle.join(" → ")), jump.at)
                            .suggestion("one of these hosts must be reached directly"),
                    );
                    in_a_reported_loop.extend(&way[from..]);
                    break;
                }
                way.push(next);
            }
        }
    }

    /// A host that connections go through.
    fn ssh_host(&mut self, id: &Located<String>, hosts: &Hosts<'_>, key: &str) {
        if !hosts.by_id.contains_key(id.value.as_str()) {
            self.unknown("host", id, hosts.ids());
        } else if hosts.is_local(&id.value) {
            self.diagnostics.push(
                Diagnostic::error("local-host", format!("`{}` is local: there is no connection to go through", id.value), id.at.clone())
                    .suggestion(format!("leave `{key}` out")),
            );
        }
    }

    fn phases(&mut self, files: &ReadFiles, hosts: &Hosts<'_>) {
        let phases: Vec<&(Located<String>, Node)> = files.entries("phases").collect();
        let ids: HashSet<&str> = phases.iter().map(|(id, _)| id.value.as_str()).collect();
        if phases.is_empty() && self.complete {
            let at = files.files.first().map(|file| file.root.get("phases").unwrap_or(&file.root).at.clone());
            self.diagnostics.push(
                Diagnostic::error("no-phases", "there are no phases, so there is nothing to check", at)
                    .suggestion("add `phases:` with at least one phase"),
            );
        }
        for (id, phase) in phases.iter().copied() {
            let needs = texts(phase.get("needs"));
            self.repeated(&needs);
            for need in &needs {
                if need.value == id.value {
                    self.itself("needs", need);
                } else if !ids.contains(need.value.as_str()) {
                    let others = phases.iter().map(|(other, _)| other.value.as_str()).filter(|other| *other != id.value);
                    self.unknown("phase", need, others);
                }
            }
            let checks = phase.get("checks").map(Node::entries).unwrap_or_default();
            if let Some(node) = phase.get("checks")
                && checks.is_empty()
                && matches!(node.value, NodeValue::Map(_))
            {
                let message = format!("the phase `{}` has no checks, so it can never be evaluated", id.value);
                self.diagnostics.push(
                    Diagnostic::error("no-checks", message, id.at.clone()).suggestion("add a check, or take the phase out"),
                );
            }
            for (check, body) in checks {
                self.check(check, body, checks, hosts);
            }
        }
    }

    fn check(&mut self, id: &Located<String>, body: &Node, siblings: &[(Located<String>, Node)], hosts: &Hosts<'_>) {
        let after = texts(body.get("after"));
        self.repeated(&after);
        for name in &after {
            if name.value == id.value {
                self.itself("after", name);
            } else if !siblings.iter().any(|(other, _)| other.value == name.value) {
                let others = siblings.iter().map(|(other, _)| other.value.as_str()).filter(|other| *other != id.value);
                self.unknown_in("check", " in this phase", name, others);
            }
        }
        if let Some(via) = body.get("via").and_then(Node::as_located) {
            self.ssh_host(&via, hosts, "via");
        }
        let on = texts(body.get("on"));
        self.repeated(&on);
        if let Some(node) = body.get("on")
            && matches!(&node.value, NodeValue::Seq(items) if items.is_empty())
        {
            self.diagnostics.push(
                Diagnostic::error("bad-length", "`on` names no host", node.at.clone())
                    .suggestion("name a host, `all` or `tag:NAME`, or leave it out"),
            );
        }
        for entry in &on {
            match entry.value.strip_prefix("tag:") {
                Some(tag) if hosts.tags.contains(tag) => {}
                Some(tag) => {
                    let tag = Located::new(tag.to_owned(), entry.at.clone());
                    let mut tags: Vec<&str> = hosts.tags.iter().map(String::as_str).collect();
                    tags.sort_unstable();
                    self.unknown("tag", &tag, tags.into_iter());
                }
                None if entry.value == "all" && !hosts.all.is_empty() => {}
                None if hosts.by_id.contains_key(entry.value.as_str()) => {}
                None if hosts.tags.contains(&entry.value) => {
                    self.diagnostics.push(
                        Diagnostic::error("unknown-reference", format!("no host `{}`, but a tag", entry.value), entry.at.clone())
                            .suggestion(format!("write `tag:{}`", entry.value)),
                    );
                }
                None if hosts.all.is_empty() => self.unknown("host", entry, std::iter::empty()),
                None => self.unknown("host", entry, hosts.ids().chain(["all"])),
            }
        }
    }

    fn itself(&mut self, key: &str, name: &Located<String>) {
        self.diagnostics.push(
            Diagnostic::error("self-reference", format!("`{}` stands in its own `{key}`", name.value), name.at.clone())
                .suggestion("it would wait for itself: take it out"),
        );
    }
}

/// Whether a key looks like this one, which is then reported as unknown.
fn misspells(node: &Node, key: &str) -> bool {
    node.entries().iter().any(|(name, _)| did_you_mean(&name.value, std::iter::once(key)).is_some())
}
