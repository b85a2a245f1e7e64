//! Hosts that a kind's own options name → the hosts of the plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::baseline::{Baseline, Diagnostic, Diagnostics, Node, did_you_mean};
use crate::probe::{Host, NamedHosts, Target};

/// Gives `target` the hosts that `named` means; nothing when there is one that
/// means none, which is told at its place in `options`.
pub(super) fn add(
    named: &[NamedHosts<'_>],
    options: &Node,
    (baseline, hosts): (&Baseline, &[Arc<Host>]),
    target: &mut Target,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    let mut complete = true;
    let mut meant = vec![false; hosts.len()];
    for one in named {
        let selected = baseline.select(one.name);
        if selected.is_empty() {
            diagnostics.push(unknown(one, options, baseline));
            complete = false;
        }
        for (host, meant) in hosts.iter().zip(&mut meant) {
            *meant |= selected.iter().any(|selected| selected.id.value == host.id);
        }
    }
    if !complete {
        return None;
    }
    let meant = hosts.iter().zip(meant).filter(|(_, meant)| *meant);
    target.also = meant.map(|(host, _)| Arc::clone(host)).collect();
    // A host's own time goes before the baseline's; the slowest may have its own.
    let longest = target.hosts().map(|host| host.connect_timeout).max();
    target.connect_timeout = longest.unwrap_or(target.connect_timeout);
    Some(())
}

fn unknown(named: &NamedHosts<'_>, options: &Node, baseline: &Baseline) -> Diagnostic {
    let at = options.at_path(&named.path).at.clone();
    let tags = baseline.hosts.iter().flat_map(|host| &host.tags);
    let tags: BTreeSet<String> = tags.map(|tag| format!("tag:{}", tag.value)).collect();
    let ids = baseline.hosts.iter().map(|host| host.id.value.as_str());
    let known: Vec<&str> = ids.chain(tags.iter().map(String::as_str)).collect();
    let message = match named.name.strip_prefix("tag:") {
        Some(tag) => format!("no host has the tag `{tag}`"),
        None => format!("no host `{}`", named.name),
    };
    let as_tag = format!("tag:{}", named.name);
    let suggestion = match did_you_mean(named.name, known.iter().copied()) {
        _ if tags.contains(&as_tag) => format!("write `{as_tag}`"),
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "the baseline declares no host".to_owned(),
        None => format!(
            "known: {}{}",
            known[..known.len().min(10)].join(", "),
            if known.len() > 10 { ", …" } else { "" }
        ),
    };
    Diagnostic::error("unknown-reference", message, at).suggestion(suggestion)
}

#[cfg(test)]
mod tests;
