//! One check that needs attention: what was seen, what was expected, what to
//! do next and who may do it.

use super::attempts;
use super::layout::Text;
use super::page::Page;
use crate::report::readable::shortened;
use crate::scorecard::{CheckCard, Finding, Guardrail, OwnNetwork, Value};

/// The fields of a check that did not pass. `with_attempts` adds how often it
/// was tried, where no other line tells.
pub(super) fn fields(page: &mut Page<'_>, check: &CheckCard, with_attempts: bool) {
    let tried = attempts(check).filter(|_| with_attempts);
    let failed: Vec<&Finding> = check
        .findings
        .iter()
        .filter(|finding| finding.held != Some(true))
        .collect();
    if failed.is_empty() {
        let seen = check
            .fault
            .as_ref()
            .map_or("no finding was recorded", |fault| fault.seen.as_str());
        page.field("saw", &saw(seen, tried.as_deref(), check.fault.is_some()));
    }
    for (place, finding) in failed.iter().enumerate() {
        let tried = tried.as_deref().filter(|_| place == 0);
        page.field("saw", &saw(&finding.seen, tried, finding.held.is_none()));
        page.field(
            "expected",
            &Text::from(shortened(&finding.expected).as_str()),
        );
    }
    // What a command complained of says more than its exit status.
    if let Some(Value::Text(complaint)) = check.facts.get("stderr")
        && !complaint.is_empty()
    {
        page.field("stderr", &Text::from(shortened(complaint).as_str()));
    }
    next(page, check);
    if let Some(guardrail) = check.guardrail {
        page.field("tier", &tier(guardrail));
    }
}

/// More addresses than this are counted, not listed.
const ADDRESSES: usize = 8;

/// The fields of the operator's own network; `check` stands for all that heard
/// nothing. What the baseline says of that one target is no help here.
pub(super) fn own_network(page: &mut Page<'_>, network: &OwnNetwork, check: &CheckCard) {
    let addresses = &network.addresses;
    let seen = Text::new()
        .say("no answer from any of ")
        .say(&format!("{} addresses: ", addresses.len()))
        .ids(addresses.iter().map(String::as_str), ADDRESSES);
    page.field("saw", &seen);
    page.field(
        "expected",
        &Text::from("an answer from one of them at least"),
    );
    let mut label = "next";
    if let Some(hint) = check.fault.as_ref().and_then(|fault| fault.hint.as_deref()) {
        page.field(label, &Text::from(hint));
        label = "";
    }
    let next = "Cable, Wi-Fi or VPN of this machine first, then the switch or router that leads to \
                all of them. Only when another machine reaches nothing either: their power.";
    page.field(label, &Text::from(next));
}

fn saw(seen: &str, tried: Option<&str>, could_not_tell: bool) -> Text {
    const COULD_NOT_TELL: &str = "could not tell";
    let mut words = shortened(seen);
    // The judge's own words say it already; a bare fault's do not.
    if could_not_tell && !words.starts_with(COULD_NOT_TELL) {
        words = format!("{COULD_NOT_TELL}: {words}");
    }
    if let Some(tried) = tried {
        words.push_str(", ");
        words.push_str(tried);
    }
    Text::from(words.as_str())
}

/// What the fault itself calls for, then the baseline's remedy for whatever
/// goes wrong with the check: a changed host key comes before a reboot.
pub(super) fn next(page: &mut Page<'_>, check: &CheckCard) {
    let runbook = check
        .runbook
        .as_ref()
        .map(|runbook| format!("runbook {runbook}"));
    let hint = check.fault.as_ref().and_then(|fault| fault.hint.clone());
    let steps = [hint, check.remedy.clone(), runbook];
    let mut label = "next";
    for step in steps.into_iter().flatten() {
        page.field(label, &Text::from(step.as_str()));
        label = "";
    }
    if !label.is_empty() {
        page.field(label, &Text::from("no remedy in the baseline"));
    }
}

fn tier(guardrail: Guardrail) -> Text {
    Text::from(format!("{}: {}", guardrail.name(), guardrail.allows()).as_str())
}
