//! Whether a host finds its own name.

use crate::probe::kinds::answer;
use crate::probe::{Context, FactSpec, Facts, Fault, FaultKind, Type};

pub(super) const RESOLVES: FactSpec = FactSpec::new(
    "name_resolves",
    Type::Bool,
    "The host finds its own name; a name server that does not answer in `timeout` is one that does not find it. Absent on a Mac, whose `hostname` asks nobody; with `own_name` only.",
)
.because(&["name_error"]);
pub(super) const FULL_NAME: FactSpec = FactSpec::new(
    "full_name",
    Type::Text,
    "Its name in full, as it was found: `data188.lan`; with `own_name` only.",
);
pub(super) const ERROR: FactSpec = FactSpec::new(
    "name_error",
    Type::Text,
    "Why it was not found, in the words of `hostname`, or that it had no answer; with `own_name` only.",
);

pub(super) const COMMAND: &[&str] = &["hostname", "-f"];

/// As on a Mac, whose `hostname -f` prints the kernel's name and looks nothing up.
pub(super) fn set_unasked(facts: &mut Facts) {
    let why = "not asked: `hostname -f` of macOS looks nothing up";
    facts.set("name_error", why);
}

/// Asks the host for its own name, as its resolver has it.
///
/// # Errors
/// The fault of the host's connection; `Missing` without `hostname`; `Protocol` where it
/// neither names the host nor says why.
pub(super) async fn set(context: &Context, facts: &mut Facts) -> Result<(), Fault> {
    let command = answer::command(&context.transports.policy, COMMAND.iter().copied())?;
    let output = match context.exec(&command).await {
        Ok(output) => output,
        // The host answers, and its resolver does not: that is what was asked.
        Err(fault) if fault.kind == FaultKind::TimedOut && fault.connection.is_none() => {
            set_unanswered(context, facts);
            return Ok(());
        }
        Err(fault) => return Err(fault),
    };
    let status = answer::status(&output, "hostname", context.host()?)?;
    let told = answer::stdout(&output);
    let name = told.trim();
    let complaint = answer::stderr(&output);
    let own = complaint.lines().find(|line| line.contains("hostname: "));
    match (status, name.is_empty(), own) {
        (0, false, _) => {
            facts.set("name_resolves", true);
            facts.set("full_name", name);
        }
        (1, true, Some(error)) => {
            facts.set("name_resolves", false);
            facts.set("name_error", error);
        }
        // Of `timeout`, which ends it on the host.
        (124, true, _) => set_unanswered(context, facts),
        _ => {
            let seen = format!("hostname ended with status {status} and printed {name:?}");
            return Err(Fault::new(FaultKind::Protocol, seen));
        }
    }
    Ok(())
}

fn set_unanswered(context: &Context, facts: &mut Facts) {
    let seconds = context.target.timeout.as_secs_f64();
    facts.set("name_resolves", false);
    facts.set(
        "name_error",
        format!("`hostname -f` had no answer in {seconds} s, as where no name server answers"),
    );
}
