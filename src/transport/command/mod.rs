//! Commands that only read. A [`ReadOnlyCommand`] is the one thing that the
//! SSH and local runners execute, and it exists only when every program of its
//! pipeline passed the [`Policy`].

mod acting;
pub mod address;
mod allow;
mod lexer;
mod options;
mod quoting;
mod refusals;
mod rules;
#[cfg(test)]
mod tests;
mod values;
mod variables;

use std::fmt;
use std::time::Duration;

pub(super) use quoting::quote;
use rules::Allowed;
pub use variables::{Values, Variable};

/// What may run: the built-in allow-list, which `docs/commands.md` shows, plus
/// the baseline's `policy.allow`.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    extra: Vec<Vec<String>>,
}

/// A pipeline of argument lists that the policy found to be read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOnlyCommand {
    pipeline: Vec<Vec<String>>,
    by_extension: bool,
    variables: Vec<Variable>,
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong and what would be accepted.
    pub message: String,
    /// Where in a command line it is, as a byte offset; absent when it is not
    /// about one place, and for argument lists.
    pub at: Option<usize>,
}

impl Refused {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            at: None,
        }
    }

    /// About the place `at` bytes into `text`; the message counts characters.
    fn at(text: &str, at: usize, message: impl Into<String>) -> Self {
        let column = text.get(..at).unwrap_or(text).chars().count() + 1;
        Self {
            message: format!("at character {column}: {}", message.into()),
            at: Some(at),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

impl ReadOnlyCommand {
    /// From an argument list, as kinds build them.
    ///
    /// # Errors
    /// [`Refused`] when the policy does not know the program, subcommand or flag as read-only.
    pub fn from_args<I, S>(policy: &Policy, args: I) -> Result<Self, Refused>
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Self::checked(policy, vec![args.into_iter().map(Into::into).collect()])
    }

    /// From an argument list whose answer the kind does not show as it stands: besides
    /// what [`Self::from_args`] takes, reads that may print credentials.
    ///
    /// # Errors
    /// As [`Self::from_args`].
    pub(crate) fn typed(policy: &Policy, args: Vec<String>) -> Result<Self, Refused> {
        if rules::is_typed(&args) {
            return Ok(Self {
                pipeline: vec![args],
                by_extension: false,
                variables: Vec::new(),
            });
        }
        Self::from_args(policy, args)
    }

    /// From the argument lists of a pipeline, as kinds build them.
    ///
    /// # Errors
    /// As [`Self::from_args`]; also when a program after the first is no filter.
    pub fn from_pipeline(policy: &Policy, pipeline: Vec<Vec<String>>) -> Result<Self, Refused> {
        if pipeline.is_empty() {
            return Err(Refused::new("an empty command"));
        }
        Self::checked(policy, pipeline)
    }

    /// From a command line, as users write them: words, quotes and pipes into
    /// filters. Nothing else of the shell's language is available.
    ///
    /// # Errors
    /// [`Refused`] when the line needs more of a shell than that, or when the
    /// policy does not know a program, subcommand or flag as read-only.
    pub fn parse(policy: &Policy, text: &str) -> Result<Self, Refused> {
        Self::checked(policy, lexer::lex(text)?)
    }

    /// What no policy has looked at, for tests of what carries commands: they
    /// need programs that fail, hang and flood.
    #[cfg(test)]
    pub(crate) fn unchecked(pipeline: &[&[&str]]) -> Self {
        let owned = |args: &&[&str]| args.iter().map(ToString::to_string).collect();
        Self {
            pipeline: pipeline.iter().map(owned).collect(),
            by_extension: false,
            variables: Vec::new(),
        }
    }

    fn checked(policy: &Policy, pipeline: Vec<Vec<String>>) -> Result<Self, Refused> {
        let mut by_extension = false;
        for (position, arguments) in pipeline.iter().enumerate() {
            by_extension |= rules::check(policy, arguments, position == 0)? == Allowed::ByExtension;
        }
        Ok(Self {
            pipeline,
            by_extension,
            variables: Vec::new(),
        })
    }

    /// The command line as a POSIX shell gets it, every word quoted where it
    /// has to be.
    #[must_use]
    pub fn line(&self) -> String {
        self.joined("")
    }

    /// [`Self::line`] with every program ended after `limit`, for hosts that
    /// have GNU's or busybox's `timeout`: a command whose connection is gone
    /// would go on otherwise.
    #[must_use]
    pub fn bounded_line(&self, limit: Duration) -> String {
        // Whole seconds, upwards: busybox takes no fractions, and 0 would mean no limit.
        let seconds = limit
            .as_secs()
            .saturating_add(u64::from(limit.subsec_nanos() > 0))
            .max(1);
        self.joined(&format!("timeout -k 1 {seconds} "))
    }

    fn joined(&self, prefix: &str) -> String {
        let stages = self
            .pipeline
            .iter()
            .map(|args| format!("{prefix}{}", quoting::quote_all(args)));
        stages.collect::<Vec<_>>().join(" | ")
    }

    /// The arguments, program first, of a command without pipes; of its first
    /// program otherwise.
    #[must_use]
    pub fn args(&self) -> &[String] {
        self.pipeline.first().map_or(&[], Vec::as_slice)
    }

    /// The argument lists of all programs, each fed by the one before it.
    #[must_use]
    pub fn pipeline(&self) -> &[Vec<String>] {
        &self.pipeline
    }

    /// Whether only the baseline's `policy.allow` lets it through.
    #[must_use]
    pub fn by_extension(&self) -> bool {
        self.by_extension
    }
}

impl Policy {
    /// The built-in list extended by `allow` entries such as `zpool iostat`,
    /// each from [`Policy::entry`]. Entries that it would refuse let nothing
    /// through here either.
    #[must_use]
    pub fn extended(allow: Vec<Vec<String>>) -> Self {
        Self { extra: allow }
    }

    /// Reads one entry of `policy.allow`: the words that a command has to
    /// have, word for word; with `*` as the last, any may follow.
    ///
    /// # Errors
    /// [`Refused`] for an entry that would let anything at all run (a shell, a
    /// program that runs others) and for one that no command could match.
    pub fn entry(text: &str) -> Result<Vec<String>, Refused> {
        let any_further = text
            .strip_suffix('*')
            .filter(|rest| rest.ends_with([' ', '\t']));
        let mut pipeline = lexer::lex(any_further.unwrap_or(text))?;
        let (Some(mut words), true) = (pipeline.pop(), pipeline.is_empty()) else {
            return Err(Refused::new(
                "an entry allows one program: leave the pipe out, filters are allowed anyway",
            ));
        };
        if let Some(program) = words.first().filter(|program| rules::is_runner(program)) {
            return Err(Refused::new(if program == "sudo" {
                "an entry names the program alone: `sudo -n` before it is allowed with it"
                    .to_owned()
            } else {
                format!(
                    "{program} runs whatever it is given, so an entry for it would allow everything"
                )
            }));
        }
        if any_further.is_some() {
            words.push("*".to_owned());
        }
        Ok(words)
    }

    /// The extension, for those who print it.
    #[must_use]
    pub fn extra(&self) -> &[Vec<String>] {
        &self.extra
    }
}

/// What a finished command left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// Standard output, up to the cap; all of it, unless `exit` is [`Exit::Unknown`].
    pub stdout: Vec<u8>,
    /// Standard error, up to the cap.
    pub stderr: Vec<u8>,
    /// More was printed, on one of the two, than the cap keeps.
    pub truncated: bool,
    /// From the request to the end.
    pub elapsed: Duration,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// With this status.
    Status(u32),
    /// Killed by this signal (`TERM`, `KILL`): there is no status then.
    Signal(String),
    /// The server closed the channel and told neither; or more was printed on standard
    /// output than the cap keeps, and whatever was told is not of what is there.
    Unknown,
}
