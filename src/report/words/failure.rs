//! A check that did not pass, line by line: its name, what was seen and
//! expected, what a look into it showed, what to do next and who may do it.

use jiff::tz::TimeZone;

use super::{misses, own_network};
use crate::report::readable::{fact, shortened};
use crate::scorecard::{CheckCard, DiagnosisCard, Scorecard, SignatureCard, Value, Verdict};

/// More of what a diagnosis saw is in the JSON card.
const LONGEST: usize = 500;

/// Lines of a log that are shown as evidence, and characters of each.
const LINES: usize = 5;
const LONGEST_LINE: usize = 200;

/// What a line of a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Kind {
    /// The name of the failure.
    Failure,
    /// What told it.
    Matched,
    /// Another name that fits.
    Also,
    /// What was; it says so where nothing could be told.
    Saw,
    /// What should have been.
    Expected,
    /// What a command or a server complained of.
    Complaint(&'static str),
    /// What a look into the failure showed.
    Evidence,
    /// A line of a log, below [`Kind::Evidence`].
    LogLine,
    /// What to do.
    Next,
    /// Where to read about it: an address or a place in a book.
    Runbook,
    /// Who may do it.
    Tier,
}

/// One line about a failure.
#[derive(Debug)]
pub(in crate::report) struct Line {
    pub(in crate::report) kind: Kind,
    pub(in crate::report) text: String,
}

impl Kind {
    /// What stands before the line.
    pub(in crate::report) fn label(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Matched => "matched",
            Self::Also => "also",
            Self::Saw => "saw",
            Self::Expected => "expected",
            Self::Complaint(fact) => fact,
            Self::Evidence => "evidence",
            Self::LogLine => ">",
            Self::Next => "next",
            Self::Runbook => "runbook",
            Self::Tier => "tier",
        }
    }

    /// Whether the text is a host's or an expression, rather than a sentence.
    pub(in crate::report) fn is_quoted(self) -> bool {
        match self {
            Self::Matched
            | Self::Saw
            | Self::Expected
            | Self::Complaint(_)
            | Self::Evidence
            | Self::LogLine => true,
            Self::Failure | Self::Also | Self::Next | Self::Runbook | Self::Tier => false,
        }
    }
}

/// Everything to tell of a check that warns or is blocked; nothing of another.
/// Bounded, whatever was seen. Times are shown in `zone`.
pub(in crate::report) fn failure(
    card: &Scorecard,
    check: &CheckCard,
    zone: &TimeZone,
) -> Vec<Line> {
    match check.verdict {
        Verdict::Warn | Verdict::Blocked => {}
        Verdict::Pass | Verdict::NotEvaluated | Verdict::Skipped => return Vec::new(),
    }
    let mut lines = Lines(Vec::new());
    let stands = own_network(card, &check.id).is_some();
    let caused = check
        .cause
        .as_ref()
        .is_some_and(|cause| own_network(card, cause).is_some());
    // What the baseline says of a single target is no help where nothing answers.
    let of_its_own = !stands && !caused;
    if of_its_own {
        lines.names(check);
    }
    for miss in misses(card, check) {
        lines.add(Kind::Saw, miss.seen);
        lines.add(Kind::Expected, miss.expected);
    }
    if stands {
        lines.own_network(check);
    }
    if of_its_own {
        lines.complaints(check);
        for look in &check.diagnosis {
            lines.evidence(look, zone);
        }
        lines.steps(check);
        if let Some(tier) = check.tier() {
            lines.add(Kind::Tier, format!("{}: {}", tier.name(), tier.allows()));
        }
    }
    lines.0
}

struct Lines(Vec<Line>);

impl Lines {
    fn add(&mut self, kind: Kind, text: impl Into<String>) {
        let text = text.into();
        self.0.push(Line { kind, text });
    }

    /// The failure by its name, and the line that tells it.
    fn names(&mut self, check: &CheckCard) {
        let Some(signature) = &check.signature else {
            return;
        };
        self.add(Kind::Failure, name(signature));
        let line = cut(&signature.matched, LONGEST);
        self.add(Kind::Matched, format!("{line} ({})", signature.seen_by));
        for other in &check.other_signatures {
            self.add(Kind::Also, name(other));
        }
    }

    /// What a command complained of says more than its exit status, and what a
    /// server did more than that it gave no other answer.
    fn complaints(&mut self, check: &CheckCard) {
        for name in ["stderr", "error"] {
            if let Some(Value::Text(complaint)) = check.facts.get(name)
                && !complaint.is_empty()
            {
                self.add(Kind::Complaint(name), shortened(complaint));
            }
        }
    }

    /// What one look into the failure saw: the newest lines of a log, or its facts.
    fn evidence(&mut self, look: &DiagnosisCard, zone: &TimeZone) {
        if let Some(fault) = &look.fault {
            let seen = cut(&fault.seen, LONGEST);
            let hint = fault.hint.iter().map(|hint| format!("; {hint}"));
            let hint: String = hint.collect();
            let text = format!("could not look at {}: {seen}{hint}", look.goal);
            self.add(Kind::Evidence, text);
            return;
        }
        let Some(lines) = lines(look) else {
            let facts: Vec<String> = look
                .facts
                .iter()
                .map(|(name, value)| {
                    let value = fact(name, value, zone);
                    format!("{name}={}", cut(&value, LONGEST_LINE))
                })
                .collect();
            let facts = cut(&facts.join(", "), LONGEST);
            self.add(Kind::Evidence, format!("{}: {facts}", look.goal));
            return;
        };
        let shown = &lines[lines.len().saturating_sub(LINES)..];
        let of = match (shown.len(), lines.len()) {
            (0, _) => ": nothing".to_owned(),
            (shown, all) if shown < all => format!(", the last {shown} of {all} lines:"),
            _ => ":".to_owned(),
        };
        self.add(Kind::Evidence, format!("{}{of}", look.goal));
        for line in shown {
            self.add(Kind::LogLine, cut(line.trim(), LONGEST_LINE));
        }
    }

    /// What the failure by its name calls for, then what the fault itself does,
    /// then the baseline's remedy for whatever goes wrong with the check: a
    /// changed host key comes before a reboot.
    fn steps(&mut self, check: &CheckCard) {
        let mut step = |kind, text: Option<&String>| {
            if let Some(text) = text {
                self.add(kind, text);
            }
        };
        if let Some(signature) = &check.signature {
            step(Kind::Next, signature.remedy.as_ref());
            step(Kind::Runbook, signature.runbook.as_ref());
            let back = signature.go_back_to.as_ref();
            let back = back.map(|name| format!("go back to {name}"));
            step(Kind::Next, back.as_ref());
        }
        let fault = check.fault.as_ref();
        step(Kind::Next, fault.and_then(|fault| fault.hint.as_ref()));
        step(Kind::Next, check.remedy.as_ref());
        step(Kind::Runbook, check.runbook.as_ref());
    }

    /// What to do where nothing beyond this machine answers; `check` stands for
    /// all that heard nothing.
    fn own_network(&mut self, check: &CheckCard) {
        if let Some(hint) = check.fault.as_ref().and_then(|fault| fault.hint.as_ref()) {
            self.add(Kind::Next, hint);
        }
        self.add(
            Kind::Next,
            "Cable, Wi-Fi or VPN of this machine first, then the switch or router that leads to \
             all of them. Only when another machine reaches nothing either: their power.",
        );
    }
}

fn name(signature: &SignatureCard) -> String {
    format!("{} ({})", signature.title, signature.id)
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

/// At most so many characters.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{} …", &text[..at]),
        None => text.to_owned(),
    }
}
