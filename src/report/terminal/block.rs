//! One check that needs attention: what was seen, what was expected, what to
//! do next and who may do it.

use super::attempts;
use super::layout::Text;
use super::page::Page;
use crate::report::readable::{fact, shortened, time};
use crate::scorecard::{
    Accepted, CheckCard, DiagnosisCard, Finding, Guardrail, OwnNetwork, SignatureCard, Value,
};

/// More of what a diagnosis saw is in the JSON card.
const LONGEST: usize = 500;

/// Lines of a log that are shown as evidence, and characters of each.
const LINES: usize = 5;
const LONGEST_LINE: usize = 200;

/// The fields of a check that did not pass. `with_attempts` adds how often it
/// was tried, where no other line tells.
pub(super) fn fields(page: &mut Page<'_>, check: &CheckCard, with_attempts: bool) {
    if let Some(signature) = &check.signature {
        named(page, check, signature);
    }
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
    // What a command complained of says more than its exit status, and what a
    // server did more than that it gave no other answer.
    for name in ["stderr", "error"] {
        if let Some(Value::Text(complaint)) = check.facts.get(name)
            && !complaint.is_empty()
        {
            page.field(name, &Text::from(shortened(complaint).as_str()));
        }
    }
    for look in &check.diagnosis {
        evidence(page, look);
    }
    if let Some(accepted) = &check.accepted {
        page.field("accepted", &by(accepted, page));
        return;
    }
    next(page, check);
    if let Some(guardrail) = check.tier() {
        page.field("tier", &tier(guardrail));
    }
}

/// The failure by its name, and the line that tells it.
fn named(page: &mut Page<'_>, check: &CheckCard, signature: &SignatureCard) {
    page.field("failure", &name(signature));
    let line = cut(&signature.matched, LONGEST);
    let seen_by = format!("{line} ({})", signature.seen_by);
    page.field("matched", &Text::from(seen_by.as_str()));
    for other in &check.other_signatures {
        page.field("also", &name(other));
    }
}

fn name(signature: &SignatureCard) -> Text {
    let title = Text::from(signature.title.as_str());
    title.say(" (").id(&signature.id).say(")")
}

/// What one look into the failure saw: the newest lines of a log, or its facts.
fn evidence(page: &mut Page<'_>, look: &DiagnosisCard) {
    if let Some(fault) = &look.fault {
        let text = format!(
            "could not look at {}: {}",
            look.goal,
            cut(&fault.seen, LONGEST)
        );
        page.field("evidence", &Text::from(text.as_str()));
        if let Some(hint) = &fault.hint {
            page.field("", &Text::from(hint.as_str()));
        }
        return;
    }
    let Some(lines) = lines(look) else {
        let facts: Vec<String> = look
            .facts
            .iter()
            .map(|(name, value)| {
                let value = fact(name, value, &page.style.zone);
                format!("{name}={}", cut(&value, LONGEST_LINE))
            })
            .collect();
        let text = format!("{}: {}", look.goal, cut(&facts.join(", "), LONGEST));
        page.field("evidence", &Text::from(text.as_str()));
        return;
    };
    let shown = &lines[lines.len().saturating_sub(LINES)..];
    let of = match (shown.len(), lines.len()) {
        (0, _) => ": nothing".to_owned(),
        (shown, all) if shown < all => format!(", the last {shown} of {all} lines:"),
        _ => ":".to_owned(),
    };
    page.field(
        "evidence",
        &Text::from(format!("{}{of}", look.goal).as_str()),
    );
    for line in shown {
        let line = format!("> {}", cut(line.trim(), LONGEST_LINE));
        page.field("", &Text::from(line.as_str()));
    }
}

/// The lines that a look was taken for: those that something was found in,
/// else all.
fn lines(look: &DiagnosisCard) -> Option<Vec<&str>> {
    let of = |name: &str| match look.facts.get(name) {
        Some(Value::List(items)) => Some(items.iter().filter_map(|item| match item {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })),
        _ => None,
    };
    let found: Vec<&str> = ["unwanted", "matched"]
        .iter()
        .filter_map(|name| of(name))
        .flatten()
        .collect();
    let asked = ["unwanted", "matched"]
        .iter()
        .any(|name| look.facts.get(name).is_some());
    if asked {
        Some(found)
    } else {
        of("lines").map(Iterator::collect)
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

/// Whoever accepted it knows what there is to do, and when.
fn by(accepted: &Accepted, page: &Page<'_>) -> Text {
    let until = time(accepted.until, &page.style.zone);
    let reason = shortened(&accepted.reason);
    Text::from(format!("by {} until {until}: {reason}", accepted.by).as_str())
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

/// What the failure by its name calls for, then what the fault itself does,
/// then the baseline's remedy for whatever goes wrong with the check: a changed
/// host key comes before a reboot.
pub(super) fn next(page: &mut Page<'_>, check: &CheckCard) {
    let of =
        |runbook: &Option<String>| runbook.as_ref().map(|runbook| format!("runbook {runbook}"));
    let mut steps = Vec::new();
    if let Some(signature) = &check.signature {
        steps.extend([
            signature.remedy.clone(),
            of(&signature.runbook),
            signature
                .go_back_to
                .as_ref()
                .map(|name| format!("go back to {name}")),
        ]);
    }
    let hint = check.fault.as_ref().and_then(|fault| fault.hint.clone());
    steps.extend([hint, check.remedy.clone(), of(&check.runbook)]);
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

/// At most so many characters.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{} …", &text[..at]),
        None => text.to_owned(),
    }
}
