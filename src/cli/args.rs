//! The arguments: their syntax, and nothing of what they mean.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::reports::{Wanted, WantedParser};
use crate::baseline;

mod operate;

pub(super) use operate::{Every, Install, Installation, Monitor, Rules, Scheduler, Units};

/// Tells, after a power cut, what is back, what is not, and what to fix first.
/// Read-only: nothing it does changes a target.
#[derive(Debug, Parser)]
#[command(
    name = "coldstart",
    version,
    max_term_width = 100,
    after_help = EXIT_CODES
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 GREEN, 1 DEGRADED, 2 BLOCKED, 3 CHECK_FAILED (the run could not be completed),
64 wrong usage, 75 another monitor run is under way, 78 the baseline or its waivers have errors.
Of `gate`: 0 open, 2 closed, else as the command. Of `accept`: 2 the check is BLOCKED.";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Look at everything in dependency order and print the scorecard
    Check(Check),
    /// Say whether a release is open, and run a command only if it is
    Gate(Gate),
    /// Write down that the WARN of a check is accepted for a time, for a review
    Accept(Accept),
    /// Print every check in order with exactly what would be sent; sends nothing
    Plan(Plan),
    /// List the runs that are remembered, the latest first
    History(History),
    /// Tell what differs between two runs
    Diff(Diff),
    /// Print which service is protected at which layer, and by which checks; sends nothing
    Coverage(Coverage),
    /// Draw the phases and what needs what
    Graph(Graph),
    /// Look for errors in baselines; sends nothing
    Validate(Validate),
    /// Tell what a check, phase or release waits for, what waits for it, and its remedy
    Explain(Explain),
    /// Let cron or systemd run a monitor on this machine; prints how unless told to --apply
    Install(Install),
    /// Print the Prometheus alert rules for a monitor
    Rules(Rules),
    /// Print a JSON Schema: of baselines and waivers, for editors, or of the JSON card
    Schema(Schema),
    /// Print a completion script for a shell
    Completions(Completions),
}

/// Which baseline.
#[derive(Debug, Clone, Args)]
pub(super) struct Baseline {
    /// The baseline; a small one for this machine alone when there is none
    // Empty is an error: a variable that a script failed to set must not turn
    // into a look at this machine alone.
    #[arg(short, long, value_name = "FILE", env = "COLDSTART_BASELINE", value_parser = NonEmptyStringValueParser::new())]
    pub(super) baseline: Option<String>,
    /// Give a variable of the baseline another value
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable)]
    pub(super) vars: Vec<(String, String)>,
}

/// Which of its checks.
#[derive(Debug, Clone, Args)]
pub(super) struct Selection {
    /// Only this phase or check, and what it needs; may be given several times
    #[arg(long, value_name = "PHASE|CHECK")]
    pub(super) only: Vec<String>,
    /// Leave this phase or check out; may be given several times
    #[arg(long, value_name = "PHASE|CHECK")]
    pub(super) skip: Vec<String>,
}

/// What outlives a run.
#[derive(Debug, Clone, Args)]
pub(super) struct StateFile {
    /// Where runs are remembered; `none` forgets them when the program ends. Built in:
    /// coldstart/state.db below the user's state directory
    // Empty is an error, as it is for the baseline.
    #[arg(long, value_name = "PATH|none", env = "COLDSTART_STATE", value_parser = NonEmptyStringValueParser::new())]
    pub(super) state: Option<String>,
}

/// Which warnings somebody has accepted.
#[derive(Debug, Clone, Args)]
pub(super) struct WaiversFile {
    /// Where accepted warnings are written down; `none` for none. Built in:
    /// NAME.waivers.yml beside the baseline NAME.yml
    // Empty is an error, as it is for the baseline.
    #[arg(long, value_name = "FILE|none", value_parser = NonEmptyStringValueParser::new())]
    pub(super) waivers: Option<String>,
}

/// How text is shown.
#[derive(Debug, Clone, Args)]
pub(super) struct Display {
    /// Colours; `auto` follows the terminal and `NO_COLOR`
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    pub(super) color: When,
    /// The same as --color never
    #[arg(long, conflicts_with = "color")]
    pub(super) no_color: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    Auto,
    Always,
    Never,
}

/// How a run goes about its checks, and what it leaves behind.
#[derive(Debug, Clone, Args)]
pub(super) struct Running {
    #[command(flatten)]
    pub(super) state: StateFile,
    #[command(flatten)]
    pub(super) waivers: WaiversFile,
    /// Checks under way at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) jobs: u16,
    /// Checks under way at once that look at one host
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) jobs_per_host: u16,
    /// Time for the whole run (of each attempt with --watch): 90, 90s, 10m
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(super) deadline: Option<Duration>,
    /// SSH configuration instead of the user's and the system's, as `ssh -F`
    #[arg(long, value_name = "FILE", env = "COLDSTART_SSH_CONFIG")]
    pub(super) ssh_config: Option<PathBuf>,
    /// Let checks of kind `alert_test` send their test alert, once they are reached: the one
    /// thing that coldstart ever writes
    #[arg(long)]
    pub(super) send_alert_test: bool,
    /// Append one JSON line for each thing sent
    #[arg(long, value_name = "FILE")]
    pub(super) audit: Option<PathBuf>,
    /// What is under way, on standard error; `auto` is live on a terminal and silent elsewhere,
    /// but for --watch, which tells lines there
    #[arg(long, value_name = "HOW", default_value = "auto", value_enum)]
    pub(super) progress: ProgressMode,
}

/// What a card shows.
#[derive(Debug, Clone, Args)]
pub(super) struct Look {
    /// Print one JSON document instead of text
    #[arg(long)]
    pub(super) json: bool,
    /// Show every check with its facts and time
    #[arg(short, long)]
    pub(super) verbose: bool,
    /// Draw with ASCII alone
    #[arg(long)]
    pub(super) ascii: bool,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    pub(super) baseline: Baseline,
    #[command(flatten)]
    pub(super) selection: Selection,
    #[command(flatten)]
    pub(super) display: Display,
    /// Look at everything at once, also behind a blocked gate; no such gate turns green
    // An alert is sent when what it goes through was seen to be well, not before.
    #[arg(long, conflicts_with = "send_alert_test")]
    pub(super) keep_going: bool,
    #[command(flatten)]
    pub(super) running: Running,
    /// Write a report to a file, or print it instead of the card; may be given several times
    #[arg(long = "report", value_name = "FORMAT[=PATH]", value_parser = WantedParser)]
    pub(super) reports: Vec<Wanted>,
    /// Keep what each check saw in a new folder in this one, secrets as ***
    #[arg(long, value_name = "DIR")]
    pub(super) evidence: Option<PathBuf>,
    #[command(flatten)]
    pub(super) look: Look,
    #[command(flatten)]
    pub(super) monitor: Monitor,
    /// Run again and again until the card is GREEN; print the last card
    #[arg(long)]
    pub(super) watch: bool,
    /// Pause between two attempts of --watch: 60, 60s, 5m
    #[arg(long, value_name = "TIME", default_value = "60", value_parser = span, requires = "watch")]
    pub(super) interval: Duration,
    /// Attempts of --watch in all
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..), requires = "watch")]
    pub(super) max_attempts: u32,
}

#[derive(Debug, Args)]
pub(super) struct Gate {
    /// The release, as the baseline names it
    pub(super) release: String,
    #[command(flatten)]
    pub(super) baseline: Baseline,
    #[command(flatten)]
    pub(super) display: Display,
    #[command(flatten)]
    pub(super) running: Running,
    #[command(flatten)]
    pub(super) look: Look,
    /// Take an open decision that a run of this baseline came to so long ago at most, if its
    /// hosts have not booted since, instead of looking again
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(super) lease: Option<Duration>,
    /// Run this when the release is open, in the place of this program; its exit code is then the answer
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(super) struct Accept {
    /// The check: `signoz`, `ssh@data188`, or `ssh` for it on every host
    #[arg(required_unless_present = "list")]
    pub(super) check: Option<String>,
    /// Why its warning is accepted
    #[arg(long, value_name = "TEXT", required_unless_present = "list")]
    pub(super) reason: Option<String>,
    /// Who accepts it
    #[arg(long, value_name = "NAME", required_unless_present = "list")]
    pub(super) by: Option<String>,
    /// Until when: 3d, 2026-12-01 (to its end in UTC), 2026-12-01T18:00:00+08:00
    #[arg(long, value_name = "WHEN", required_unless_present = "list")]
    pub(super) until: Option<String>,
    /// List what is accepted, and what of it is in force
    #[arg(long, conflicts_with_all = ["check", "reason", "by", "until"])]
    pub(super) list: bool,
    #[command(flatten)]
    pub(super) baseline: Baseline,
    #[command(flatten)]
    pub(super) waivers: WaiversFile,
    #[command(flatten)]
    pub(super) state: StateFile,
    #[command(flatten)]
    pub(super) display: Display,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ProgressMode {
    /// Live on a terminal, silent elsewhere
    Auto,
    /// One line for each phase
    Lines,
    /// Silent
    None,
}

#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    pub(super) baseline: Baseline,
    #[command(flatten)]
    pub(super) selection: Selection,
    #[command(flatten)]
    pub(super) display: Display,
    /// Print the plan as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct History {
    /// Only runs of this baseline
    #[arg(short, long, value_name = "FILE", env = "COLDSTART_BASELINE", value_parser = NonEmptyStringValueParser::new())]
    pub(super) baseline: Option<String>,
    /// Runs at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) limit: u32,
    /// Print them as JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) state: StateFile,
    #[command(flatten)]
    pub(super) display: Display,
}

#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The earlier run: its number in the history, or a card as a JSON file; the one before the
    /// last when there is none
    #[arg(value_name = "OLD")]
    pub(super) old: Option<String>,
    /// The later one; the last when there is none
    #[arg(value_name = "NEW")]
    pub(super) new: Option<String>,
    /// Of this baseline, where a run is not named; that of the last run when there is none
    #[arg(short, long, value_name = "FILE", env = "COLDSTART_BASELINE", value_parser = NonEmptyStringValueParser::new())]
    pub(super) baseline: Option<String>,
    /// Print what differs as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Draw with ASCII alone
    #[arg(long)]
    pub(super) ascii: bool,
    #[command(flatten)]
    pub(super) state: StateFile,
    #[command(flatten)]
    pub(super) display: Display,
}

#[derive(Debug, Args)]
pub(super) struct Coverage {
    #[command(flatten)]
    pub(super) baseline: Baseline,
    #[command(flatten)]
    pub(super) display: Display,
    /// What to print it as
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    pub(super) format: CoverageFormat,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub(super) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CoverageFormat {
    /// A table for a terminal
    Text,
    /// A table for Markdown pages
    Markdown,
    /// Layers, services and their cells
    Json,
}

#[derive(Debug, Args)]
pub(super) struct Graph {
    #[command(flatten)]
    pub(super) baseline: Baseline,
    #[command(flatten)]
    pub(super) display: Display,
    /// What to draw for
    #[arg(long, value_name = "FORMAT", default_value = "ascii", value_enum)]
    pub(super) format: GraphFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum GraphFormat {
    /// Mermaid, for Markdown pages
    Mermaid,
    /// Graphviz
    Dot,
    /// Text for a terminal
    Ascii,
    /// Nodes and edges
    Json,
}

#[derive(Debug, Args)]
pub(super) struct Validate {
    /// Baselines; the one of --baseline when there is none
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<String>,
    #[command(flatten)]
    pub(super) baseline: Baseline,
    #[command(flatten)]
    pub(super) waivers: WaiversFile,
    #[command(flatten)]
    pub(super) display: Display,
    /// What to print what was found as
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    pub(super) format: ValidateFormat,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub(super) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ValidateFormat {
    /// Messages with the lines that they are about
    Text,
    /// Whether it is valid, and each problem with its place
    Json,
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The check: `postgres`, `ssh@data188`, or `ssh` for it on every host; or a phase or release
    pub(super) name: String,
    #[command(flatten)]
    pub(super) baseline: Baseline,
    #[command(flatten)]
    pub(super) display: Display,
}

#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Of what
    #[arg(value_name = "OF", default_value = "baseline", value_enum)]
    pub(super) of: SchemaOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaOf {
    /// A baseline file
    Baseline,
    /// The card that `check --json` prints
    Scorecard,
    /// A waivers file
    Waivers,
}

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// For which shell
    #[arg(value_enum)]
    pub(super) shell: Shell,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// A length of time as a baseline spells it; the runbook's bare numbers are seconds.
fn span(text: &str) -> Result<Duration, String> {
    let span = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse()
            .map(Duration::from_secs)
            .map_err(|_| "too long".to_owned())?
    } else {
        baseline::parse_time_span(text)?
    };
    if span.is_zero() {
        return Err("has to be longer than 0".to_owned());
    }
    Ok(span)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_arguments_hold_together() {
        Arguments::command().debug_assert();
    }

    #[rstest]
    #[case("60", Ok(60))]
    #[case("60s", Ok(60))]
    #[case("1h30m", Ok(5_400))]
    #[case("0", Err("has to be longer than 0"))]
    #[case("0s", Err("has to be longer than 0"))]
    #[case("", Err("expected a duration such as 5s, saw ``"))]
    #[case("-5", Err("expected a duration such as 5s, saw `-5`"))]
    #[case("99999999999999999999", Err("too long"))]
    fn spans(#[case] text: &str, #[case] expected: Result<u64, &str>) {
        let expected = expected.map(Duration::from_secs).map_err(str::to_owned);
        assert_eq!(span(text), expected);
    }

    #[rstest]
    #[case("a=b", Ok(("a", "b")))]
    #[case("a=", Ok(("a", "")))]
    #[case("a=b=c", Ok(("a", "b=c")))]
    #[case("=b", Err(()))]
    #[case("a", Err(()))]
    fn variables(#[case] text: &str, #[case] expected: Result<(&str, &str), ()>) {
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(variable(text).map_err(drop), expected);
    }
}
