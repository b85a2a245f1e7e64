//! What Alertmanager keeps to itself.

use jiff::Timestamp;
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{self, Condition, Silence};
use crate::probe::kinds::alerts::{NAME, count, list, time};
use crate::probe::kinds::api::Asking;
use crate::probe::kinds::lines::Span;
use crate::probe::{Defaults, Facts, Fault};

const PATH: &str = "api/v2/silences";

/// The silences to look at.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Silences {
    /// The names of alerts: only silences that may keep one of them quiet are looked at. All
    /// when left out.
    #[serde(default)]
    names: Vec<String>,
    /// A silence that ends within this time is told by `expiring`.
    #[serde(default)]
    expiring: Option<Span>,
}

impl Silences {
    pub(super) fn questions() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
        vec![(PATH, Vec::new())]
    }

    /// A silence that was forgotten is no fault of the stack, and hides one.
    pub(super) fn defaults(&self) -> Defaults {
        let expiring = self.expiring.map(|_| "size(expiring) == 0".to_owned());
        let none = expiring.unwrap_or_else(|| "silence_count == 0".to_owned());
        Defaults {
            require: Vec::new(),
            prefer: vec![none],
        }
    }

    pub(super) async fn facts(&self, asking: &Asking<'_>) -> Result<Facts, Fault> {
        let (silences, reply): (Vec<Silence>, _) = answer::ask(asking, PATH, &[]).await?;
        let mut facts = Facts::new();
        self.set(&silences, reply.now(), &mut facts);
        reply.set_clock(&mut facts);
        Ok(facts)
    }

    fn set(&self, silences: &[Silence], now: Option<f64>, facts: &mut Facts) {
        let all = || {
            let all = silences.iter();
            all.filter(|silence| self.names.is_empty() || self.concerns(silence))
        };
        let active: Vec<&Silence> = all().filter(|silence| silence.is("active")).collect();
        facts.set("silence_count", count(active.len()));
        facts.set(
            "silences",
            list(active.iter().map(|silence| silence.shown())),
        );
        let waiting = all().filter(|silence| silence.is("pending")).count();
        facts.set("pending_silences", count(waiting));
        let ends = || active.iter().filter_map(|silence| time(&silence.ends_at));
        facts.set_some("next_end_at", ends().min());
        facts.set_some("last_end_at", ends().max());
        if let (Some(within), Some(now)) = (self.expiring, now) {
            let soon = |silence: &&&Silence| {
                let end = time(&silence.ends_at).map(Timestamp::as_duration);
                #[expect(clippy::cast_precision_loss, reason = "no span has 2^52 seconds")]
                let limit = now + within.seconds() as f64;
                end.is_some_and(|end| end.as_secs_f64() <= limit)
            };
            let soon = active.iter().filter(soon);
            facts.set("expiring", list(soon.map(|silence| silence.shown())));
        }
    }

    /// Whether it may keep one of the names quiet; its other labels are not known here.
    fn concerns(&self, silence: &Silence) -> bool {
        self.names.iter().any(|name| {
            let mut of_name = silence.matchers.iter().filter(|of| of.name == NAME);
            of_name.all(|condition| condition.holds(name))
        })
    }
}

impl Condition {
    fn holds(&self, value: &str) -> bool {
        let fits = if self.is_regex {
            let regex = Regex::new(&format!("^(?:{})$", self.value));
            // One that is not understood may keep anything quiet.
            match regex {
                Ok(regex) => regex.is_match(value),
                Err(_) => return true,
            }
        } else {
            self.value == value
        };
        fits == self.is_equal
    }

    fn shown(&self) -> String {
        let operator = match (self.is_equal, self.is_regex) {
            (true, false) => "=",
            (true, true) => "=~",
            (false, false) => "!=",
            (false, true) => "!~",
        };
        format!("{}{operator}{:?}", self.name, self.value)
    }
}

impl Silence {
    fn shown(&self) -> String {
        let matchers: Vec<String> = self.matchers.iter().map(Condition::shown).collect();
        format!(
            "{} by {} until {}: {}",
            matchers.join(", "),
            self.created_by,
            self.ends_at,
            self.comment
        )
    }
}
