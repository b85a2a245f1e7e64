//! `coverage`: every service is protected at every layer, and checks prove it.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target, Type, Unit,
};

/// Puts the baseline's `coverage` on the card: which service is protected at which layer, by
/// which checks, and whether these passed in this run. It asks no target anything and has no
/// options; it waits for the checks that the table names, whatever they come to, and stands in
/// a phase that none of their phases comes after. A cell of which a check is WARN, BLOCKED, not
/// evaluated or left out is not proven now.
///
/// `coldstart coverage` prints the table without looking at anything.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coverage {}

impl Kind for Coverage {
    const NAME: &'static str = "coverage";
    const SUMMARY: &'static str = "every service is protected at every layer, and checks prove it";
    const PLACE: Place = Place::Network;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::number(
            "cells",
            Unit::Count,
            "Cells of the table: each service at each layer.",
        ),
        FactSpec::number(
            "proven",
            Unit::Count,
            "Cells of which every check passed in this run.",
        ),
        FactSpec::number(
            "not_needed",
            Unit::Count,
            "Cells that say that the layer is not for the service.",
        ),
        FactSpec::new(
            "uncovered",
            Type::List(&Type::Text),
            "Cells of which nothing is said, or whose exclusion has ended: `immich offsite`.",
        ),
        FactSpec::new(
            "unproven",
            Type::List(&Type::Text),
            "Cells of which a check did not pass in this run, each with what it came to.",
        ),
        FactSpec::new(
            "weaker",
            Type::List(&Type::Text),
            "Cells whose checks allow more to be lost by their `fresh` than `max_loss` promises, with both.",
        ),
        FactSpec::new(
            "unbounded",
            Type::List(&Type::Text),
            "Cells of which no check has a `fresh`, so that nothing keeps the promise.",
        ),
        FactSpec::new(
            "excluded",
            Type::List(&Type::Text),
            "Cells that are left without protection as a risk that was accepted.",
        ),
    ];
    const EXAMPLE: &'static str = "title: every service is protected as promised\ncoverage: {}\n";

    fn problems(&self, target: &Target, _policy: &Policy) -> Vec<OptionProblem> {
        let asks = target.host.is_some() || target.via.is_some();
        asks.then(|| OptionProblem {
            path: Vec::new(),
            message: "a coverage looks at the other checks, and at no host".to_owned(),
            suggestion: Some("take `on` and `via` out".to_owned()),
        })
        .into_iter()
        .collect()
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            require: Vec::new(),
            prefer: [
                "size(uncovered) == 0",
                "size(unproven) == 0",
                "size(weaker) == 0",
                "size(unbounded) == 0",
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }

    fn goal(&self, _target: &Target) -> String {
        "what the checks of the coverage came to".to_owned()
    }

    fn requests(&self, _target: &Target, _policy: &Policy) -> Vec<Request> {
        Vec::new()
    }

    async fn run(&self, _context: &Context) -> Result<Facts, Fault> {
        Err(Fault::new(
            FaultKind::Internal,
            "a coverage is told by the run, and looks at nothing itself",
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_sends_nothing_and_looks_at_no_host() {
        let target = Target {
            host: None,
            via: None,
            also: Vec::new(),
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
        };
        let kind = Coverage {};
        assert!(kind.requests(&target, &Policy::default()).is_empty());
        assert!(kind.problems(&target, &Policy::default()).is_empty());
    }
}
