//! What is per host in a check's texts: `${host.id}`, `${host.address}`,
//! `${host.user}`.

use std::cell::RefCell;

use crate::baseline::{Diagnostic, Diagnostics, Located, Location, Node, NodeValue, Sources};
use crate::probe::Host;

/// A name that stands for nothing on some hosts, at one place.
struct Missing {
    name: String,
    at: Location,
    /// Their ids; empty for a check without a host.
    hosts: Vec<String>,
}

/// Expands the texts of one check of the file, host by host, and remembers
/// what could not be expanded, so that `on: all` tells it once.
pub(super) struct Words<'a> {
    sources: &'a Sources,
    missing: RefCell<Vec<Missing>>,
}

impl<'a> Words<'a> {
    pub(super) fn new(sources: &'a Sources) -> Self {
        Self {
            sources,
            missing: RefCell::default(),
        }
    }

    /// The text for one host; nothing when a name in it stands for nothing,
    /// which is remembered.
    pub(super) fn text(
        &self,
        text: &Located<String>,
        host: Option<&Host>,
        diagnostics: &mut Diagnostics,
    ) -> Option<String> {
        let node = Node {
            at: text.at.clone(),
            value: NodeValue::String(text.value.clone()),
        };
        let expanded = self.node(&node, host, diagnostics)?;
        expanded.as_str().map(str::to_owned)
    }

    /// The same for every text of a tree.
    pub(super) fn node(
        &self,
        node: &Node,
        host: Option<&Host>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Node> {
        let whole = RefCell::new(true);
        let expanded = node.expand(
            &|name, at| {
                let value = value(host, name);
                // Other names are unknown, and told by whoever expands.
                if value.is_none() && NAMES.contains(&name) {
                    whole.replace(false);
                    self.remember(name, at, host);
                    return Some(String::new());
                }
                value
            },
            diagnostics,
        );
        whole.into_inner().then_some(expanded)
    }

    fn remember(&self, name: &str, at: &Location, host: Option<&Host>) {
        let mut missing = self.missing.borrow_mut();
        let place = missing
            .iter()
            .position(|known| known.name == name && known.at == *at)
            .unwrap_or_else(|| {
                missing.push(Missing {
                    name: name.to_owned(),
                    at: at.clone(),
                    hosts: Vec::new(),
                });
                missing.len() - 1
            });
        if let (Some(host), Some(known)) = (host, missing.get_mut(place))
            && !known.hosts.contains(&host.id)
        {
            known.hosts.push(host.id.clone());
        }
    }

    /// Tells what was remembered, each name once for each of its places.
    pub(super) fn report(self, check: &Located<String>, diagnostics: &mut Diagnostics) {
        for Missing { name, at, hosts } in self.missing.into_inner() {
            let at = self.sources.find(&at, &format!("${{{name}}}"));
            let field = name.trim_start_matches("host.");
            let diagnostic = if hosts.is_empty() {
                Diagnostic::error(
                    "unknown-variable",
                    format!(
                        "`${{{name}}}` is of the host that a check looks at, and `{}` names none",
                        check.value
                    ),
                    at,
                )
                .suggestion("add `on:` with the host's id, or name it here: `${hosts.ID.address}`")
            } else {
                let (one, many) = match hosts.as_slice() {
                    [one] => (format!("the host `{one}`"), "it"),
                    several => (format!("the hosts `{}`", several.join("`, `")), "each"),
                };
                let suggestion = match field {
                    // Only a local host has no address.
                    "address" => "it is this machine: write an address out".to_owned(),
                    _ => format!("add `ssh: {{ {field}: … }}` to {many} below `hosts:`"),
                };
                Diagnostic::error(
                    "unknown-variable",
                    format!("the baseline gives no {field} for {one}"),
                    at,
                )
                .label(format!("needed by the check `{}`", check.value))
                .suggestion(suggestion)
            };
            diagnostics.push(diagnostic);
        }
    }
}

/// Every name that [`value`] may know.
const NAMES: [&str; 3] = ["host.id", "host.address", "host.user"];

fn value(host: Option<&Host>, name: &str) -> Option<String> {
    let host = host?;
    match name {
        "host.id" => Some(host.id.clone()),
        // A local host has none.
        "host.address" => Some(host.address.clone()).filter(|address| !address.is_empty()),
        "host.user" => host.ssh.user.clone(),
        _ => None,
    }
}
