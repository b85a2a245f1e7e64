//! Prometheus' answers, version 1 of its API
//! (<https://prometheus.io/docs/prometheus/latest/querying/api/>): what is in each, and
//! what is in the place of one.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::probe::kinds::api::{Asking, Reply};
use crate::probe::{Fault, FaultKind};

/// What every answer has around it.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"), rename_all = "camelCase")]
struct Envelope<T> {
    status: String,
    data: Option<T>,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Option<Vec<String>>,
    #[serde(default)]
    infos: Option<Vec<String>>,
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Told<T> {
    pub(super) data: T,
    /// What Prometheus finds dubious in the query.
    pub(super) warnings: Vec<String>,
    pub(super) infos: Vec<String>,
    pub(super) reply: Reply,
}

/// Asks for `path`.
///
/// # Errors
/// Those of [`Asking::get`]; `Refused` while Prometheus starts, `LocalSetup` for a query that
/// is none, `TimedOut` for one that it gave up, `Protocol` for an answer that is an error, of
/// another server, or a part of one.
pub(super) async fn ask<T: DeserializeOwned>(
    asking: &Asking<'_>,
    path: &str,
    parameters: &[(&str, &str)],
) -> Result<Told<T>, Fault> {
    let reply = asking.get(path, parameters).await?;
    let api = &asking.api;
    if reply.status != 200 {
        return Err(match serde_json::from_slice(&reply.body) {
            Ok(answer) => refusal(&answer),
            Err(_) if reply.status == 503 && !reply.is_html() => starting(asking, &reply),
            Err(_) => api.another(
                &format!("status {} ({})", reply.status, reply.quoted(asking)),
                &reply.url,
            ),
        });
    }
    let answer: Envelope<T> = api.json(&reply)?;
    let Some(data) = answer.data.filter(|_| answer.status == "success") else {
        let error = if answer.error.is_empty() {
            "an answer without data".to_owned()
        } else {
            answer.error
        };
        return Err(api.another(&error, &reply.url));
    };
    let infos = answer.infos.unwrap_or_default();
    // In version 2, all warnings are of a storage that did not answer; from 3 on those of
    // the query are marked.
    let (warnings, partial): (Vec<_>, Vec<_>) = answer
        .warnings
        .unwrap_or_default()
        .into_iter()
        .partition(|warning| warning.starts_with("PromQL "));
    if let [first, ..] = partial.as_slice() {
        return Err(Fault::new(
            FaultKind::Protocol,
            format!("the answer is a part of what there is: {first}"),
        )
        .hint("one of the storages behind this address did not answer: its log tells which"));
    }
    Ok(Told {
        data,
        warnings,
        infos,
        reply,
    })
}

fn starting(asking: &Asking<'_>, reply: &Reply) -> Fault {
    Fault::new(
        FaultKind::Refused,
        format!("status 503 from {}: {}", reply.url, reply.quoted(asking)),
    )
    .hint(
        "after a power cut Prometheus replays its write-ahead log before it answers: a check with \
         `ready: {}` tells how far it is",
    )
}

fn refusal(answer: &Envelope<serde_json::Value>) -> Fault {
    let error = answer.error.as_str();
    match answer.error_type.as_str() {
        "bad_data" => Fault::new(
            FaultKind::LocalSetup,
            format!("Prometheus refuses: {error}"),
        ),
        "timeout" | "canceled" => Fault::new(
            FaultKind::TimedOut,
            format!("Prometheus gave the query up: {error}"),
        ),
        "unavailable" => Fault::new(FaultKind::Refused, format!("Prometheus: {error}")),
        "execution" => Fault::new(
            FaultKind::Protocol,
            format!("Prometheus cannot evaluate the query: {error}"),
        )
        .hint("try it in Prometheus' own page, Graph"),
        kind => Fault::new(
            FaultKind::Protocol,
            format!("Prometheus answers with an error ({kind}): {error}"),
        ),
    }
}

/// With the place in `query` that a refusal tells, which counts `before` more characters at
/// the beginning of the first line.
pub(super) fn located(fault: Fault, query: &str, before: usize) -> Fault {
    let Some((line, column)) = place(&fault.seen) else {
        return fault;
    };
    let column = if line == 1 {
        column.saturating_sub(before)
    } else {
        column
    };
    let text = query
        .lines()
        .nth(line.saturating_sub(1))
        .unwrap_or_default();
    let ahead: String = text.chars().take(column.saturating_sub(1)).collect();
    let place = if ahead.is_empty() {
        "at its beginning".to_owned()
    } else {
        format!("behind `{ahead}`")
    };
    fault.hint(format!(
        "line {line}, column {column} of the query, {place}"
    ))
}

/// `…: 1:7: parse error: …`.
fn place(message: &str) -> Option<(usize, usize)> {
    let (ahead, _) = message.split_once(": parse error: ")?;
    let mut parts = ahead.rsplit(' ').next()?.split(':');
    let place = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some(place)
}

/// The answer to a query.
#[derive(Debug, Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub(super) enum Answered {
    Vector(Vec<Instant>),
    Matrix(Vec<Range>),
    Scalar(Point),
    String(serde::de::IgnoredAny),
}

/// A series at one time.
#[derive(Debug, Deserialize)]
pub(super) struct Instant {
    #[serde(default)]
    pub(super) metric: crate::probe::kinds::alerts::Labels,
    /// None where the series is a histogram.
    pub(super) value: Option<Point>,
}

/// A series over time.
#[derive(Debug, Deserialize)]
pub(super) struct Range {
    #[serde(default)]
    pub(super) metric: crate::probe::kinds::alerts::Labels,
    #[serde(default)]
    pub(super) values: Vec<Point>,
}

/// Seconds since 1970, and a number as text.
#[derive(Debug, Deserialize)]
pub(super) struct Point(f64, String);

impl Point {
    /// The number; none for NaN, and for what is none.
    pub(super) fn value(&self) -> Option<f64> {
        let value: f64 = self.1.parse().ok()?;
        (!value.is_nan()).then_some(value)
    }

    pub(super) fn seconds(&self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("invalid parameter \"query\": 1:7: parse error: unclosed left parenthesis", Some((1, 7)))]
    #[case("Prometheus refuses: 2:11: parse error: a: b", Some((2, 11)))]
    #[case(
        "invalid parameter \"query\": unknown position: parse error: no expression",
        None
    )]
    #[case("parse error: nothing", None)]
    #[case("1:2:3: parse error: nothing", None)]
    fn places(#[case] message: &str, #[case] expected: Option<(usize, usize)>) {
        assert_eq!(place(message), expected);
    }

    #[rstest]
    #[case("sum(up", 0, "1:7", "line 1, column 7 of the query, behind `sum(up`")]
    #[case("sum(up", 1, "1:8", "line 1, column 7 of the query, behind `sum(up`")]
    #[case(")", 0, "1:1", "line 1, column 1 of the query, at its beginning")]
    #[case("a +\n+ )", 1, "2:3", "line 2, column 3 of the query, behind `+ `")]
    #[case("a", 0, "9:9", "line 9, column 9 of the query, at its beginning")]
    fn a_mistake_in_a_query_has_a_place(
        #[case] query: &str,
        #[case] before: usize,
        #[case] at: &str,
        #[case] hint: &str,
    ) {
        let fault = Fault::new(FaultKind::LocalSetup, format!("no: {at}: parse error: x"));
        assert_eq!(located(fault, query, before).hint.as_deref(), Some(hint));
    }
}
