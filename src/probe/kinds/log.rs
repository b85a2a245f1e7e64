//! `log`: the end of a log file, or of a container's log.

mod container;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::dated;
use super::engine::Engine;
use super::lines::{self, MOST, Seen, Sought, Span, plain};
use super::{answer, file};
use crate::probe::pattern::Patterns;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target, Type,
};
use crate::transport::command::ReadOnlyCommand;

/// Reads the newest lines of a file, or of what a container printed. Looks for
/// texts in them, or shows them; as a check of its own or below a check's
/// `diagnose:`.
///
/// The lines of a file have no time that could be told, so that its last
/// `lines` are looked at, however old; of a container those since `since`.
///
/// A file or a container that does not exist is a fact; one that may not be
/// read is a fault.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The file.
    #[serde(default)]
    #[schemars(extend("pattern" = "^/"))]
    path: Option<String>,
    /// The container, by its name or id.
    #[serde(default)]
    container: Option<String>,
    /// The program that knows the container. Built in: `docker`.
    #[serde(default)]
    engine: Option<Engine>,
    /// How far back to look in a container's log: `6h`. One hour when left out.
    #[serde(default)]
    since: Option<Span>,
    /// What the lines have to have, each of it in one line at least: a text, or
    /// `regex:` with a regular expression.
    #[serde(default, rename = "match")]
    matching: Patterns,
    /// What no line may have.
    #[serde(default)]
    absent: Patterns,
    /// How many lines to look at, the newest. Built in: 200, or 5000 with
    /// `match` or `absent`.
    #[serde(default)]
    #[schemars(range(min = 1, max = MOST))]
    lines: Option<u32>,
    /// Ask for a container's log by `sudo -n`.
    #[serde(default)]
    sudo: bool,
}

/// Where the lines are.
enum Source<'a> {
    File(&'a str),
    Container(&'a str),
}

const HOUR: u64 = 3600;

/// As much as is read of the end of a file; what a command may print is 1 MiB.
const BYTES: usize = 1_000_000;

impl Log {
    fn sought(&self) -> Sought<'_> {
        Sought::new(&self.matching, &self.absent)
    }

    fn wanted(&self) -> u32 {
        self.sought().lines(self.lines)
    }

    fn wanted_lines(&self) -> usize {
        usize::try_from(self.wanted()).unwrap_or(usize::MAX)
    }

    fn source(&self) -> Option<Source<'_>> {
        match (&self.path, &self.container) {
            (Some(path), None) => Some(Source::File(path)),
            (None, Some(container)) => Some(Source::Container(container)),
            (Some(_), Some(_)) | (None, None) => None,
        }
    }

    /// The end of a file in bytes first: of lines alone, one that is too long
    /// would push the newest over the bound.
    fn tail(&self, path: &str) -> Vec<Vec<String>> {
        let bytes = format!("{}", BYTES + 1);
        let lines = self.wanted().to_string();
        [
            ["tail", "-c", &bytes, path].as_slice(),
            &["tail", "-n", &lines],
        ]
        .iter()
        .map(|args| args.iter().map(ToString::to_string).collect())
        .collect()
    }

    /// One line more than is looked at, so that more are noticed.
    fn logs(&self, container: &str) -> Vec<String> {
        let engine = self.engine.unwrap_or_default().name();
        let sudo: &[&str] = if self.sudo { &["sudo", "-n"] } else { &[] };
        let since = self.since.map_or(HOUR, Span::seconds);
        let (since, tail) = (
            format!("--since={since}s"),
            format!("--tail={}", self.wanted() + 1),
        );
        sudo.iter()
            .chain(&[engine, "logs", "--timestamps", &since, &tail, container])
            .map(ToString::to_string)
            .collect()
    }

    fn commands(&self, target: &Target, policy: &Policy) -> Result<Vec<ReadOnlyCommand>, String> {
        let refused = |refused: crate::transport::command::Refused| refused.message;
        let one = |args: Vec<String>| ReadOnlyCommand::from_args(policy, args).map_err(refused);
        match self.source() {
            Some(Source::File(path)) => Ok(vec![
                one(file::stat(path, target))?,
                one(file::date())?,
                ReadOnlyCommand::from_pipeline(policy, self.tail(path)).map_err(refused)?,
            ]),
            Some(Source::Container(container)) => {
                Ok(vec![one(self.logs(container))?, one(file::date())?])
            }
            None => Ok(Vec::new()),
        }
    }

    async fn file(&self, context: &Context, path: &str) -> Result<Facts, Fault> {
        let policy = &context.transports.policy;
        let mut facts = Facts::new();
        let date = answer::command(policy, file::date())?;
        let (stat, date) = tokio::join!(file::look_at(context, path), context.exec(&date));
        let (stat, date) = (stat?, date?);
        let Some(stat) = stat else {
            facts.set("exists", false);
            return Ok(facts);
        };
        if stat.kind != "file" {
            // To read a fifo would take from it.
            return Err(Fault::new(
                FaultKind::Protocol,
                format!("{path} is a {} and no file", stat.kind),
            ));
        }
        let tail = ReadOnlyCommand::from_pipeline(policy, self.tail(path))
            .map_err(|refused| Fault::new(FaultKind::LocalSetup, refused.message))?;
        let output = context.exec(&tail).await?;
        // The status is that of the second `tail`, which had nothing to fail at.
        answer::status(&output, "tail", context.host()?)?;
        let complaints = answer::stderr(&output);
        if let Some(complaint) = complaints.lines().find(|line| line.contains(path)) {
            let kind = if complaint.contains("ermission denied") {
                FaultKind::Denied
            } else {
                FaultKind::Protocol
            };
            let seen = format!("{path} may not be read: {complaint}");
            return Err(Fault::new(kind, seen));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let mut seen: Vec<String> = text.lines().map(plain).collect();
        let all_bytes = output.stdout.len() <= BYTES;
        if !all_bytes && !seen.is_empty() {
            // The cut went through the first one.
            seen.remove(0);
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let whole_file = stat.size <= BYTES as f64;
        let seen = Seen {
            newest: Timestamp::from_second(stat.modified).ok(),
            // Fewer lines of a longer file: there are more than were read.
            whole: whole_file || seen.len() >= self.wanted_lines(),
            lines: seen,
        };
        facts.set("exists", true);
        let now = answer::stdout(&date).trim().parse().ok();
        seen.set(self.sought(), now, &mut facts);
        Ok(facts)
    }

    async fn container(&self, context: &Context, container: &str) -> Result<Facts, Fault> {
        let policy = &context.transports.policy;
        let logs = answer::command(policy, self.logs(container))?;
        let date = answer::command(policy, file::date())?;
        let (output, date) = tokio::join!(context.exec_with_errors(&logs), context.exec(&date));
        let (output, date) = (output?, date?);
        let engine = self.engine.unwrap_or_default().name();
        let mut facts = Facts::new();
        let told = container::read(&output, engine, container, context.host()?)?;
        let Some(seen) = told else {
            facts.set("exists", false);
            return Ok(facts);
        };
        facts.set("exists", true);
        let now = answer::stdout(&date).trim().parse().ok();
        let seen = seen.newest(self.wanted_lines());
        seen.set(self.sought(), now, &mut facts);
        Ok(facts)
    }
}

impl Kind for Log {
    const NAME: &'static str = "log";
    const SUMMARY: &'static str = "a log file or a container's log has the lines that it should";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::new(
            "exists",
            Type::Bool,
            "There is such a file or container. When there is none, this is the only fact.",
        ),
        lines::LINE_COUNT,
        lines::LINES,
        FactSpec::new(
            "newest",
            Type::Time,
            "When the container printed the newest of the lines, absent where there is none; when the file last changed. By the host's clock.",
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
            "There is more in what was asked for than was looked at: more of a container's lines since `since` than `lines`, or more than 1 MB.",
        ),
    ];
    const EXAMPLE: &'static str = "title: the schedules of momo are registered\non: data188\nlog: { container: momo-scheduler, since: 6h, match: 全部排程任務已註冊 }\n";

    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        let mut problem = |path: &str, message: String, suggestion: &str| {
            problems.push(OptionProblem {
                path: [path]
                    .iter()
                    .filter(|key| !key.is_empty())
                    .map(ToString::to_string)
                    .collect(),
                message,
                suggestion: Some(suggestion.to_owned()),
            });
        };
        match self.source() {
            None if self.path.is_some() => problem(
                "container",
                "a log is of a file or of a container".to_owned(),
                "leave `path` or `container` out",
            ),
            None => problem(
                "",
                "it names no log".to_owned(),
                "add `path:` with a file, or `container:` with a name",
            ),
            Some(Source::File(path)) => {
                if !path.starts_with('/') {
                    problem(
                        "path",
                        format!("{path:?} is not an absolute path"),
                        &format!("/{}", path.trim_start_matches("./")),
                    );
                }
                if self.since.is_some() {
                    problem(
                        "since",
                        "the lines of a file have no time that could be told".to_owned(),
                        "say by `lines` how many to look at, and ask for `newest_age_s`",
                    );
                }
                if self.engine.is_some() {
                    problem(
                        "engine",
                        "a file is of no container".to_owned(),
                        "leave it out",
                    );
                }
                if self.sudo {
                    problem(
                        "sudo",
                        "a file is read by the login itself".to_owned(),
                        "leave it out, and let the login read the file",
                    );
                }
            }
            Some(Source::Container(name)) => {
                let is_plain = |next: char| next.is_ascii_alphanumeric() || "_.-".contains(next);
                if !name.starts_with(|first: char| first.is_ascii_alphanumeric())
                    || !name.chars().all(is_plain)
                {
                    problem(
                        "container",
                        format!("{name:?} is no name of a container"),
                        "a name such as `momo-scheduler`, as `docker ps` shows it",
                    );
                }
            }
        }
        if problems.is_empty()
            && let Err(message) = self.commands(target, policy)
        {
            problems.push(OptionProblem {
                path: Vec::new(),
                message,
                suggestion: None,
            });
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        self.sought().defaults(&["exists"])
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        match self.source() {
            Some(Source::File(path)) => format!("the end of {path} on {host}"),
            Some(Source::Container(name)) => format!("the log of {name} on {host}"),
            None => format!("a log on {host}"),
        }
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        let commands = self.commands(target, policy).unwrap_or_default();
        let requests = commands.iter().map(|command| target.exec_request(command));
        requests.collect()
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        match self.source() {
            Some(Source::File(path)) => self.file(context, path).await,
            Some(Source::Container(name)) => self.container(context, name).await,
            None => Err(Fault::new(
                FaultKind::Internal,
                "the plan lets through no log without a name",
            )),
        }
    }
}

#[cfg(test)]
mod tests;
