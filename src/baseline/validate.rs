//! What the schema cannot say: that what is named exists, once, and makes sense.
//!
//! Works on the trees, not on the types, so that one wrong value hides no
//! other problem.

use std::collections::{HashMap, HashSet};

use super::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use super::include::ReadFiles;
use super::node::{Node, NodeValue};
use super::source::Located;
use hosts::Hosts;

mod hosts;
mod releases;

/// Reports everything that is wrong with the references of all files.
pub(super) fn validate(files: &ReadFiles, diagnostics: &mut Diagnostics) {
    let mut validation = Validation {
        diagnostics,
        complete: files.complete,
    };
    validation.unique("variable", files.entries("vars"));
    validation.unique("host", files.entries("hosts"));
    validation.unique("phase", files.entries("phases"));
    validation.unique("release", files.entries("releases"));
    validation.unique("signature", files.entries("signatures"));
    let hosts = Hosts::new(files);
    validation.hosts(&hosts);
    validation.phases(files, &hosts);
    validation.releases(files);
    super::coverage::validate(files, validation.diagnostics);
    for (_, signature) in files.entries("signatures") {
        let on = texts(signature.get("hosts"));
        validation.repeated(&on);
        validation.selections(&on, &hosts);
    }
}

/// The texts of a key that takes one or several.
pub(super) fn texts(node: Option<&Node>) -> Vec<Located<String>> {
    node.map(|node| {
        std::iter::once(node)
            .chain(node.items())
            .filter_map(Node::as_located)
            .collect()
    })
    .unwrap_or_default()
}

struct Validation<'a> {
    diagnostics: &'a mut Diagnostics,
    complete: bool,
}

impl Validation<'_> {
    fn unique<'n>(
        &mut self,
        what: &str,
        entries: impl Iterator<Item = &'n (Located<String>, Node)>,
    ) {
        let mut places: HashMap<&str, &Located<String>> = HashMap::new();
        for (id, _) in entries {
            if let Some(first) = places.get(id.value.as_str()) {
                self.diagnostics.push(
                    Diagnostic::error(
                        "duplicate-id",
                        format!("the {what} `{}` is declared twice", id.value),
                        id.at.clone(),
                    )
                    .label("again here")
                    .related(first.at.clone(), "first here")
                    .suggestion("take one out, or give it another id"),
                );
            } else {
                places.insert(&id.value, id);
            }
        }
    }

    /// `known` is what could have been meant.
    fn unknown<'n>(
        &mut self,
        what: &str,
        name: &Located<String>,
        known: impl Iterator<Item = &'n str>,
    ) {
        self.unknown_in(what, "", name, known);
    }

    /// `place` follows the name: ` in this phase`.
    fn unknown_in<'n>(
        &mut self,
        what: &str,
        place: &str,
        name: &Located<String>,
        known: impl Iterator<Item = &'n str>,
    ) {
        // What no file that was read declares, a file that was not may.
        if !self.complete {
            return;
        }
        let known: Vec<&str> = known.collect();
        let suggestion = match did_you_mean(&name.value, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.is_empty() => format!("there is no {what}{place} that could be named"),
            None => format!(
                "known: {}{}",
                known[..known.len().min(10)].join(", "),
                if known.len() > 10 { ", …" } else { "" }
            ),
        };
        self.diagnostics.push(
            Diagnostic::error(
                "unknown-reference",
                format!("no {what} `{}`{place}", name.value),
                name.at.clone(),
            )
            .suggestion(suggestion),
        );
    }

    fn repeated(&mut self, names: &[Located<String>]) {
        let mut places: HashMap<&str, &Located<String>> = HashMap::new();
        for name in names {
            if let Some(first) = places.get(name.value.as_str()) {
                self.diagnostics.push(
                    Diagnostic::warning(
                        "repeated",
                        format!("`{}` is named twice", name.value),
                        name.at.clone(),
                    )
                    .label("again here")
                    .related(first.at.clone(), "first here")
                    .suggestion("take one out"),
                );
            } else {
                places.insert(&name.value, name);
            }
        }
    }

    fn phases(&mut self, files: &ReadFiles, hosts: &Hosts<'_>) {
        let phases: Vec<&(Located<String>, Node)> = files.entries("phases").collect();
        let ids: HashSet<&str> = phases.iter().map(|(id, _)| id.value.as_str()).collect();
        if phases.is_empty() && self.complete {
            let at = files
                .files
                .first()
                .map(|file| file.root.get("phases").unwrap_or(&file.root).at.clone());
            self.diagnostics.push(
                Diagnostic::error(
                    "no-phases",
                    "there are no phases, so there is nothing to check",
                    at,
                )
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
                    let others = phases
                        .iter()
                        .map(|(other, _)| other.value.as_str())
                        .filter(|other| *other != id.value);
                    self.unknown("phase", need, others);
                }
            }
            let checks = phase.get("checks").map(Node::entries).unwrap_or_default();
            if let Some(node) = phase.get("checks")
                && checks.is_empty()
                && matches!(node.value, NodeValue::Map(_))
            {
                let message = format!(
                    "the phase `{}` has no checks, so it can never be evaluated",
                    id.value
                );
                self.diagnostics.push(
                    Diagnostic::error("no-checks", message, id.at.clone())
                        .suggestion("add a check, or take the phase out"),
                );
            }
            for (check, body) in checks {
                self.check(check, body, checks, hosts);
            }
        }
    }

    fn check(
        &mut self,
        id: &Located<String>,
        body: &Node,
        siblings: &[(Located<String>, Node)],
        hosts: &Hosts<'_>,
    ) {
        let after = texts(body.get("after"));
        self.repeated(&after);
        for name in &after {
            if name.value == id.value {
                self.itself("after", name);
            } else if !siblings.iter().any(|(other, _)| other.value == name.value) {
                let others = siblings
                    .iter()
                    .map(|(other, _)| other.value.as_str())
                    .filter(|other| *other != id.value);
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
        self.selections(&on, hosts);
        let looks = body.get("diagnose").map(Node::items).unwrap_or_default();
        for on in looks.iter().filter_map(|look| look.get("on")?.as_located()) {
            if !hosts.by_id.contains_key(on.value.as_str()) {
                self.unknown("host", &on, hosts.ids());
            }
        }
    }

    /// Entries of `on` and `hosts`.
    fn selections(&mut self, on: &[Located<String>], hosts: &Hosts<'_>) {
        for entry in on {
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
                        Diagnostic::error(
                            "unknown-reference",
                            format!("no host `{}`, but a tag", entry.value),
                            entry.at.clone(),
                        )
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
            Diagnostic::error(
                "self-reference",
                format!("`{}` stands in its own `{key}`", name.value),
                name.at.clone(),
            )
            .suggestion("it would wait for itself: take it out"),
        );
    }
}
