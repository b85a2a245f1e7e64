//! A page of metrics: of a Pushgateway, an exporter, or any server that has one.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::probe::kinds::api::Asking;
use crate::probe::kinds::exposition::read;
use crate::probe::kinds::exposition::told::Wanted;
use crate::probe::{Defaults, Facts, Fault, FaultKind, OptionProblem};

/// A page in Prometheus' text format.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Metrics {
    /// Where the page is, below `url`.
    #[serde(default = "usual")]
    path: String,
    /// Names of the metrics to tell. All when left out.
    #[serde(default)]
    only: Vec<String>,
    /// The series whose value is a time, in seconds since 1970, for
    /// `metric_time` and `metric_age_s`.
    #[serde(default)]
    age_of: Option<String>,
}

fn usual() -> String {
    "/metrics".to_owned()
}

impl Metrics {
    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            only: &self.only,
            age_of: self.age_of.as_deref(),
        }
    }

    pub(super) fn path(&self) -> &str {
        self.path.trim_start_matches('/')
    }

    pub(super) fn problems(&self) -> Vec<OptionProblem> {
        let mut problems = self.wanted().problems(&["exposition"]);
        if self.path().is_empty() || self.path.contains(['?', '#']) {
            problems.push(OptionProblem {
                path: vec!["exposition".to_owned(), "path".to_owned()],
                message: format!("{:?} is no path of a page", self.path),
                suggestion: Some("path: /metrics".to_owned()),
            });
        }
        problems
    }

    pub(super) fn defaults(&self) -> Defaults {
        let age = self.age_of.as_ref().map(|_| "has(metric_age_s)");
        let whole = [
            "size(errors) == 0",
            "series_count > 0",
            "size(duplicates) == 0",
            "!truncated",
        ];
        Defaults::require(age.into_iter().chain(whole))
    }

    pub(super) async fn facts(&self, asking: &Asking<'_>) -> Result<Facts, Fault> {
        let reply = asking.get(self.path(), &[]).await?;
        if reply.status != 200 {
            let seen = format!(
                "status {} from {} ({})",
                reply.status,
                reply.url,
                reply.quoted(asking)
            );
            return Err(Fault::new(FaultKind::Protocol, seen));
        }
        if reply.is_html() {
            let seen = format!("a page of HTML from {}, and no metrics", reply.url);
            return Err(Fault::new(FaultKind::Protocol, seen)
                .hint("look whether `path` is where this server has its metrics"));
        }
        let told = read(&reply.body, false);
        if told.samples.is_empty() && told.error_count > 0 {
            let first = told.errors.first().map_or("", String::as_str);
            let seen = format!("no page of metrics from {}: {first}", reply.url);
            return Err(Fault::new(FaultKind::Protocol, seen));
        }
        let mut facts = Facts::new();
        self.wanted().set(&told, reply.now(), &mut facts);
        reply.set_clock(&mut facts);
        Ok(facts)
    }
}
