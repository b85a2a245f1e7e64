//! `coverage:` of a baseline: which service is protected at which layer. Its
//! format, its model, and what must hold of it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use super::document::{OneOrMany, ids};
use super::include::ReadFiles;
use super::node::{Node, NodeValue};
use super::source::{Located, Location};
use super::timespan::{self, PositiveTimeSpan};
use super::validate::texts;
use super::waivers::parse_until;

/// Which service is protected at which layer, and how much of it may be lost.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CoverageTable")]
#[expect(dead_code, reason = "read from the nodes; here for the schema")]
pub(super) struct CoverageDocument {
    /// The layers of protection, by id, in the order of the table's columns.
    #[serde(default)]
    #[schemars(extend("propertyNames" = ids(), "x-expected" = "layers by their ids"))]
    layers: BTreeMap<String, LayerDocument>,
    /// What is protected, by id, in the order of the table's rows.
    #[serde(default)]
    #[schemars(extend("propertyNames" = ids(), "x-expected" = "services by their ids"))]
    services: BTreeMap<String, ServiceDocument>,
}

/// A layer of protection: snapshots, dumps of the application, a copy elsewhere.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CoverageLayer")]
#[expect(dead_code, reason = "read from the nodes; here for the schema")]
struct LayerDocument {
    /// Its name.
    title: Option<String>,
}

/// Something that is protected. Further keys are layers, each with what protects it
/// there; a layer that is left out is one where nothing does.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "CoverageService")]
#[expect(dead_code, reason = "read from the nodes; here for the schema")]
struct ServiceDocument {
    /// Its name.
    title: Option<String>,
    /// What protects it, by layer.
    #[serde(flatten)]
    cells: BTreeMap<String, CellDocument>,
}

/// What protects a service at a layer: exactly one of `proven_by`, `excluded` and
/// `not_needed`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CoverageCell")]
#[expect(dead_code, reason = "read from the nodes; here for the schema")]
struct CellDocument {
    /// The checks that prove it, all of them: ids, with or without `@host`.
    proven_by: Option<OneOrMany>,
    /// Those of them whose `fresh` bounds what may be lost, where it is not all of them.
    bounded_by: Option<OneOrMany>,
    /// How much may be lost at most, in time; goes with `proven_by`.
    max_loss: Option<PositiveTimeSpan>,
    /// Why the service is left without this protection, a risk that was accepted.
    #[schemars(length(min = 1))]
    excluded: Option<String>,
    /// Who accepted that.
    by: Option<String>,
    /// Until when: a date, which means its end in UTC, or a time of RFC 3339.
    until: Option<String>,
    /// Why this layer is not for the service.
    #[schemars(length(min = 1))]
    not_needed: Option<String>,
}

/// Which service is protected at which layer. Every layer that a cell names exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    /// In the order of the files.
    pub layers: Vec<CoverageLayer>,
    /// In the order of the files.
    pub services: Vec<CoverageService>,
    /// Where it stands first.
    pub at: Location,
}

/// A layer of protection.
#[derive(Debug, Clone, PartialEq)]
pub struct CoverageLayer {
    /// Its id, unique among layers.
    pub id: Located<String>,
    /// Its name.
    pub title: Option<String>,
}

/// Something that is protected.
#[derive(Debug, Clone, PartialEq)]
pub struct CoverageService {
    /// Its id, unique among services.
    pub id: Located<String>,
    /// Its name.
    pub title: Option<String>,
    /// What is said of its layers, by their ids.
    pub cells: Vec<(Located<String>, CoverageCell)>,
}

/// What is said of a service at a layer.
#[derive(Debug, Clone, PartialEq)]
pub enum CoverageCell {
    /// Checks prove it.
    Proven {
        /// Ids, at least one. Whether there are such checks is `plan`'s to tell.
        by: Vec<Located<String>>,
        /// Those among them that bound the loss, all of them where none is named.
        bounded_by: Vec<Located<String>>,
        /// How much may be lost at most.
        max_loss: Duration,
    },
    /// A risk that was accepted.
    Excluded {
        /// Why.
        why: String,
        /// By whom.
        by: Option<String>,
        /// Until when: as written, and what that means.
        until: Option<(String, Timestamp)>,
    },
    /// The layer is not for the service.
    NotNeeded {
        /// Why.
        why: String,
    },
}

/// The parts of every `coverage` of all files: `layers` and `services`.
fn parts<'f>(files: &'f ReadFiles, name: &str) -> Vec<&'f (Located<String>, Node)> {
    files
        .entries("coverage")
        .filter(|(key, _)| key.value == name)
        .flat_map(|(_, node)| node.entries())
        .collect()
}

fn text(node: &Node, key: &str) -> Option<String> {
    node.get(key).and_then(Node::as_str).map(str::to_owned)
}

/// The cells of a service: its keys but for its title.
fn cells(service: &Node) -> impl Iterator<Item = &(Located<String>, Node)> {
    let entries = service.entries().iter();
    entries.filter(|(key, _)| key.value != "title")
}

/// The coverage of files that have no errors; none where they have no such section.
pub(super) fn build(files: &ReadFiles) -> Option<Coverage> {
    let (at, _) = files.entries("coverage").next()?;
    let layers = parts(files, "layers").into_iter();
    let services = parts(files, "services").into_iter();
    Some(Coverage {
        layers: layers
            .map(|(id, node)| CoverageLayer {
                id: id.clone(),
                title: text(node, "title"),
            })
            .collect(),
        services: services
            .map(|(id, node)| CoverageService {
                id: id.clone(),
                title: text(node, "title"),
                cells: cells(node)
                    .filter_map(|(layer, node)| Some((layer.clone(), cell(node)?)))
                    .collect(),
            })
            .collect(),
        at: at.at.clone(),
    })
}

fn cell(node: &Node) -> Option<CoverageCell> {
    if let Some(why) = text(node, "not_needed") {
        return Some(CoverageCell::NotNeeded { why });
    }
    if let Some(why) = text(node, "excluded") {
        let until = text(node, "until");
        return Some(CoverageCell::Excluded {
            why,
            by: text(node, "by"),
            until: until.and_then(|written| {
                let at = parse_until(&written)?;
                Some((written, at))
            }),
        });
    }
    Some(CoverageCell::Proven {
        by: texts(node.get("proven_by")),
        bounded_by: texts(node.get("bounded_by")),
        max_loss: timespan::parse(node.get("max_loss")?.as_str()?).ok()?,
    })
}

/// Reports what the schema cannot say of it.
pub(super) fn validate(files: &ReadFiles, diagnostics: &mut Diagnostics) {
    let layers = parts(files, "layers");
    for (what, entries) in [("layer", &layers), ("service", &parts(files, "services"))] {
        for (place, (id, _)) in entries.iter().enumerate() {
            if let Some((first, _)) = entries[..place]
                .iter()
                .find(|(other, _)| other.value == id.value)
            {
                diagnostics.push(
                    Diagnostic::error(
                        "duplicate-id",
                        format!("the {what} `{}` is declared twice", id.value),
                        id.at.clone(),
                    )
                    .label("again here")
                    .related(first.at.clone(), "first here")
                    .suggestion("take one out, or give it another id"),
                );
            }
        }
    }
    if let Some((title, _)) = layers.iter().find(|(id, _)| id.value == "title") {
        diagnostics.push(
            Diagnostic::error(
                "bad-cell",
                "a layer cannot be called `title`",
                title.at.clone(),
            )
            .suggestion("give it another id: that key is a service's own"),
        );
    }
    for (_, service) in parts(files, "services") {
        for (layer, node) in cells(service) {
            if files.complete && !layers.iter().any(|(id, _)| id.value == layer.value) {
                let known = layers.iter().map(|(id, _)| id.value.as_str());
                let suggestion = match did_you_mean(&layer.value, known.clone().chain(["title"])) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("known: {}", known.collect::<Vec<_>>().join(", ")),
                };
                diagnostics.push(
                    Diagnostic::error(
                        "unknown-reference",
                        format!("no layer `{}`", layer.value),
                        layer.at.clone(),
                    )
                    .suggestion(suggestion),
                );
            }
            if matches!(node.value, NodeValue::Map(_))
                && let Some((message, suggestion, at)) = mistake(node)
            {
                let at = at.unwrap_or(&layer.at).clone();
                diagnostics.push(Diagnostic::error("bad-cell", message, at).suggestion(suggestion));
            }
        }
    }
}

type Mistake<'n> = (&'static str, &'static str, Option<&'n Location>);

fn mistake(cell: &Node) -> Option<Mistake<'_>> {
    let at = |key: &str| cell.get(key).map(|node| &node.at);
    let kinds = ["proven_by", "excluded", "not_needed"];
    let [proven, excluded, _] = kinds.map(|key| at(key).is_some());
    if kinds.iter().filter(|key| at(key).is_some()).count() != 1 {
        return Some((
            "a cell says one thing: what proves it, why it is excluded, or why it is not needed",
            "keep one of `proven_by`, `excluded` and `not_needed`; leave the layer out where \
             nothing protects the service",
            None,
        ));
    }
    if proven && texts(cell.get("proven_by")).is_empty() {
        return Some((
            "`proven_by` names no check",
            "name one, or leave the layer out: nothing protects the service there",
            at("proven_by"),
        ));
    }
    if proven && at("max_loss").is_none() {
        return Some((
            "what is promised of this protection is not said",
            "add `max_loss: 24h`: how much may be lost at most",
            at("proven_by"),
        ));
    }
    if !proven && at("bounded_by").is_some() {
        return Some((
            "`bounded_by` is of what checks prove, and here is none",
            "take it out, or add `proven_by`",
            at("bounded_by"),
        ));
    }
    let named = texts(cell.get("proven_by"));
    let stray = texts(cell.get("bounded_by"))
        .into_iter()
        .find(|bound| named.iter().all(|name| name.value != bound.value));
    if stray.is_some() {
        return Some((
            "`bounded_by` names a check that `proven_by` does not",
            "write it as it stands in `proven_by`, and there as well",
            at("bounded_by"),
        ));
    }
    if !proven && at("max_loss").is_some() {
        return Some((
            "`max_loss` is of what checks prove, and here is none",
            "take it out, or add `proven_by`",
            at("max_loss"),
        ));
    }
    if !excluded && let Some(at) = at("by").or(at("until")) {
        return Some((
            "`by` and `until` are of an exclusion, and here is none",
            "take them out, or write `excluded: why`",
            Some(at),
        ));
    }
    let until = cell.get("until")?;
    let is_time = until
        .as_str()
        .is_none_or(|text| parse_until(text).is_some());
    (!is_time).then_some((
        "this is neither a date nor a time with its offset from UTC",
        "write `2026-12-31`, or `2026-12-31T18:00:00+08:00`",
        Some(&until.at),
    ))
}
