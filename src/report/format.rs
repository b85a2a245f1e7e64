//! The formats by name.

use jiff::tz::TimeZone;

use super::{html, json, junit, markdown, nagios, prometheus, tap};
use crate::scorecard::Scorecard;

/// A form in which a card can be kept or passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The whole card as one document.
    Json,
    /// For what collects test results.
    Junit,
    /// For a logbook.
    Markdown,
    /// One page without a network.
    Html,
    /// A textfile of metrics.
    Prometheus,
    /// A monitoring plugin's output.
    Nagios,
    /// The step summary; [`super::annotations`] are the other part.
    Github,
    /// The Test Anything Protocol.
    Tap,
}

/// What a card does not say by itself.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Where people read its times.
    pub zone: TimeZone,
    /// Of metrics: a metric name without colons.
    pub prefix: String,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Json,
        Self::Junit,
        Self::Markdown,
        Self::Html,
        Self::Prometheus,
        Self::Nagios,
        Self::Github,
        Self::Tap,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Prometheus => "prometheus",
            Self::Nagios => "nagios",
            Self::Github => "github",
            Self::Tap => "tap",
        }
    }

    /// One line about it.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Json => "the whole card",
            Self::Junit => "JUnit XML, for what collects test results",
            Self::Markdown => "for a logbook",
            Self::Html => "one page that needs no network",
            Self::Prometheus => "metrics for the textfile collector",
            Self::Nagios => "status line with performance data",
            Self::Github => "annotations and step summary of a job",
            Self::Tap => "Test Anything Protocol 14",
        }
    }

    /// The card in this format.
    #[must_use]
    pub fn write(self, card: &Scorecard, setting: &Setting) -> String {
        match self {
            Self::Json => json(card),
            Self::Junit => junit(card),
            Self::Markdown | Self::Github => markdown(card, &setting.zone),
            Self::Html => html(card, &setting.zone),
            Self::Prometheus => prometheus::write(card, &setting.prefix, &[]),
            Self::Nagios => nagios(card),
            Self::Tap => tap(card),
        }
    }
}
