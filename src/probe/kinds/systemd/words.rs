//! systemd's words: what `systemctl` prints, and how units are named.

use std::collections::BTreeMap;

use crate::probe::{Fault, FaultKind};
use crate::transport::wildcard;

/// The properties of one unit.
pub(super) type Block<'a> = BTreeMap<&'a str, &'a str>;

/// `KEY=value` lines, a blank line between units.
pub(super) fn parse_show(text: &str) -> Vec<Block<'_>> {
    let mut blocks = vec![Block::new()];
    for line in text.lines() {
        match line.split_once('=') {
            Some((key, value)) => {
                if let Some(block) = blocks.last_mut() {
                    block.insert(key, value);
                }
            }
            None if line.trim().is_empty() => blocks.push(Block::new()),
            None => {}
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// Whether the unit is known to systemd at all.
pub(super) fn exists(block: &Block<'_>) -> bool {
    block.get("LoadState") != Some(&"not-found")
}

/// `nginx.service loaded failed failed A high performance web server`.
pub(super) fn parse_failed(text: &str) -> Result<Vec<String>, Fault> {
    let mut failed = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        // Older versions mark a failed unit even with --plain.
        let line = line.trim_start_matches(['●', '*', ' ', '\u{d7}']);
        let mut words = line.split_whitespace();
        match (words.next(), words.nth(1)) {
            (Some(unit), Some("failed")) => failed.push(unit.to_owned()),
            _ => {
                return Err(Fault::new(
                    FaultKind::Protocol,
                    format!("systemctl list-units printed {line:?}"),
                ));
            }
        }
    }
    Ok(failed)
}

/// Seconds of a span as systemd prints it: `1min 30s`, `500ms`, `0`.
pub(super) fn seconds(text: &str) -> Option<f64> {
    if text.trim().is_empty() {
        return None;
    }
    let mut total = 0.0;
    for part in text.split_whitespace() {
        let digits = part
            .find(|letter: char| letter.is_ascii_alphabetic())
            .unwrap_or(part.len());
        let (number, unit) = part.split_at(digits);
        let scale = match unit {
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            "" if number == "0" => 0.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * scale;
    }
    Some(total)
}

/// A limit in bytes; `infinity` is none. Words such as `[not set]` are no number.
pub(super) fn limit(text: &str) -> Option<f64> {
    if text == "infinity" {
        return Some(f64::INFINITY);
    }
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

const SUFFIXES: &[&str] = &[
    "service",
    "socket",
    "device",
    "mount",
    "automount",
    "swap",
    "target",
    "path",
    "timer",
    "slice",
    "scope",
];

/// With its suffix: `cron` is `cron.service`, as for systemctl. A pattern stays as it is.
pub(super) fn unit_name(unit: &str) -> String {
    let suffixed = unit
        .rsplit_once('.')
        .is_some_and(|(_, suffix)| SUFFIXES.contains(&suffix));
    if suffixed || is_pattern(unit) {
        unit.to_owned()
    } else {
        format!("{unit}.service")
    }
}

pub(super) fn is_pattern(unit: &str) -> bool {
    unit.contains(['*', '?', '['])
}

pub(super) fn is_unit(unit: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@*?[]".contains(&byte);
    !unit.is_empty() && !unit.starts_with('-') && unit.bytes().all(allowed)
}

/// Whether systemd told `unit` because of `pattern`. A set such as `[ab]` is
/// taken for any one character: systemd itself has matched it.
pub(super) fn matches_pattern(pattern: &str, unit: &str) -> bool {
    let mut plain = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, set)) = rest.split_once('[') {
        plain.push_str(before);
        plain.push('?');
        rest = set.split_once(']').map_or(set, |(_, after)| after);
    }
    plain.push_str(rest);
    wildcard::matches(&plain, unit)
}
