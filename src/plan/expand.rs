//! One check of the file → one check a host, with its kind's options read and
//! its expectations typed.

use std::path::Path;
use std::sync::Arc;

use super::further;
use super::kind::{Owner, kind_of, report_place};
use super::model::{Check, Retry};
use super::over_time::{definition, over_time, released_after};
use super::schema;
use super::words::Words;
use crate::baseline::{
    self, Baseline, Diagnostic, Diagnostics, Located, Location, Node, Sources, conform,
};
use crate::judge::{Expectation, ExpectationError, Level};
use crate::probe::{Host, KindEntry, OptionProblem, Policy, Probe, SecretRef, Target};

/// What expanding needs to know of the whole baseline.
pub(super) struct Expander<'a> {
    pub(super) baseline: &'a Baseline,
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
        let Some((kind, options)) = kind_of(Owner::Check(source), diagnostics) else {
            return Vec::new();
        };
        report_place(kind, source, diagnostics);
        if source
            .via
            .as_ref()
            .is_some_and(|via| self.host(via).is_none())
        {
            // The baseline has told so; without its way the check means another.
            return Vec::new();
        }
        let hosts = self.hosts_of(source);
        let targets: Vec<Option<Arc<Host>>> = if source.on.is_empty() {
            vec![None]
        } else {
            hosts.into_iter().map(Some).collect()
        };
        let words = Words::new(self.sources);
        let checks = targets
            .into_iter()
            .filter_map(|host| {
                self.check(
                    (phase, place),
                    source,
                    (kind, options),
                    host,
                    &words,
                    diagnostics,
                )
            })
            .collect();
        words.report(&source.id, diagnostics);
        checks
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

    fn check(
        &self,
        (phase, place): (&baseline::Phase, usize),
        source: &baseline::Check,
        (kind, options): (&'static KindEntry, &Node),
        host: Option<Arc<Host>>,
        words: &Words<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Check> {
        let settings = self.baseline.settings(phase, source);
        let on = host.clone();
        let mut target = Target {
            via: source.via.as_ref().and_then(|via| self.host(via)),
            timeout: settings.timeout,
            connect_timeout: host
                .as_ref()
                .map_or(settings.connect_timeout, |host| host.connect_timeout),
            also: Vec::new(),
            host,
        };
        let on = on.as_deref();
        let title = source
            .title
            .as_ref()
            .and_then(|title| words.text(title, on, diagnostics));
        let [remedy, runbook] = ["remedy", "runbook"].map(|key| {
            let text = source.node.get(key).and_then(Node::as_located)?;
            words.text(&text, on, diagnostics)
        });
        let own: Vec<(Level, Located<String>)> = [
            (Level::Require, &source.require),
            (Level::Prefer, &source.prefer),
        ]
        .into_iter()
        .flat_map(|(level, list)| list.iter().map(move |item| (level, item)))
        .filter_map(|(level, item)| {
            let text = words.text(item, on, diagnostics)?;
            Some((level, Located::new(text, item.at.clone())))
        })
        .collect();
        // Before the options, whose mistakes must not hide an expectation's.
        let own = self.own_expectations(kind, &own, diagnostics);
        let id = match &target.host {
            Some(host) => format!("{}@{}", source.id.value, host.id),
            None => source.id.value.clone(),
        };
        let released_after = released_after(&self.baseline.releases, &id);
        let over_time = over_time(
            kind,
            source,
            released_after,
            (words, on),
            self.sources,
            diagnostics,
        );
        let options = words.node(options, on, diagnostics)?;
        let probe = self.probe(kind, &options, &mut target, diagnostics)?;
        report_nothing_asked(probe.as_ref(), source, diagnostics);
        let mut expectations = default_expectations(kind, probe.as_ref(), source, diagnostics);
        expectations.extend(own);
        // Required ones first; otherwise as written.
        expectations.sort_by_key(|expectation| match expectation.level {
            Level::Require => 0,
            Level::Prefer => 1,
        });
        let definition = definition(kind.name, &options, &target, &expectations, &over_time);
        let mut secrets = located_secrets(probe.as_ref(), &options, &source.id.at);
        let mut diagnosis = Vec::new();
        for look in &source.diagnose {
            let (look, needed) = self.diagnosis(look, &target, words, diagnostics)?;
            diagnosis.push(look);
            secrets.extend(needed);
        }
        Some(Check {
            id,
            title: title.unwrap_or_else(|| kind.summary.to_owned()),
            phase: place,
            kind: kind.name,
            probe,
            expectations,
            over_time,
            definition,
            secrets,
            advisory: source.advisory,
            retry: Retry {
                attempts: settings.retry.attempts.max(1),
                delay: settings.retry.delay,
                backoff: settings.retry.backoff,
            },
            after: Vec::new(),
            awaits: Vec::new(),
            remedy,
            runbook,
            guardrail: source.guardrail.as_ref().map(|tier| tier.value),
            diagnosis,
            signatures: Vec::new(),
            target,
        })
    }

    pub(super) fn host(&self, id: &str) -> Option<Arc<Host>> {
        self.hosts.iter().find(|host| host.id == id).map(Arc::clone)
    }

    /// The probe of `options`; `target` gets the hosts that they name.
    pub(super) fn probe(
        &self,
        kind: &'static KindEntry,
        options: &Node,
        target: &mut Target,
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
            Ok(mut probe) => {
                let file = Path::new(self.sources.name(options.at.source));
                probe.beside(file.parent().unwrap_or(Path::new("")));
                let known = (self.baseline, self.hosts);
                further::add(&probe.hosts(), options, known, target, diagnostics)?;
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

    fn own_expectations(
        &self,
        kind: &KindEntry,
        own: &[(Level, Located<String>)],
        diagnostics: &mut Diagnostics,
    ) -> Vec<Expectation> {
        let mut compiled = Vec::new();
        for (level, text) in own {
            match Expectation::compile(*level, text, kind.facts) {
                Ok(expectation) => compiled.push(expectation),
                Err(error) => diagnostics.push(self.bad_expectation(&error, text, kind)),
            }
        }
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

/// `defaults: false` alone leaves a check that passes whatever is seen: a file
/// that is not there, a command that failed.
fn report_nothing_asked(
    probe: &dyn Probe,
    source: &baseline::Check,
    diagnostics: &mut Diagnostics,
) {
    let dropped = probe.defaults().require;
    let asks = source.defaults
        || source.fresh.is_some()
        || !source.require.is_empty()
        || !source.prefer.is_empty();
    // A kind that requires nothing tells all by answering: a login that works.
    if asks || dropped.is_empty() {
        return;
    }
    diagnostics.push(
        Diagnostic::error(
            "asks-nothing",
            format!(
                "the check `{}` passes whatever is seen: `defaults: false` takes its kind's \
                 expectations away, and it has none of its own",
                source.id.value
            ),
            source.id.at.clone(),
        )
        .suggestion(format!(
            "add `require:` or `prefer:`, or leave `defaults: false` out to keep `{}`",
            dropped.join("`, `")
        )),
    );
}

fn default_expectations(
    kind: &KindEntry,
    probe: &dyn Probe,
    source: &baseline::Check,
    diagnostics: &mut Diagnostics,
) -> Vec<Expectation> {
    if !source.defaults {
        return Vec::new();
    }
    let defaults = probe.defaults();
    let levels = [
        (Level::Require, &defaults.require),
        (Level::Prefer, &defaults.prefer),
    ];
    let mut compiled = Vec::new();
    for (level, text) in levels
        .into_iter()
        .flat_map(|(level, list)| list.iter().map(move |text| (level, text)))
    {
        match Expectation::compile(level, text, kind.facts) {
            Ok(expectation) => {
                let is_first = compiled.is_empty() && level == Level::Require;
                let words = probe.default_in_words().filter(|_| is_first);
                compiled.push(expectation.in_words(words));
            }
            Err(error) => diagnostics.push(
                Diagnostic::error(
                    "bad-default",
                    format!(
                        "the default expectation `{text}` of `{}` does not hold together: {}; \
                         this is a defect in coldstart",
                        kind.name, error.message
                    ),
                    source.id.at.clone(),
                )
                .suggestion("write `defaults: false` and expectations of your own"),
            ),
        }
    }
    compiled
}

/// The secrets of a probe, each at the option that refers to it.
pub(super) fn located_secrets(
    probe: &dyn Probe,
    options: &Node,
    check: &Location,
) -> Vec<Located<SecretRef>> {
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
