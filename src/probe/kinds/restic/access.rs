//! How restic is asked on a host: always without a lock and without a cache, so
//! that neither the repository nor the host changes.

use super::trouble;
use crate::probe::kinds::answer;
use crate::probe::{Context, Fault, FaultKind, Policy};
use crate::transport::command::{Output, ReadOnlyCommand, Refused, Values, Variable};

/// Which repository, and by what it is opened.
#[derive(Debug, Clone, Default)]
pub(in crate::probe::kinds) struct Access {
    /// Ask by `sudo -n`.
    pub(in crate::probe::kinds) sudo: bool,
    /// `--repo`, `--repository-file` and `--password-file`, with their values.
    pub(in crate::probe::kinds) flags: Vec<String>,
    /// What restic takes from its environment.
    pub(in crate::probe::kinds) variables: Vec<Variable>,
}

/// A snapshot takes a few hundred bytes of JSON, so that these are some 30000.
const MOST: usize = 16 << 20;

impl Access {
    fn program(&self) -> &'static str {
        if self.sudo { "sudo" } else { "restic" }
    }

    /// The command line of a subcommand.
    ///
    /// # Errors
    /// The policy refuses it, for what the options name.
    pub(in crate::probe::kinds) fn command(
        &self,
        policy: &Policy,
        subcommand: &[&str],
        more: &[String],
    ) -> Result<ReadOnlyCommand, Refused> {
        let sudo: &[&str] = if self.sudo { &["sudo", "-n"] } else { &[] };
        let fixed = ["--json", "--no-lock", "--no-cache"];
        let args = sudo
            .iter()
            .chain(&["restic"])
            .chain(subcommand)
            .chain(&fixed)
            .map(ToString::to_string)
            .chain(self.flags.iter().cloned())
            .chain(more.iter().cloned());
        ReadOnlyCommand::from_args(policy, args)?.taking(self.variables.clone())
    }

    /// Asks, and tells what restic printed when it ended well.
    ///
    /// # Errors
    /// What restic says of the repository, in the words of [`trouble::fault`].
    pub(in crate::probe::kinds) async fn ask(
        &self,
        context: &Context,
        values: &Values,
        subcommand: &[&str],
        more: &[String],
    ) -> Result<Output, Fault> {
        let (status, output) = self.look(context, values, subcommand, more).await?;
        if status == 0 {
            return Ok(output);
        }
        Err(trouble::fault(status, &output, context.host()?))
    }

    /// As [`Self::ask`], and whatever the status is.
    ///
    /// # Errors
    /// restic did not run, or not to its end.
    pub(super) async fn look(
        &self,
        context: &Context,
        values: &Values,
        subcommand: &[&str],
        more: &[String],
    ) -> Result<(u32, Output), Fault> {
        let policy = &context.transports.policy;
        let command = self
            .command(policy, subcommand, more)
            .map_err(|refused| Fault::new(FaultKind::LocalSetup, refused.message))?;
        let output = context.exec_with(&command, values, MOST).await?;
        if output.truncated && output.stdout.len() >= MOST {
            return Err(Fault::new(
                FaultKind::Protocol,
                format!(
                    "restic printed more than the {} MiB that are kept",
                    MOST >> 20
                ),
            )
            .hint("narrow it down by `host`, `tag` or `path`"));
        }
        let status = answer::status(&output, self.program(), context.host()?)
            .map_err(|fault| preserving(fault, &self.variables))?;
        Ok((status, output))
    }

    /// Whether a repository can be opened, told by one question.
    ///
    /// # Errors
    /// restic could not be asked at all: the way to the host, no such program.
    pub(in crate::probe::kinds) async fn open(
        &self,
        context: &Context,
        values: &Values,
        question: &[&str],
    ) -> Result<Seen, Fault> {
        match self.look(context, values, question, &[]).await {
            Ok((0, _)) => Ok(Seen::Open),
            Ok((status, output)) => {
                let fault = trouble::fault(status, &output, context.host()?);
                Ok(Seen::Closed(fault))
            }
            // restic tries on where nobody answers.
            Err(fault) if fault.kind == FaultKind::TimedOut && fault.connection.is_none() => {
                Ok(Seen::Closed(fault))
            }
            Err(fault) => Err(fault),
        }
    }
}

/// What came of opening a repository.
#[derive(Debug)]
pub(in crate::probe::kinds) enum Seen {
    /// It can be opened.
    Open,
    /// It cannot, for this.
    Closed(Fault),
}

/// sudo says in its own words that it would not keep the variables.
fn preserving(fault: Fault, variables: &[Variable]) -> Fault {
    if variables.is_empty() || !fault.seen.contains("environment") {
        return fault;
    }
    fault.hint(
        "sudoers has to allow this command with NOPASSWD:SETENV, because restic takes its \
         secrets from the environment; `password_file` needs no SETENV",
    )
}
