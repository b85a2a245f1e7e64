//! A look of `diagnose:` → the probe that takes it when its check fails.

use std::time::Duration;

use super::expand::{Expander, located_secrets};
use super::kind::{Owner, kind_of, senseless_on};
use super::model::Diagnosis;
use super::words::Words;
use crate::baseline::{self, Diagnostic, Diagnostics, Located, Node};
use crate::probe::{KindEntry, Place, SecretRef, Target};

/// The longest that one look may take to answer, whatever its check may.
const LONGEST: Duration = Duration::from_secs(30);

impl Expander<'_> {
    /// The look for the check at `of`, and the secrets that it needs.
    pub(super) fn diagnosis(
        &self,
        source: &baseline::Diagnosis,
        of: &Target,
        words: &Words<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<(Diagnosis, Vec<Located<SecretRef>>)> {
        let (kind, options) = kind_of(Owner::Diagnosis(source), diagnostics)?;
        let mut target = self.target_of(source, kind, of, diagnostics)?;
        let options: Node = words.node(options, target.host.as_deref(), diagnostics)?;
        let probe = self.probe(kind, &options, &mut target, diagnostics)?;
        if probe.alert_test().is_some() {
            diagnostics.push(
                Diagnostic::error(
                    "senseless-look",
                    format!(
                        "`{}` is no look into a failure: it sends an alert",
                        kind.name
                    ),
                    source.at.clone(),
                )
                .suggestion("make it a check of its own"),
            );
            return None;
        }
        if kind.name == super::coverage::KIND {
            diagnostics.push(
                Diagnostic::error(
                    "senseless-look",
                    "`coverage` is no look into a failure: it tells what other checks came to",
                    source.at.clone(),
                )
                .suggestion("make it a check of its own"),
            );
            return None;
        }
        let secrets = located_secrets(probe.as_ref(), &options, &source.at);
        let look = Diagnosis {
            kind: kind.name,
            target,
            probe,
        };
        Some((look, secrets))
    }

    fn target_of(
        &self,
        source: &baseline::Diagnosis,
        kind: &KindEntry,
        of: &Target,
        diagnostics: &mut Diagnostics,
    ) -> Option<Target> {
        let names_its_own = kind.place == Place::Hosts;
        if let (true, Some(_)) = (names_its_own, &source.on) {
            diagnostics.push(senseless_on(kind, source.at.clone()));
            return None;
        }
        let (host, via) = match &source.on {
            _ if names_its_own => (None, None),
            // The baseline has told of one that does not exist.
            Some(on) => (Some(self.host(on)?), None),
            None => (of.host.clone(), of.via.clone()),
        };
        let runs_on_a_host = kind.place == Place::Host;
        if runs_on_a_host && host.is_none() {
            diagnostics.push(
                Diagnostic::error(
                    "no-host",
                    format!(
                        "`{}` looks at a host, and neither this entry nor its check names one",
                        kind.name
                    ),
                    source.at.clone(),
                )
                .suggestion("add `on:` with a host's id to the entry"),
            );
            return None;
        }
        // Where it runs on the host it goes no other way.
        let may_run_there = kind.place == Place::Either && host.is_some();
        Some(Target {
            connect_timeout: host
                .as_ref()
                .map_or(of.connect_timeout, |host| host.connect_timeout),
            timeout: source.timeout.unwrap_or(of.timeout).min(LONGEST),
            via: via.filter(|_| !runs_on_a_host && !may_run_there),
            also: Vec::new(),
            host,
        })
    }
}
