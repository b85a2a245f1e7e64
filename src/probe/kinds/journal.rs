//! `journal`: lines of systemd's journal.

mod entry;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use self::entry::{Entry, Told};
use super::dated;
use super::lines::{self, MOST, Seen, Sought, Span};
use super::{answer, file};
use crate::probe::pattern::Patterns;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Host, Kind, OptionProblem, Place, Policy,
    Request, Target, Type,
};
use crate::transport::command::{Output, ReadOnlyCommand};

/// Reads the newest lines of the journal: of a unit, of the kernel, or of the
/// whole host. Looks for texts in them, or shows them; as a check of its own
/// or below a check's `diagnose:`.
///
/// The login has to be of the group `systemd-journal` or `adm`, or `sudo: true`
/// has to work: who may not read the journal sees a part of it, which is a
/// fault here and never an empty journal.
///
/// A unit that does not exist has no lines: that is a fact and no fault.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// The unit: `postgresql@14-main`, `k3s`, or a pattern such as `gitea*`.
    #[serde(default)]
    unit: Option<String>,
    /// Messages of the kernel, of this boot: errors of disks and file systems.
    #[serde(default)]
    kernel: bool,
    /// How far back to look: `6h`. One hour when left out, and all of this boot
    /// with `boot` or `kernel`.
    #[serde(default)]
    since: Option<Span>,
    /// Only since the host booted.
    #[serde(default)]
    boot: bool,
    /// Only messages as grave as this or graver: `emerg`, `alert`, `crit`, `err`,
    /// `warning`, `notice`, `info` or `debug`.
    #[serde(default)]
    priority: Option<Priority>,
    /// What the lines have to have, each of it in one line at least: a text, or
    /// `regex:` with a regular expression.
    #[serde(default, rename = "match")]
    matching: Patterns,
    /// What no line may have.
    #[serde(default)]
    absent: Patterns,
    /// How many messages to look at, the newest. Built in: 200, or 5000 with
    /// `match` or `absent`.
    #[serde(default)]
    #[schemars(range(min = 1, max = MOST))]
    lines: Option<u32>,
    /// Ask by `sudo -n`.
    #[serde(default)]
    sudo: bool,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "JournalPriority")]
enum Priority {
    Emerg,
    Alert,
    Crit,
    Err,
    Warning,
    Notice,
    Info,
    Debug,
}

impl Priority {
    fn name(self) -> &'static str {
        match self {
            Self::Emerg => "emerg",
            Self::Alert => "alert",
            Self::Crit => "crit",
            Self::Err => "err",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

const HOUR: u64 = 3600;

impl Journal {
    fn sought(&self) -> Sought<'_> {
        Sought::new(&self.matching, &self.absent)
    }

    fn wanted(&self) -> u32 {
        self.sought().lines(self.lines)
    }

    /// One message more than is looked at, so that more are noticed.
    fn command(&self) -> Vec<String> {
        let sudo: &[&str] = if self.sudo { &["sudo", "-n"] } else { &[] };
        let mut args: Vec<String> = sudo
            .iter()
            .chain(&["journalctl", "--no-pager", "--output=json"])
            // In full, and as bytes where it is no text: `--all`. The newest
            // first, so that those are what a cut leaves.
            .chain(&["--output-fields=MESSAGE", "--all", "--reverse"])
            .map(ToString::to_string)
            .collect();
        args.push(format!("--lines={}", self.wanted() + 1));
        if self.boot {
            args.push("--boot".to_owned());
        }
        if self.kernel {
            args.push("--dmesg".to_owned());
        }
        let since = self.since.map(Span::seconds);
        let whole_boot = self.boot || self.kernel;
        if let Some(seconds) = since.or((!whole_boot).then_some(HOUR)) {
            args.push(format!("--since=-{seconds}s"));
        }
        if let Some(priority) = self.priority {
            args.push(format!("--priority={}", priority.name()));
        }
        if let Some(unit) = &self.unit {
            args.push(format!("--unit={unit}"));
        }
        args
    }

    fn commands(&self) -> [Vec<String>; 2] {
        [self.command(), file::date()]
    }

    fn whose(&self) -> String {
        match (&self.unit, self.kernel) {
            (Some(unit), _) => format!("the journal of {unit}"),
            (None, true) => "the kernel's messages".to_owned(),
            (None, false) => "the journal".to_owned(),
        }
    }

    fn read(&self, output: &Output, told: &Told, host: &Host) -> Result<Seen, Fault> {
        let text = String::from_utf8_lossy(&output.stdout);
        let mut entries: Vec<Entry> = Vec::new();
        let mut records = text
            .lines()
            .filter(|line| !line.starts_with("-- "))
            .peekable();
        while let Some(record) = records.next() {
            match Entry::parse(record) {
                Some(entry) => entries.push(entry),
                // The cut went through it.
                None if output.truncated && records.peek().is_none() => {}
                None => {
                    let start: String = record.chars().take(100).collect();
                    return Err(Fault::new(
                        FaultKind::Protocol,
                        format!(
                            "journalctl on {} printed no JSON: {start:?}",
                            answer::place(host)
                        ),
                    ));
                }
            }
        }
        let wanted = usize::try_from(self.wanted()).unwrap_or(usize::MAX);
        let more = entries.len() > wanted;
        entries.truncate(wanted);
        let newest = entries
            .first()
            .and_then(|entry| Timestamp::from_microsecond(entry.microseconds?).ok());
        entries.reverse();
        Ok(Seen {
            lines: entries.into_iter().flat_map(|entry| entry.lines).collect(),
            newest,
            whole: !more && !output.truncated && told.complaints.is_empty(),
        })
    }
}

impl Kind for Journal {
    const NAME: &'static str = "journal";
    const SUMMARY: &'static str = "the journal of a host has the lines that it should";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &[
        lines::LINE_COUNT,
        lines::LINES,
        FactSpec::new(
            "newest",
            Type::Time,
            "When the newest of the lines was written, by the host's clock. Absent where there is none.",
        ),
        lines::NEWEST_AGE,
        dated::NOW,
        lines::MATCHED,
        lines::MATCHED_COUNT,
        lines::MISSING,
        lines::UNWANTED,
        FactSpec::new(
            "truncated",
            Type::Bool,
            "There is more in the time asked for than was looked at: more messages than `lines`, more than 1 MiB, or a journal file that cannot be read.",
        ),
        FactSpec::new(
            "stderr",
            Type::Text,
            "What journalctl complains of: a journal file that the power cut damaged. Absent where it does not.",
        ),
    ];
    const EXAMPLE: &'static str = "title: PostgreSQL found its checkpoint\non: data188\njournal: { unit: postgresql@14-main, boot: true, absent: [could not locate a valid checkpoint record, { regex: 'PANIC:' }] }\n";

    fn problems(&self, _: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        let mut problem = |path: &str, message: String, suggestion: &str| {
            problems.push(OptionProblem {
                path: vec![path.to_owned()],
                message,
                suggestion: Some(suggestion.to_owned()),
            });
        };
        if let Some(unit) = &self.unit {
            let is_plain =
                |next: char| next.is_ascii_alphanumeric() || ":-_.\\@*?[]".contains(next);
            if unit.is_empty() || unit.starts_with('-') || !unit.chars().all(is_plain) {
                problem(
                    "unit",
                    format!("{unit:?} is no name of a unit"),
                    "a name such as `postgresql@14-main`, or a pattern such as `gitea*`",
                );
            }
            if self.kernel {
                problem(
                    "kernel",
                    "the kernel is of no unit".to_owned(),
                    "leave `unit` or `kernel` out",
                );
            }
        }
        if problems.is_empty() {
            let refused = self
                .commands()
                .into_iter()
                .find_map(|args| ReadOnlyCommand::from_args(policy, args).err());
            problems.extend(refused.map(|refused| OptionProblem {
                path: Vec::new(),
                message: refused.message,
                suggestion: None,
            }));
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        self.sought().defaults(&[])
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        format!("{} on {host}", self.whose())
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        target.exec_requests(self.commands(), policy)
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let policy = &context.transports.policy;
        let [journal, date] = self.commands();
        let (journal, date) = (
            answer::command(policy, journal)?,
            answer::command(policy, date)?,
        );
        let (output, date) = tokio::join!(context.exec_capped(&journal), context.exec(&date));
        let (output, date) = (output?, date?);
        let host = context.host()?;
        // What is cut off has no status, and the newest of it is there.
        let status = if output.truncated {
            0
        } else {
            answer::status(&output, "journalctl", host)?
        };
        let told = Told::of(&output, status, host, &self.whose())?;
        let seen = self.read(&output, &told, host)?;
        let mut facts = Facts::new();
        let now = answer::stdout(&date).trim().parse::<i64>().ok();
        seen.set(self.sought(), now, &mut facts);
        let complaints = told.complaints.join("\n");
        facts.set_some("stderr", Some(complaints).filter(|text| !text.is_empty()));
        Ok(facts)
    }
}

#[cfg(test)]
mod tests;
