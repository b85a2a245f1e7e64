//! The decision of a phase.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::judge::Verdict;

/// Whether what comes after a phase may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Gate {
    /// Every check that was not left out passed, or warns and somebody has accepted that.
    Green,
    /// A check warns and nobody has accepted it: later phases start, releases
    /// do not.
    Warn,
    /// A check is blocked: nothing downstream starts.
    Blocked,
    /// Not every check could be evaluated, so nothing is decided.
    NotEvaluated,
    /// Every check was left out on purpose.
    Skipped,
}

impl Gate {
    /// As cards print it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Green => "GREEN",
            Self::Warn => "WARN",
            Self::Blocked => "BLOCKED",
            Self::NotEvaluated => "NOT EVALUATED",
            Self::Skipped => "SKIPPED",
        }
    }

    /// Whether phases that need this one may start.
    #[must_use]
    pub fn lets_through(self) -> bool {
        match self {
            Self::Green | Self::Warn | Self::Skipped => true,
            Self::Blocked | Self::NotEvaluated => false,
        }
    }
}

/// The gate of a phase with these verdicts, of which no warning is accepted.
#[must_use]
pub fn gate<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> Gate {
    gate_with_accepted(verdicts.into_iter().map(|verdict| (*verdict, false)))
}

/// The gate of a phase with these verdicts, each with whether somebody has
/// accepted it, which counts for warnings alone. Nothing evaluated is never
/// green.
#[must_use]
pub fn gate_with_accepted(verdicts: impl IntoIterator<Item = (Verdict, bool)>) -> Gate {
    let (mut held, mut warn, mut blocked, mut open, mut skipped) = (0, 0, 0, 0, 0);
    for (verdict, is_accepted) in verdicts {
        match verdict {
            Verdict::Pass => held += 1,
            Verdict::Warn if is_accepted => held += 1,
            Verdict::Warn => warn += 1,
            Verdict::Blocked => blocked += 1,
            Verdict::NotEvaluated => open += 1,
            Verdict::Skipped => skipped += 1,
        }
    }
    match (blocked, open, warn, held, skipped) {
        (1.., ..) => Gate::Blocked,
        (_, 1.., ..) | (_, _, 0, 0, 0) => Gate::NotEvaluated,
        (_, _, 1.., ..) => Gate::Warn,
        (_, _, _, 1.., _) => Gate::Green,
        (_, _, _, _, _) => Gate::Skipped,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use Verdict::{Blocked, NotEvaluated, Pass, Skipped, Warn};

    #[rstest]
    #[case(&[], Gate::NotEvaluated)]
    #[case(&[Pass], Gate::Green)]
    #[case(&[Pass, Skipped], Gate::Green)]
    #[case(&[Skipped], Gate::Skipped)]
    #[case(&[Warn], Gate::Warn)]
    #[case(&[Warn, Skipped], Gate::Warn)]
    #[case(&[Pass, Warn], Gate::Warn)]
    #[case(&[Pass, NotEvaluated], Gate::NotEvaluated)]
    #[case(&[NotEvaluated], Gate::NotEvaluated)]
    #[case(&[Warn, NotEvaluated], Gate::NotEvaluated)]
    #[case(&[Pass, Warn, Blocked, NotEvaluated], Gate::Blocked)]
    #[case(&[Blocked, Skipped], Gate::Blocked)]
    fn a_gate_is_the_worst_that_its_checks_allow(
        #[case] verdicts: &[Verdict],
        #[case] expected: Gate,
    ) {
        assert_eq!(gate(verdicts), expected);
    }

    /// As above, with every warning accepted.
    #[rstest]
    #[case(&[], Gate::NotEvaluated)]
    #[case(&[Pass], Gate::Green)]
    #[case(&[Pass, Warn], Gate::Green)]
    #[case(&[Pass, Warn, Skipped], Gate::Green)]
    #[case(&[Warn], Gate::Green)]
    #[case(&[Warn, Skipped], Gate::Green)]
    #[case(&[Skipped], Gate::Skipped)]
    #[case(&[Pass, Warn, NotEvaluated], Gate::NotEvaluated)]
    #[case(&[Warn, NotEvaluated], Gate::NotEvaluated)]
    #[case(&[Pass, Warn, Blocked], Gate::Blocked)]
    #[case(&[Blocked], Gate::Blocked)]
    fn only_warnings_can_be_accepted(#[case] verdicts: &[Verdict], #[case] expected: Gate) {
        let all = verdicts.iter().map(|verdict| (*verdict, true));
        assert_eq!(gate_with_accepted(all), expected);
    }

    #[test]
    fn one_warning_that_nobody_accepted_keeps_the_gate() {
        let verdicts = [(Pass, false), (Warn, true), (Warn, false)];
        assert_eq!(gate_with_accepted(verdicts), Gate::Warn);
    }
}
