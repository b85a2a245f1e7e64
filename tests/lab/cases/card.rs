//! Cards made comparable: what a run measures is blotted out, and nothing else.

use regex::{Captures, Regex};
use serde_json::Value;

fn replace(text: &str, pattern: &str, with: &str) -> String {
    let pattern = Regex::new(pattern).expect("a pattern");
    pattern.replace_all(text, with).into_owned()
}

/// A text card without its times. Settings such as `within 3 s` have no decimal
/// point and stay; what is measured keeps its width, so that no column moves.
pub(super) fn text(card: &str) -> String {
    let card = replace(
        card,
        r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? [+-]\d\d:\d\d",
        "[time]",
    );
    // A day alone, as that on which a certificate ended.
    let card = replace(&card, r"\b\d{4}-\d\d-\d\d\b", "[date]");
    let card = card.replacen(env!("CARGO_PKG_VERSION"), "[version]", 1);
    let measured = Regex::new(r"(\d+ ms|\d+\.\d (?:ms|s)|\d+m \d+s)\b").expect("a pattern");
    let card = measured.replace_all(&card, |found: &Captures<'_>| {
        format!("{:>width$}", "[t]", width = found[0].len())
    });
    // Columns are as wide as their widest time.
    let card = replace(&card, r" +\[t\]", " [t]");
    // What a journal says has process numbers in it, and as many lines as it likes.
    replace(
        &card,
        r"(?m)^( {11}evidence) .*(?:\n {20}.*)*",
        "$1 [what was looked at]",
    )
}

/// A card of that many columns without its line ends: a line goes on in the next
/// one where that one's first word had no room on it.
pub(super) fn unwrapped(card: &str, columns: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    // The columns that the last line of the card itself, not of ours, takes.
    let mut used = 0;
    for line in card.lines() {
        let text = line.trim_start();
        let word = text.split(' ').next().unwrap_or_default().chars().count();
        let indent = line.chars().count() - text.chars().count();
        // A field's text stands at 20, what is told under a phase at 2; at 11 a field begins.
        let goes_on = (indent == 2 || indent >= 20) && used + 1 + word > columns;
        match lines.last_mut() {
            Some(last) if goes_on => {
                last.push(' ');
                last.push_str(text);
            }
            _ => lines.push(line.to_owned()),
        }
        used = line.chars().count();
    }
    lines.join("\n")
}

/// A card that was printed without wrapping, wrapped as the program does: under
/// the text of its own line.
pub(super) fn wrapped(card: &str, columns: usize) -> String {
    const FIELDS: usize = 20;
    let mut out = String::new();
    for line in card.lines() {
        let field = line.starts_with("           ");
        let indent = if field {
            FIELDS
        } else {
            line.len() - line.trim_start().len()
        };
        let mut rest = line;
        let mut column = 0;
        while rest.chars().count() > columns - column {
            let most = rest.char_indices().nth(columns - column + 1);
            let room = &rest[..most.map_or(rest.len(), |(at, _)| at)];
            let own = if column == 0 { indent } else { 0 };
            let Some(space) = room.rfind(' ').filter(|at| *at > own) else {
                break;
            };
            out.push_str(&" ".repeat(column));
            out.push_str(rest[..space].trim_end());
            out.push('\n');
            rest = rest[space..].trim_start();
            column = indent;
        }
        out.push_str(&" ".repeat(column));
        out.push_str(rest);
        out.push('\n');
    }
    out
}

/// A text card without how often an address was dialled, which depends on when
/// the attempts fell.
pub(super) fn counted(card: &str) -> String {
    let card = replace(card, r"dialled\s+\d+\s+times", "dialled [n] times");
    replace(&card, r"\((?:1 attempt|\d+\s+attempts)\)", "([n] attempts)")
}

/// Facts that a run measures, besides those whose name tells a time or a load:
/// keys, certificates and boots that each `up` makes anew, this machine, how full a
/// host's disk is, and the versions that Debian installs.
const MEASURED: [&str; 28] = [
    "test_id",
    "sent_at",
    "boot_id",
    "host_key",
    "kernel",
    "cores",
    "server",
    "server_version",
    "info",
    "used_memory_bytes",
    "date",
    "digest",
    "uptime_s",
    "mac",
    "sha256",
    "days_left",
    "chain_days_left",
    "certificate_days",
    "available_bytes",
    "used_bytes",
    "size_bytes",
    "used_percent",
    "inodes_used_percent",
    "inodes_free",
    "body_bytes",
    "content-length",
    "clock_off_s",
    "before_boot",
];

/// Facts with what a server or a command said. Longer than this it is a document,
/// which nobody would compare by eye and which tells times of its own.
const SAID: [&str; 5] = ["stdout", "lines", "body", "json", "headers"];
const SHORT: usize = 200;

fn is_measured(name: &str, value: &Value) -> bool {
    let time = ["_ms", "_at", "_skew_s", "age_s", "_timestamp"]
        .iter()
        .any(|unit| name.ends_with(unit));
    let load = ["load", "memory_available", "memory_total"]
        .iter()
        .any(|start| name.starts_with(start));
    let version = name == "version"
        && value
            .as_str()
            .is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()));
    if SAID.contains(&name) && value.to_string().len() > SHORT {
        return true;
    }
    let map = [
        "used_percent_by",
        "available_bytes_by",
        "inodes_used_percent_by",
    ]
    .iter()
    .any(|start| name.starts_with(start));
    let plain = value.is_number() || value.is_string();
    plain && (time || load) || map || version || MEASURED.contains(&name)
}

/// A JSON card without what differs from run to run and machine to machine.
pub(super) fn json(mut card: Value) -> String {
    blot(&mut card);
    let card = serde_json::to_string_pretty(&card).expect("JSON");
    let card = replace(&card, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]");
    let card = replace(&card, r"(abs\(now - \w+\)) = [^\x22]+", "$1 = [measured]");
    let card = replace(&card, r"= -?\d+\.\d+", "= [measured]");
    let card = replace(
        &card,
        r"(json[\w.]*(\[\d+\])?) = [\[{][^\x22]+",
        "$1 = [said]",
    );
    // What is fresh, and for how long it has been; where the machine itself booted later, that.
    // A time of a whole minute has no seconds.
    let card = replace(
        &card,
        r#""\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? [+-]\d\d:\d\d, [^"]* ago""#,
        "\"[time], [measured] ago\"",
    );
    // When Prometheus evaluated what it was asked, which it tells with its answer.
    let card = replace(&card, r"\[(\s*)\d{10}(\.\d+)?,", "[$1[time],");
    // By chance without a fraction.
    replace(
        &card,
        r"(_skew_s|clock_off_s\)?|_percent|days_left) = -?\d+",
        "$1 = [measured]",
    )
}

fn blot(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if is_measured(name, member) {
                    *member = Value::from("[measured]");
                } else {
                    blot(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blot),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
