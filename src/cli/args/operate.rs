//! The arguments of what runs without anybody in front of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Baseline, Display, StateFile, WaiversFile, span};

/// For cron and timers: a run that nobody sits in front of.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Monitor {
    /// Run as a monitor: one at a time, the whole baseline, within --deadline (built in: 8m), no alert test
    #[arg(long, conflicts_with_all = ["watch", "only", "skip", "send_alert_test"])]
    pub(in crate::cli) monitor_read_only: bool,
    /// Write the metrics of the monitor to this file
    #[arg(long, value_name = "PATH", requires = "monitor_read_only")]
    pub(in crate::cli) textfile: Option<PathBuf>,
    /// Write the card to this file, and nothing to standard output
    #[arg(long, value_name = "PATH", requires = "monitor_read_only")]
    pub(in crate::cli) log: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Install {
    #[command(subcommand)]
    pub(in crate::cli) scheduler: Scheduler,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Scheduler {
    /// A marked block in this user's crontab
    Cron(Installation),
    /// A service and its timer
    Systemd(Units),
}

/// What is run how often, and whether to put it there.
#[derive(Debug, Args)]
pub(in crate::cli) struct Installation {
    #[command(flatten)]
    pub(in crate::cli) baseline: Baseline,
    #[command(flatten)]
    pub(in crate::cli) display: Display,
    #[command(flatten)]
    pub(in crate::cli) waivers: WaiversFile,
    #[command(flatten)]
    pub(in crate::cli) state: StateFile,
    /// Time between two runs: a part of an hour or of a day, as 10m, 1h, 24h
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = every)]
    pub(in crate::cli) every: Every,
    /// Time for each run; four fifths of --every when not said
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(in crate::cli) deadline: Option<Duration>,
    /// Where each run writes its metrics
    #[arg(long, value_name = "PATH", required_unless_present = "remove")]
    pub(in crate::cli) textfile: Option<PathBuf>,
    /// Where each run writes its card
    #[arg(long, value_name = "PATH", required_unless_present = "remove")]
    pub(in crate::cli) log: Option<PathBuf>,
    /// SSH configuration for each run
    #[arg(long, value_name = "FILE", env = "COLDSTART_SSH_CONFIG")]
    pub(in crate::cli) ssh_config: Option<PathBuf>,
    /// What it is called, for more than one monitor on a machine
    #[arg(long, value_name = "NAME", default_value = "monitor", value_parser = name)]
    pub(in crate::cli) name: String,
    /// Put it there instead of printing it; again changes nothing
    #[arg(long)]
    pub(in crate::cli) apply: bool,
    /// Take out what --apply put there, and nothing else
    #[arg(long, conflicts_with = "apply")]
    pub(in crate::cli) remove: bool,
}

/// Where units go.
#[derive(Debug, Args)]
pub(in crate::cli) struct Units {
    #[command(flatten)]
    pub(in crate::cli) installation: Installation,
    /// Units of this user instead of the system's
    #[arg(long)]
    pub(in crate::cli) user: bool,
    /// Run the system's service as this user, whose SSH keys it then uses
    #[arg(long = "as", value_name = "USER", conflicts_with = "user", value_parser = name)]
    pub(in crate::cli) run_as: Option<String>,
    /// Another folder for the units; systemd is not told of them then
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) units: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Rules {
    #[command(flatten)]
    pub(in crate::cli) baseline: Baseline,
    #[command(flatten)]
    pub(in crate::cli) display: Display,
    /// Time between two runs of the monitor, as `install` was told
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = every)]
    pub(in crate::cli) every: Every,
}

/// How often a monitor runs, as cron and systemd's calendar can both say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Every {
    /// Less than an hour, which it divides.
    Minutes(u32),
    /// Whole hours that divide a day.
    Hours(u32),
}

impl Every {
    /// The same as a length of time.
    pub(in crate::cli) fn span(self) -> Duration {
        match self {
            Self::Minutes(minutes) => Duration::from_secs(60 * u64::from(minutes)),
            Self::Hours(hours) => Duration::from_secs(3_600 * u64::from(hours)),
        }
    }
}

fn every(text: &str) -> Result<Every, String> {
    let span = span(text)?;
    let minutes = u32::try_from(span.as_secs() / 60).unwrap_or(u32::MAX);
    let every = match minutes {
        1..60 if 60 % minutes == 0 => Every::Minutes(minutes),
        60.. if minutes % 60 == 0 && (24 * 60) % minutes == 0 => Every::Hours(minutes / 60),
        // A last period that is shorter than the others would let two runs meet.
        _ => Every::Minutes(0),
    };
    if every.span() == span {
        Ok(every)
    } else {
        Err("expected what divides an hour or a day: 5m, 10m, 15m, 30m, 1h, 6h, 24h".to_owned())
    }
}

/// What may stand in the name of a unit, of a user and in a comment.
fn name(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) && !text.starts_with(['-', '.']) {
        Ok(text.to_owned())
    } else {
        Err("expected letters, digits, `_`, `-` and `.`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("10m", Some(Every::Minutes(10)))]
    #[case("600", Some(Every::Minutes(10)))]
    #[case("1m", Some(Every::Minutes(1)))]
    #[case("60m", Some(Every::Hours(1)))]
    #[case("24h", Some(Every::Hours(24)))]
    #[case("1d", Some(Every::Hours(24)))]
    #[case("7m", None)]
    #[case("90m", None)]
    #[case("5h", None)]
    #[case("48h", None)]
    #[case("90s", None)]
    #[case("1s", None)]
    #[case("100000000d", None)]
    fn periods(#[case] text: &str, #[case] expected: Option<Every>) {
        assert_eq!(every(text).ok(), expected);
    }

    #[rstest]
    #[case("monitor", true)]
    #[case("full-stack_2.test", true)]
    #[case("", false)]
    #[case("../x", false)]
    #[case("-x", false)]
    #[case("a b", false)]
    #[case("a\nb", false)]
    #[case("資料", false)]
    fn names(#[case] text: &str, #[case] is_one: bool) {
        assert_eq!(name(text).is_ok(), is_one);
    }
}
