//! Checked trees → [`Baseline`].

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::coverage;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::document::{
    CheckDocument, DefaultsDocument, DiagnosisDocument, Document, Fragment, FreshDocument,
    HostDocument, OneOrMany, PhaseDocument, PolicyDocument, ReleaseDocument, RetryDocument,
    SignatureDocument, TrendDocument,
};
use super::include::ReadFiles;
use super::model::{
    Baseline, Check, Condition, Defaults, Diagnosis, Fresh, Host, Match, Phase, PhaseDefaults,
    PolicyAllow, Release, Retry, Signature, Ssh, Trend,
};
use super::node::Node;
use super::source::Located;
use super::validate::texts;

/// Of metrics, where a baseline names no other.
const METRICS_PREFIX: &str = "coldstart";

/// What a file may hold, whether it is the entry or an included one.
struct Parts {
    policy: PolicyDocument,
    hosts: BTreeMap<String, HostDocument>,
    phases: BTreeMap<String, PhaseDocument>,
    releases: BTreeMap<String, ReleaseDocument>,
    signatures: BTreeMap<String, SignatureDocument>,
}

/// The baseline of files that have no errors. Nothing when a type refuses what
/// its schema let through, which is reported.
pub(super) fn build(
    files: &ReadFiles,
    vars: Vec<(Located<String>, String)>,
    digest: String,
    diagnostics: &mut Diagnostics,
) -> Option<Baseline> {
    let mut entry = None;
    let mut parts: Vec<Parts> = Vec::new();
    for file in &files.files {
        if file.entry {
            let Document {
                version,
                name: _,
                title,
                metrics_prefix,
                include: _,
                vars: _,
                defaults,
                policy,
                hosts,
                phases,
                releases,
                coverage: _,
                signatures,
            } = read(&file.root, diagnostics)?;
            entry = Some((
                version,
                file.root.get("name")?.as_located()?,
                title,
                metrics_prefix,
                defaults,
            ));
            parts.push(Parts {
                policy,
                hosts,
                phases,
                releases,
                signatures,
            });
        } else {
            let Fragment {
                version: _,
                include: _,
                vars: _,
                policy,
                hosts,
                phases,
                releases,
                coverage: _,
                signatures,
            } = read(&file.root, diagnostics)?;
            parts.push(Parts {
                policy,
                hosts,
                phases,
                releases,
                signatures,
            });
        }
    }
    let (version, name, title, metrics_prefix, own_defaults) = entry?;
    let defaults = baseline_defaults(own_defaults);
    let mut baseline = Baseline {
        version,
        name,
        title,
        metrics_prefix: metrics_prefix.unwrap_or_else(|| METRICS_PREFIX.to_owned()),
        digest,
        vars,
        defaults,
        policy: PolicyAllow::default(),
        hosts: Vec::new(),
        phases: Vec::new(),
        releases: Vec::new(),
        coverage: coverage::build(files),
        signatures: Vec::new(),
    };
    for (file, section) in &files.sections {
        let (Some(part), Some(file)) = (parts.get_mut(*file), files.files.get(*file)) else {
            continue;
        };
        let Some(node) = file.root.get(section) else {
            continue;
        };
        match section.as_str() {
            "policy" if part.policy.allow.is_some() => {
                baseline.policy.allow.extend(texts(node.get("allow")));
            }
            "hosts" => {
                for (id, node) in node.entries() {
                    let document = part.hosts.remove(&id.value)?;
                    baseline.hosts.push(host(id, node, document));
                }
            }
            "phases" => {
                for (id, node) in node.entries() {
                    let document = part.phases.remove(&id.value)?;
                    baseline.phases.push(phase(id, node, document, &defaults)?);
                }
            }
            "releases" => {
                for (id, node) in node.entries() {
                    let document = part.releases.remove(&id.value)?;
                    baseline.releases.push(release(id, node, document)?);
                }
            }
            "signatures" => {
                for (id, node) in node.entries() {
                    let document = part.signatures.remove(&id.value)?;
                    baseline.signatures.push(signature(id, node, document));
                }
            }
            _ => {}
        }
    }
    Some(baseline)
}

fn read<T: DeserializeOwned>(root: &Node, diagnostics: &mut Diagnostics) -> Option<T> {
    match serde_path_to_error::deserialize(root.to_json()) {
        Ok(document) => Some(document),
        Err(error) => {
            let path: Vec<String> = error
                .path()
                .iter()
                .map(|segment| match segment {
                    Segment::Map { key } => key.clone(),
                    Segment::Seq { index } => index.to_string(),
                    Segment::Enum { variant } => variant.clone(),
                    Segment::Unknown => "?".to_owned(),
                })
                .collect();
            let at = root.at_path(&path).at.clone();
            diagnostics.push(Diagnostic::error(
                "bad-value",
                error.into_inner().to_string(),
                at,
            ));
            None
        }
    }
}

fn host(id: &Located<String>, node: &Node, document: HostDocument) -> Host {
    let HostDocument {
        title,
        address: _,
        local,
        ssh,
        tags: _,
        connect_timeout,
    } = document;
    let address = node.get("address").and_then(Node::as_located);
    Host {
        id: id.clone(),
        title,
        address: address.unwrap_or_else(|| Located::new(String::new(), id.at.clone())),
        local,
        ssh: Ssh {
            user: ssh.user,
            port: ssh.port,
            jump: node
                .get("ssh")
                .and_then(|ssh| ssh.get("jump"))
                .and_then(Node::as_located),
            identity: list(ssh.identity),
            known_hosts: list(ssh.known_hosts),
        },
        tags: texts(node.get("tags")),
        connect_timeout: connect_timeout.map(|span| span.0),
    }
}

fn list(texts: Option<OneOrMany>) -> Vec<String> {
    texts.map(Into::into).unwrap_or_default()
}

fn phase(
    id: &Located<String>,
    node: &Node,
    document: PhaseDocument,
    baseline: &Defaults,
) -> Option<Phase> {
    let PhaseDocument {
        title,
        needs: _,
        defaults,
        checks: mut documents,
    } = document;
    let defaults = PhaseDefaults {
        timeout: defaults.timeout.map(|span| span.0),
        connect_timeout: defaults.connect_timeout.map(|span| span.0),
        retry: defaults.retry.map(|own| retry(own, baseline.retry)),
    };
    let outer = defaults.retry.unwrap_or(baseline.retry);
    let mut checks = Vec::new();
    for (id, node) in node.get("checks")?.entries() {
        checks.push(check(id, node, documents.remove(&id.value)?, outer));
    }
    Some(Phase {
        id: id.clone(),
        title,
        needs: texts(node.get("needs")),
        defaults,
        checks,
    })
}

fn check(id: &Located<String>, node: &Node, document: CheckDocument, outer: Retry) -> Check {
    let CheckDocument {
        defaults,
        stable_for,
        trend: followed,
        fresh: recent,
        advisory,
        timeout,
        retry: own,
        remedy,
        runbook,
        guardrail,
        diagnose,
        ..
    } = document;
    let looks = node.get("diagnose").map(Node::items).unwrap_or_default();
    let guardrail_at = node.get("guardrail").map_or(&id.at, |node| &node.at);
    let candidates = node
        .entries()
        .iter()
        .filter(|(key, _)| !CheckDocument::KEYS.contains(&key.value.as_str()));
    Check {
        id: id.clone(),
        title: node.get("title").and_then(Node::as_located),
        on: texts(node.get("on")),
        via: node.get("via").and_then(Node::as_located),
        after: texts(node.get("after")),
        candidates: candidates.cloned().collect(),
        require: texts(node.get("require")),
        prefer: texts(node.get("prefer")),
        defaults: defaults.unwrap_or(true),
        stable_for: stable_for.map(|span| span.0),
        trend: followed.and_then(|document| trend(node.get("trend")?, &document)),
        fresh: recent.and_then(|document| fresh(node.get("fresh")?, &document)),
        advisory,
        timeout: timeout.map(|span| span.0),
        retry: own.map(|own| retry(own, outer)),
        remedy,
        runbook,
        guardrail: guardrail.map(|guardrail| Located::new(guardrail, guardrail_at.clone())),
        diagnose: looks
            .iter()
            .zip(diagnose.unwrap_or_default())
            .map(|(node, document)| diagnosis(node, &document))
            .collect(),
        node: node.clone(),
    }
}

fn release(id: &Located<String>, node: &Node, document: ReleaseDocument) -> Option<Release> {
    let ReleaseDocument {
        title,
        needs: _,
        after: _,
        require: documents,
        runbook,
    } = document;
    let conditions = node.get("require").map(Node::items).unwrap_or_default();
    let require: Option<Vec<Condition>> = conditions
        .iter()
        .zip(documents)
        .map(|(condition, document)| {
            Some(Condition {
                check: condition.get("check")?.as_located()?,
                stable_for: document.stable_for.map(|span| span.0),
            })
        })
        .collect();
    Some(Release {
        id: id.clone(),
        title,
        needs: texts(node.get("needs")),
        after: texts(node.get("after")),
        require: require?,
        runbook,
    })
}

/// Looks that a trend counts, where the file does not say.
const SAMPLES: u32 = 3;

fn trend(node: &Node, document: &TrendDocument) -> Option<Trend> {
    Some(Trend {
        fact: node.get("fact")?.as_located()?,
        not_increasing: document.not_increasing,
        not_decreasing: document.not_decreasing,
        samples: document.samples.unwrap_or(SAMPLES) as usize,
        at: node.at.clone(),
    })
}

fn fresh(node: &Node, document: &FreshDocument) -> Option<Fresh> {
    Some(Fresh {
        time: node.get("time")?.as_located()?,
        within: document.within.map(|span| span.0),
        prefer_within: document.prefer_within.map(|span| span.0),
        every: node.get("every").and_then(Node::as_located),
        zone: node.get("zone").and_then(Node::as_located),
        grace: document
            .grace
            .zip(node.get("grace"))
            .map(|(span, node)| Located::new(span.0, node.at.clone())),
        at: node.at.clone(),
    })
}

fn diagnosis(node: &Node, document: &DiagnosisDocument) -> Diagnosis {
    let candidates = node
        .entries()
        .iter()
        .filter(|(key, _)| !DiagnosisDocument::KEYS.contains(&key.value.as_str()));
    Diagnosis {
        at: node.at.clone(),
        on: node.get("on").and_then(Node::as_located),
        timeout: document.timeout.map(|span| span.0),
        candidates: candidates.cloned().collect(),
    }
}

fn signature(id: &Located<String>, node: &Node, document: SignatureDocument) -> Signature {
    let SignatureDocument {
        title,
        matching: _,
        kinds: _,
        checks: _,
        hosts: _,
        remedy,
        runbook,
        guardrail,
        go_back_to: _,
    } = document;
    let matching = node.get("match");
    Signature {
        id: id.clone(),
        title,
        matching: matching
            .into_iter()
            .chain(matching.map(Node::items).unwrap_or_default())
            .filter_map(match_of)
            .collect(),
        kinds: texts(node.get("kinds")),
        checks: texts(node.get("checks")),
        hosts: texts(node.get("hosts")),
        remedy,
        runbook,
        guardrail,
        go_back_to: node.get("go_back_to").and_then(Node::as_located),
    }
}

/// None for the list around several.
fn match_of(node: &Node) -> Option<Match> {
    let regex = node.get("regex");
    Some(Match {
        text: regex.unwrap_or(node).as_located()?,
        is_regex: regex.is_some(),
    })
}

fn baseline_defaults(own: DefaultsDocument) -> Defaults {
    let built_in = Defaults::default();
    Defaults {
        timeout: own.timeout.map_or(built_in.timeout, |span| span.0),
        connect_timeout: own
            .connect_timeout
            .map_or(built_in.connect_timeout, |span| span.0),
        retry: own
            .retry
            .map_or(built_in.retry, |own| retry(own, built_in.retry)),
    }
}

/// What is left out comes from the next level up.
fn retry(own: RetryDocument, outer: Retry) -> Retry {
    Retry {
        attempts: own.attempts.unwrap_or(outer.attempts),
        delay: own.delay.map_or(outer.delay, |span| span.0),
        backoff: own.backoff.unwrap_or(outer.backoff),
    }
}
