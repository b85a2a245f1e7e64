//! The operator's own network as the cause, when nothing beyond the operator's
//! machine answers.

use std::collections::BTreeSet;

use super::event::PlannedRun;
use super::model::{CheckCard, OwnNetwork};
use crate::judge::Verdict;
use crate::probe::{Fault, FaultKind};

/// One address that is silent is most likely a host that is off.
const FEWEST_ADDRESSES: usize = 2;

/// What a check tells of the way to what it looks at.
enum Word<'a> {
    /// Something answered there, if only by a refusal.
    Life,
    /// Nothing came from that address.
    Silence(&'a str),
    /// Neither: it never came to asking.
    Nothing,
}

/// Recognises that nothing beyond this machine answered: several addresses were
/// tried, all of them are silent, and no check saw a sign of life. Hosts that
/// fail one by one look different. The first check in plan order that heard
/// nothing stands for all; the others, and lookups that got no answer, name it
/// as their cause.
///
/// Says nothing while a check is unfinished, which may yet have got an answer.
pub(super) fn own_network(planned: &PlannedRun, checks: &mut [CheckCard]) -> Option<OwnNetwork> {
    let mut addresses: Vec<String> = Vec::new();
    let mut silent: BTreeSet<usize> = BTreeSet::new();
    for (place, (plan, check)) in planned.checks.iter().zip(checks.iter()).enumerate() {
        if !plan.beyond {
            continue;
        }
        if check.unfinished {
            return None;
        }
        match word(check) {
            Word::Life => return None,
            Word::Silence(address) => {
                silent.insert(place);
                if !addresses.iter().any(|known| known == address) {
                    addresses.push(address.to_owned());
                }
            }
            Word::Nothing => {
                if check.fault.as_ref().is_some_and(got_no_lookup) {
                    silent.insert(place);
                }
            }
        }
    }
    if addresses.len() < FEWEST_ADDRESSES {
        return None;
    }
    let stands = *silent.iter().find(|&&place| {
        checks[place].verdict == Verdict::Blocked
            && matches!(word(&checks[place]), Word::Silence(_))
    })?;
    let owner = checks[stands].id.clone();
    for place in silent {
        checks[place].cause = (place != stands).then(|| owner.clone());
    }
    Some(OwnNetwork {
        check: owner,
        addresses,
    })
}

fn word(check: &CheckCard) -> Word<'_> {
    match check.verdict {
        Verdict::NotEvaluated | Verdict::Skipped => return Word::Nothing,
        Verdict::Pass | Verdict::Warn | Verdict::Blocked => {}
    }
    let Some(fault) = &check.fault else {
        return Word::Life;
    };
    match fault.kind {
        FaultKind::Unresolved | FaultKind::LocalSetup | FaultKind::Internal => Word::Nothing,
        FaultKind::TimedOut => silent_address(fault).map_or(Word::Life, Word::Silence),
        // That there is no way is for the next router to say, or for this machine.
        FaultKind::Unreachable => silent_address(fault).map_or(Word::Nothing, Word::Silence),
        FaultKind::Refused
        | FaultKind::Closed
        | FaultKind::Denied
        | FaultKind::HostKey
        | FaultKind::Protocol
        | FaultKind::Missing => Word::Life,
    }
}

/// The address that was silent as a whole, or may have been. Silence without
/// one came after a connection had opened.
fn silent_address(fault: &Fault) -> Option<&str> {
    fault
        .connection
        .as_ref()
        .or(fault.suspect.as_ref())?
        .as_address()
}

/// A name server that does not answer may stand behind the same network.
fn got_no_lookup(fault: &Fault) -> bool {
    fault.kind == FaultKind::Unresolved && !fault.hopeless
}

#[cfg(test)]
mod tests;
