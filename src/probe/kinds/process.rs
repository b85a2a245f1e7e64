//! `process`: processes of a host run.

mod table;

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

use self::table::{Dialect, Row};
use super::answer;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target, Type, Unit,
};
use crate::transport::command::{Output, ReadOnlyCommand};

/// Counts the processes of the host that have a name, or whose command line
/// matches a pattern. For what systemd does not start; a unit is better asked
/// for by `systemd`.
///
/// What coldstart itself runs to look is not counted. Command lines are looked
/// at and never shown: they may hold secrets. No such process is a fact and no
/// fault. Of the commands below each is sent only where the `ps` of the host
/// did not know the options of the one before: the later ones are busybox's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// The name of the program as the kernel has it: `nginx`, `redis-server`.
    /// Linux keeps 15 characters of it, and so many are compared.
    #[serde(default)]
    name: Option<String>,
    /// A regular expression that is found in the command line, arguments and
    /// all, instead of `name`: `java .*-jar /opt/app\.jar`. Anchor it with `^`
    /// and `$` where it has to be all of it. Letters beyond ASCII appear as `?`.
    #[serde(default)]
    pattern: Option<String>,
}

enum Wanted<'a> {
    Name(&'a str),
    Pattern(Regex),
}

impl Wanted<'_> {
    fn is(&self, row: &Row<'_>) -> bool {
        match self {
            Self::Name(name) => {
                row.name == *name || row.name.len() >= table::KERNELS && name.starts_with(row.name)
            }
            Self::Pattern(pattern) => pattern.is_match(row.command_line),
        }
    }
}

/// Bounds the work that a pattern makes; patterns of people are far below.
const MOST_OF_A_PATTERN: usize = 1 << 20;

fn compiled(pattern: &str) -> Result<Regex, regex::Error> {
    regex::RegexBuilder::new(pattern)
        .size_limit(MOST_OF_A_PATTERN)
        .build()
}

impl Process {
    fn wanted(&self) -> Result<Wanted<'_>, OptionProblem> {
        let problem = |path: &[&str], message: String, suggestion: Option<String>| OptionProblem {
            path: path.iter().map(|&part| part.to_owned()).collect(),
            message,
            suggestion,
        };
        match (&self.name, &self.pattern) {
            (None, None) => Err(problem(
                &[],
                "which processes?".to_owned(),
                Some("name them by `name` or by `pattern`".to_owned()),
            )),
            (Some(_), Some(_)) => Err(problem(
                &["pattern"],
                "a process is looked for by `name` or by `pattern`, not by both".to_owned(),
                Some("leave one of them out".to_owned()),
            )),
            (Some(name), None) => {
                if let Some((_, program)) = name.rsplit_once('/') {
                    return Err(problem(
                        &["name"],
                        format!("{name:?} is a path, and the kernel keeps the name alone"),
                        Some(format!("name: {program}")),
                    ));
                }
                let plain = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
                if name.trim() != name || name.is_empty() || !name.bytes().all(plain) {
                    return Err(problem(
                        &["name"],
                        format!("{name:?} is no name that `ps` would print"),
                        Some("a name such as `nginx`, or use `pattern`".to_owned()),
                    ));
                }
                Ok(Wanted::Name(name))
            }
            (None, Some(pattern)) => match compiled(pattern) {
                Ok(pattern) if pattern.is_match("") => Err(problem(
                    &["pattern"],
                    "this pattern matches every process".to_owned(),
                    None,
                )),
                Ok(pattern) => Ok(Wanted::Pattern(pattern)),
                Err(error) => Err(problem(
                    &["pattern"],
                    format!("{pattern:?} is no regular expression: {error}"),
                    None,
                )),
            },
        }
    }

    fn dialects(target: &Target) -> &'static [Dialect] {
        let local = target.host.as_deref().is_some_and(|host| host.local);
        if local && cfg!(target_os = "macos") {
            &[Dialect::Mac]
        } else {
            &[Dialect::Procps, Dialect::Busybox, Dialect::SmallBusybox]
        }
    }

    fn commands(target: &Target, policy: &Policy) -> Vec<Result<ReadOnlyCommand, String>> {
        Self::dialects(target)
            .iter()
            .map(|dialect| {
                ReadOnlyCommand::from_args(policy, dialect.args().iter().copied())
                    .map_err(|refused| refused.message)
            })
            .collect()
    }
}

impl Kind for Process {
    const NAME: &'static str = "process";
    const SUMMARY: &'static str = "processes of a host run";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::new(
            "running",
            Type::Bool,
            "There is such a process that has not ended.",
        ),
        FactSpec::number(
            "count",
            Unit::Count,
            "Such processes, without zombies; absent like all but `running` when the host shows the login only processes of its own.",
        ),
        FactSpec::number(
            "oldest_age_s",
            Unit::Seconds,
            "Time since the oldest of them started; busybox tells it in whole minutes or hours when it is long, and some builds not at all.",
        ),
        FactSpec::number(
            "youngest_age_s",
            Unit::Seconds,
            "Time since the youngest of them started: small when something is started again and again.",
        ),
        FactSpec::number(
            "rss_bytes",
            Unit::Bytes,
            "Memory that they have resident, added up; what they share counts for each.",
        ),
        FactSpec::number(
            "uninterruptible_count",
            Unit::Count,
            "Those in state `D`: they wait for a disk or a network file system, and nothing can end them.",
        ),
        FactSpec::number(
            "zombie_count",
            Unit::Count,
            "Such processes in state `Z`: they have ended and their parent has not asked how.",
        ),
    ];
    const EXAMPLE: &'static str =
        "title: the backup agent runs\non: data188\nprocess: { name: backup-agent }\n";

    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let refused = Self::commands(target, policy)
            .into_iter()
            .filter_map(Result::err)
            .map(|message| OptionProblem {
                path: Vec::new(),
                message,
                suggestion: None,
            });
        self.wanted().err().into_iter().chain(refused).collect()
    }

    fn defaults(&self) -> Defaults {
        Defaults::require(["running"])
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        let what = self.name.as_deref().or(self.pattern.as_deref());
        format!(
            "a count of the processes {} on {host}",
            what.unwrap_or_default()
        )
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        Self::commands(target, policy)
            .into_iter()
            .flatten()
            .map(|command| target.exec_request(&command))
            .collect()
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let wanted = self
            .wanted()
            .map_err(|problem| Fault::new(FaultKind::LocalSetup, problem.message))?;
        let local = context.host()?.local;
        let (dialect, text) = processes(context).await?;
        let rows = table::parse(dialect, &text)?;
        let own = local.then(std::process::id);
        let others = rows.iter().filter(|row| !row.is_ours(own));
        let matching: Vec<&Row<'_>> = others.filter(|row| wanted.is(row)).collect();
        // Where /proc is mounted with `hidepid`, others do not even see that.
        if !rows.iter().any(|row| row.pid == 1) {
            return partial(&matching, context);
        }
        Ok(facts(&matching))
    }
}

/// The table that the first `ps` there is prints, and which one that was.
async fn processes(context: &Context) -> Result<(Dialect, String), Fault> {
    let host = context.host()?;
    let mut complaint = String::new();
    for &dialect in Process::dialects(&context.target) {
        let args = dialect.args().iter().copied();
        let command = answer::command(&context.transports.policy, args)?;
        let output = context.exec(&command).await?;
        let status = answer::status(&output, "ps", host)?;
        if output.truncated {
            return Err(Fault::new(
                FaultKind::Protocol,
                "ps printed more than is kept",
            ));
        }
        if status == 0 {
            return Ok((dialect, ascii(&output.stdout)));
        }
        if !knows_other_options(&output) {
            return Err(Fault::new(
                FaultKind::Protocol,
                format!(
                    "ps ended with status {status}: {}",
                    answer::complaint(&output)
                ),
            ));
        }
        complaint = answer::complaint(&output);
    }
    let place = if host.local { "this machine" } else { &host.id };
    Err(Fault::new(
        FaultKind::Missing,
        format!("the ps on {place} tells neither names nor states: {complaint}"),
    ))
}

/// With `?` for what is not ASCII, as procps prints it: the columns' widths
/// count bytes.
fn ascii(bytes: &[u8]) -> String {
    let plain = |&byte: &u8| {
        if byte.is_ascii() {
            char::from(byte)
        } else {
            '?'
        }
    };
    bytes.iter().map(plain).collect()
}

fn knows_other_options(output: &Output) -> bool {
    let text = answer::stderr(output).to_lowercase();
    ["busybox", "option", "-o argument", "specifier", "keyword"]
        .iter()
        .any(|words| text.contains(words))
}

fn is_zombie(row: &&&Row<'_>) -> bool {
    row.state.starts_with(['Z', 'X'])
}

/// Some of the host's processes are hidden: what was found is there, and
/// nothing can be said of the rest.
fn partial(matching: &[&Row<'_>], context: &Context) -> Result<Facts, Fault> {
    if matching.iter().any(|row| !is_zombie(&row)) {
        let mut facts = Facts::new();
        facts.set("running", true);
        return Ok(facts);
    }
    Err(Fault::new(
        FaultKind::Denied,
        format!(
            "the host shows {} only processes of its own: process 1 is not in the list",
            if context.host()?.local {
                "this user"
            } else {
                "the login"
            }
        ),
    ))
}

fn facts(matching: &[&Row<'_>]) -> Facts {
    let zombies = matching.iter().filter(is_zombie).count();
    let living: Vec<&Row<'_>> = matching
        .iter()
        .filter(|row| !is_zombie(row))
        .copied()
        .collect();
    let mut facts = Facts::new();
    facts.set("running", !living.is_empty());
    facts.set("count", count(living.len()));
    facts.set("zombie_count", count(zombies));
    let stuck = living.iter().filter(|row| row.state.starts_with('D'));
    facts.set("uninterruptible_count", count(stuck.count()));
    if living.is_empty() {
        return facts;
    }
    let ages: Option<Vec<f64>> = living.iter().map(|row| row.age_s).collect();
    if let Some(ages) = ages {
        facts.set_some("oldest_age_s", ages.iter().copied().reduce(f64::max));
        facts.set_some("youngest_age_s", ages.iter().copied().reduce(f64::min));
    }
    let memory: Option<Vec<f64>> = living.iter().map(|row| row.rss_bytes).collect();
    facts.set_some("rss_bytes", memory.map(|each| each.iter().sum::<f64>()));
    facts
}

#[expect(clippy::cast_precision_loss, reason = "no host has 2^52 processes")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;
