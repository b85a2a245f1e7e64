//! One check of the file → one check a host, with its kind's options read and
//! its expectations typed.

use std::sync::Arc;

use super::model::{Check, Retry};
use super::schema;
use crate::baseline::{
    self, Baseline, Diagnostic, Diagnostics, Located, Location, Node, NodeValue, Sources, conform,
    did_you_mean,
};
use crate::judge::{Expectation, ExpectationError, Level};
use crate::probe::{
    Host, KindEntry, OptionProblem, Place, Policy, Probe, SecretRef, TABLE, Target, find,
};

/// What expanding needs to know of the whole baseline.
pub(super) struct Expander<'a> {
    baseline: &'a Baseline,
    sources: &'a Sources,
    hosts: &'a [Arc<Host>],
    policy: &'a Policy,
    /// The whole schema: kinds' options refer to its `$defs`.
    schema: serde_json::Value,
}

impl<'a> Expander<'a> {
    pub(super) fn new(
        baseline: &'a Baseline,
        sources: &'a Sources,
        hosts: &'a [Arc<Host>],
        policy: &'a Policy,
    ) -> Self {
        Self {
            baseline,
            sources,
            hosts,
            policy,
            schema: schema::schema(),
        }
    }

    /// The checks that `source` stands for; fewer when there are errors.
    pub(super) fn expand(
        &mut self,
        phase: &baseline::Phase,
        source: &baseline::Check,
        place: usize,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Check> {
        let Some((kind, options)) = kind_of(source, diagnostics) else {
            return Vec::new();
        };
        report_place(kind, source, diagnostics);
        let hosts = self.hosts_of(source);
        let targets: Vec<Option<Arc<Host>>> = if source.on.is_empty() {
            vec![None]
        } else {
            hosts.into_iter().map(Some).collect()
        };
        targets
            .into_iter()
            .filter_map(|host| self.check(phase, source, place, kind, options, host, diagnostics))
            .collect()
    }

    fn hosts_of(&self, source: &baseline::Check) -> Vec<Arc<Host>> {
        // In the baseline's order, each once, however often `on` names it.
        self.baseline
            .hosts
            .iter()
            .zip(self.hosts)
            .filter(|(host, _)| {
                source.on.iter().any(|on| {
                    self.baseline
                        .select(on)
                        .iter()
                        .any(|selected| selected.id == host.id)
                })
            })
            .map(|(_, planned)| Arc::clone(planned))
            .collect()
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is one thing that a check is made of"
    )]
    fn check(
        &self,
        phase: &baseline::Phase,
        source: &baseline::Check,
        place: usize,
        kind: &'static KindEntry,
        options: &Node,
        host: Option<Arc<Host>>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Check> {
        let settings = self.baseline.settings(phase, source);
        let target = Target {
            via: source.via.as_ref().and_then(|via| self.host(via)),
            timeout: settings.timeout,
            connect_timeout: host
                .as_ref()
                .map_or(settings.connect_timeout, |host| host.connect_timeout),
            host,
        };
        let mut text = Text {
            host: target.host.as_deref(),
            diagnostics,
        };
        let title = source.title.as_ref().map(|title| text.expand(title));
        let remedy = source
            .remedy
            .as_ref()
            .map(|remedy| text.expand_str(remedy, &source.id.at));
        let runbook = source
            .runbook
            .as_ref()
            .map(|runbook| text.expand_str(runbook, &source.id.at));
        let options = options.expand(
            &|name| host_variable(target.host.as_deref(), name),
            text.diagnostics,
        );
        let own: Vec<(Level, Located<String>)> = [
            (Level::Require, &source.require),
            (Level::Prefer, &source.prefer),
        ]
        .into_iter()
        .flat_map(|(level, list)| list.iter().map(move |item| (level, item)))
        .map(|(level, item)| (level, Located::new(text.expand(item), item.at.clone())))
        .collect();
        let probe = self.probe(kind, &options, &target, diagnostics)?;
        let expectations = self.expectations(kind, probe.as_ref(), source, &own, diagnostics);
        let secrets = located_secrets(probe.as_ref(), &options, &source.id.at);
        Some(Check {
            id: match &target.host {
                Some(host) => format!("{}@{}", source.id.value, host.id),
                None => source.id.value.clone(),
            },
            title: title.unwrap_or_else(|| kind.summary.to_owned()),
            phase: place,
            kind: kind.name,
            probe,
            expectations,
            secrets,
            advisory: source.advisory,
            retry: Retry {
                attempts: settings.retry.attempts.max(1),
                delay: settings.retry.delay,
                backoff: settings.retry.backoff,
            },
            after: Vec::new(),
            remedy,
            runbook,
            guardrail: source.guardrail.as_ref().map(|tier| tier.value),
            target,
        })
    }

    fn host(&self, id: &str) -> Option<Arc<Host>> {
        self.hosts.iter().find(|host| host.id == id).map(Arc::clone)
    }

    fn probe(
        &self,
        kind: &'static KindEntry,
        options: &Node,
        target: &Target,
        diagnostics: &mut Diagnostics,
    ) -> Option<Box<dyn Probe>> {
        let before = diagnostics.len();
        conform(
            options,
            &schema::kind(&self.schema, kind),
            &self.schema,
            diagnostics,
        );
        if diagnostics.len() > before {
            return None;
        }
        match (kind.build)(options.to_json()) {
            Ok(probe) => {
                let problems = probe.problems(target, self.policy);
                for problem in &problems {
                    diagnostics.push(located(problem, options));
                }
                problems.is_empty().then_some(probe)
            }
            Err(problem) => {
                diagnostics.push(located(&problem, options));
                None
            }
        }
    }

    fn expectations(
        &self,
        kind: &KindEntry,
        probe: &dyn Probe,
        source: &baseline::Check,
        own: &[(Level, Located<String>)],
        diagnostics: &mut Diagnostics,
    ) -> Vec<Expectation> {
        let mut compiled = Vec::new();
        if source.defaults {
            let defaults = probe.defaults();
            let levels = [
                (Level::Require, &defaults.require),
                (Level::Prefer, &defaults.prefer),
            ];
            for (level, text) in levels
                .into_iter()
                .flat_map(|(level, list)| list.iter().map(move |text| (level, text)))
            {
                match Expectation::compile(level, text, kind.facts) {
                    Ok(expectation) => compiled.push(expectation),
                    Err(error) => diagnostics.push(Diagnostic::error(
                        "bad-default",
                        format!(
                            "the default expectation `{text}` of `{}` does not hold together: {}; \
                         this is a defect in coldstart",
                            kind.name, error.message
                        ),
                        source.id.at.clone(),
                    )),
                }
            }
        }
        for (level, text) in own {
            match Expectation::compile(*level, text, kind.facts) {
                Ok(expectation) => compiled.push(expectation),
                Err(error) => diagnostics.push(self.bad_expectation(&error, text, kind)),
            }
        }
        // Required ones first; otherwise as written.
        compiled.sort_by_key(|expectation| match expectation.level {
            Level::Require => 0,
            Level::Prefer => 1,
        });
        compiled
    }

    fn bad_expectation(
        &self,
        error: &ExpectationError,
        text: &Located<String>,
        kind: &KindEntry,
    ) -> Diagnostic {
        let diagnostic = Diagnostic::error(
            "bad-expectation",
            error.message.clone(),
            self.sources.narrow(text, error.span.clone()),
        );
        match &error.suggestion {
            Some(suggestion) => diagnostic.suggestion(suggestion.clone()),
            None => diagnostic.label(format!("in an expectation on `{}`", kind.name)),
        }
    }
}

/// The secrets of a probe, each at the option that refers to it.
fn located_secrets(probe: &dyn Probe, options: &Node, check: &Location) -> Vec<Located<SecretRef>> {
    probe
        .secrets()
        .into_iter()
        .map(|secret| {
            let at = place_of_text(options, &secret.to_string()).unwrap_or(check);
            Located::new(secret.clone(), at.clone())
        })
        .collect()
}

fn place_of_text<'n>(node: &'n Node, text: &str) -> Option<&'n Location> {
    if node.as_str() == Some(text) {
        return Some(&node.at);
    }
    let entries = node.entries().iter().map(|(_, child)| child);
    entries
        .chain(node.items())
        .find_map(|child| place_of_text(child, text))
}

fn located(problem: &OptionProblem, options: &Node) -> Diagnostic {
    let at = options.at_path(&problem.path).at.clone();
    let diagnostic = Diagnostic::error("bad-option", problem.message.clone(), at);
    match &problem.suggestion {
        Some(suggestion) => diagnostic.suggestion(suggestion.clone()),
        None => diagnostic,
    }
}

/// The one key of a check that names a kind. Any other key that is not a
/// check's own is an error.
fn kind_of<'c>(
    source: &'c baseline::Check,
    diagnostics: &mut Diagnostics,
) -> Option<(&'static KindEntry, &'c Node)> {
    let mut found: Vec<(&'static KindEntry, &Located<String>, &Node)> = Vec::new();
    let mut unknown = false;
    for (key, options) in &source.candidates {
        match find(key) {
            Some(kind) => found.push((kind, key, options)),
            None => {
                unknown = true;
                diagnostics.push(unknown_key(key));
            }
        }
    }
    match found.as_slice() {
        [(kind, _, options)] => Some((kind, options)),
        [] => {
            if !unknown {
                diagnostics.push(
                    Diagnostic::error(
                        "no-kind",
                        format!("the check `{}` says nothing to look at", source.id.value),
                        source.id.at.clone(),
                    )
                    .suggestion(format!("add one of the kinds: {}", kind_names().join(", "))),
                );
            }
            None
        }
        [(first, first_key, _), rest @ ..] => {
            for (kind, key, _) in rest {
                diagnostics.push(
                    Diagnostic::error(
                        "two-kinds",
                        format!("a check has one kind: this one is already `{}`", first.name),
                        key.at.clone(),
                    )
                    .related(first_key.at.clone(), "the first kind")
                    .suggestion(format!("make the `{}` a check of its own", kind.name)),
                );
            }
            None
        }
    }
}

/// The keys that every check may have, from the document's own schema.
fn own_keys() -> Vec<String> {
    baseline::schema()
        .pointer("/$defs/Check/properties")
        .and_then(serde_json::Value::as_object)
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default()
}

fn unknown_key(key: &Located<String>) -> Diagnostic {
    let own_keys = own_keys();
    let candidates = kind_names()
        .into_iter()
        .chain(own_keys.iter().map(String::as_str));
    let diagnostic = Diagnostic::error(
        "unknown-key",
        format!("`{}` is neither a key of a check nor a kind", key.value),
        key.at.clone(),
    );
    match did_you_mean(&key.value, candidates) {
        Some(near) => diagnostic.suggestion(format!("did you mean `{near}`?")),
        None => diagnostic.suggestion(format!("the kinds are {}", kind_names().join(", "))),
    }
}

fn kind_names() -> Vec<&'static str> {
    TABLE.iter().map(|kind| kind.name).collect()
}

fn report_place(kind: &KindEntry, source: &baseline::Check, diagnostics: &mut Diagnostics) {
    if kind.place != Place::Host {
        return;
    }
    if source.on.is_empty() {
        diagnostics.push(
            Diagnostic::error(
                "no-host",
                format!("`{}` looks at a host, and this check names none", kind.name),
                source.id.at.clone(),
            )
            .suggestion("add `on:` with a host id, a list of them, `tag:NAME` or `all`"),
        );
    }
    if let Some(via) = &source.via {
        diagnostics.push(
            Diagnostic::error(
                "senseless-via",
                format!(
                    "`{}` runs on its host, so it does not go through another",
                    kind.name
                ),
                via.at.clone(),
            )
            .suggestion(
                "remove `via`; to reach the host through another, give the host `ssh: { jump: … }`",
            ),
        );
    }
}

/// Expands what is per host in a check's texts.
struct Text<'a> {
    host: Option<&'a Host>,
    diagnostics: &'a mut Diagnostics,
}

impl Text<'_> {
    fn expand(&mut self, text: &Located<String>) -> String {
        self.expand_str(&text.value, &text.at)
    }

    fn expand_str(&mut self, text: &str, at: &Location) -> String {
        let node = Node {
            at: at.clone(),
            value: NodeValue::String(text.to_owned()),
        };
        let expanded = node.expand(&|name| host_variable(self.host, name), self.diagnostics);
        expanded.as_str().unwrap_or(text).to_owned()
    }
}

fn host_variable(host: Option<&Host>, name: &str) -> Option<String> {
    let host = host?;
    match name {
        "host.id" => Some(host.id.clone()),
        "host.address" => Some(host.address.clone()),
        "host.user" => host.ssh.user.clone(),
        _ => None,
    }
}
