//! `${name}` in strings.
//!
//! A load expands what is the same for every host. Inside a check `${host.…}`
//! is left for [`Node::expand`], once for each host, and what was already
//! expanded is escaped so that this second pass leaves it as it is.

use std::collections::HashMap;

use super::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use super::node::{Node, NodeValue};
use super::scalar;
use super::source::{Located, Location, Sources};

/// What a check may say of the host that it looks at.
pub(super) const OF_THE_HOST: [&str; 3] = ["host.id", "host.address", "host.user"];

/// Variables that lead to variables. More is a mistake, and each costs stack.
const MAX_CHAIN: usize = 32;
/// Bytes that all expansions of a load may make together: ten lines of
/// variables that each hold the one before twice are a bomb too.
const MAX_EXPANDED: usize = 16 << 20;

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Text(&'t str),
    /// `$${`
    Escape,
    Name(&'t str),
    /// From a `${` that no `}` closes, or around what is no name.
    Malformed(&'t str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            found.extend([Piece::Text(before), Piece::Escape]);
            rest = &from[2..];
            continue;
        }
        found.push(Piece::Text(before));
        let Some(end) = from.find('}') else {
            found.push(Piece::Malformed(from));
            return found;
        };
        let name = &from[2..end];
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        found.push(if is_name { Piece::Name(name) } else { Piece::Malformed(&from[..=end]) });
        rest = &from[end + 1..];
    }
    found.push(Piece::Text(rest));
    found.retain(|piece| *piece != Piece::Text(""));
    found
}

fn malformed(written: &str, at: Location) -> Diagnostic {
    let shown: String = written.chars().take(40).collect();
    Diagnostic::error("bad-variable", format!("`{shown}` is no variable"), at)
        .suggestion("write `${name}`, or `$${` for the text `${` itself")
}

fn unknown<'n>(name: &str, known: impl Iterator<Item = &'n str>, at: Location) -> Diagnostic {
    let suggestion = match did_you_mean(name, known) {
        Some(meant) => format!("did you mean `${{{meant}}}`?"),
        None => format!("declare it below `vars:`, or write `$${{{name}}}` for the text itself"),
    };
    Diagnostic::error("unknown-variable", format!("no variable `{name}`"), at).suggestion(suggestion)
}

/// See [`Node::expand`].
pub(super) fn expand_node(node: &Node, scope: &dyn Fn(&str) -> Option<String>, diagnostics: &mut Diagnostics) -> Node {
    map_strings(node, &mut |text, at| {
        let mut expanded = String::with_capacity(text.len());
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => expanded.push_str(text),
                Piece::Escape => expanded.push_str("${"),
                Piece::Name(name) => match scope(name) {
                    Some(value) => expanded.push_str(&value),
                    None => diagnostics.push(unknown(name, OF_THE_HOST.into_iter(), at.clone())),
                },
                Piece::Malformed(written) => diagnostics.push(malformed(written, at.clone())),
            }
        }
        NodeValue::String(expanded)
    })
}

/// The tree with every string that has a `${` replaced. Its depth is bounded
/// by the reader of YAML, so it may recurse.
fn map_strings(node: &Node, replace: &mut dyn FnMut(&str, &Location) -> NodeValue) -> Node {
    let value = match &node.value {
        NodeValue::String(text) if text.contains("${") => replace(text, &node.at),
        NodeValue::Seq(items) => NodeValue::Seq(items.iter().map(|item| map_strings(item, replace)).collect()),
        NodeValue::Map(entries) => NodeValue::Map(
            entries.iter().map(|(key, node)| (key.clone(), map_strings(node, replace))).collect(),
        ),
        other => other.clone(),
    };
    Node { at: node.at.clone(), value }
}

/// Where a text is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// Expanded once for each host later.
    Check,
    Elsewhere,
}

/// The variables of a load: `vars`, and what hosts are called.
pub(super) struct Variables<'a> {
    sources: &'a Sources,
    vars: Vec<(Located<String>, NodeValue)>,
    places: HashMap<String, usize>,
    hosts: HashMap<&'a str, &'a Node>,
    done: HashMap<String, Option<NodeValue>>,
    chain: Vec<String>,
    expanded: usize,
    /// Every file was read, so what is not declared does not exist.
    complete: bool,
}

impl<'a> Variables<'a> {
    /// From the declarations of all files, without duplicates, and the
    /// command line's values, which are taken as they are.
    pub(super) fn new(
        sources: &'a Sources,
        vars: Vec<(Located<String>, &Node)>,
        hosts: impl Iterator<Item = (&'a str, &'a Node)>,
        overrides: &[(String, String)],
        complete: bool,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let places: HashMap<String, usize> =
            vars.iter().enumerate().map(|(place, (name, _))| (name.value.clone(), place)).collect();
        let vars = vars.into_iter().map(|(name, node)| (name, node.value.clone())).collect();
        let mut variables = Self {
            sources,
            vars,
            places,
            hosts: hosts.collect(),
            done: HashMap::new(),
            chain: Vec::new(),
            expanded: 0,
            complete,
        };
        for (name, value) in overrides {
            variables.set(name, value, diagnostics);
        }
        variables
    }

    fn set(&mut self, name: &str, text: &str, diagnostics: &mut Diagnostics) {
        let Some(&place) = self.places.get(name) else {
            if !self.complete {
                return;
            }
            let problem = Diagnostic::error("unknown-variable", format!("`--var {name}`: the baseline declares no variable `{name}`"), None);
            diagnostics.push(match did_you_mean(name, self.places.keys().map(String::as_str)) {
                Some(meant) => problem.suggestion(format!("did you mean `{meant}`?")),
                None => problem.suggestion("only what stands below `vars:` can be set"),
            });
            return;
        };
        let (declared, value) = &self.vars[place];
        // The declaration tells the type: `15` may be a version or a port.
        let resolved = scalar::resolve(text);
        let expected = match value {
            NodeValue::Number(..) if !matches!(resolved, Ok(NodeValue::Number(..))) => "a number",
            NodeValue::Bool(_) if !matches!(resolved, Ok(NodeValue::Bool(_))) => "true or false",
            NodeValue::Number(..) | NodeValue::Bool(_) | NodeValue::Null | NodeValue::String(_) | NodeValue::Seq(_) | NodeValue::Map(_) => "",
        };
        if !expected.is_empty() {
            let message = format!("`--var {name}`: expected {expected}, as the declaration has it, saw `{text}`");
            diagnostics.push(Diagnostic::error("wrong-type", message, declared.at.clone()).label("declared here"));
            return;
        }
        let value = match (value, resolved) {
            (NodeValue::Number(..) | NodeValue::Bool(_), Ok(value)) => value,
            _ => NodeValue::String(text.to_owned()),
        };
        self.done.insert(format!("vars.{name}"), Some(value));
    }

    /// Every variable with its value as text, in the order of declaration.
    pub(super) fn resolved(&mut self, diagnostics: &mut Diagnostics) -> Vec<(Located<String>, String)> {
        let names: Vec<Located<String>> = self.vars.iter().map(|(name, _)| name.clone()).collect();
        names
            .into_iter()
            .filter_map(|name| {
                let value = self.value(&format!("vars.{}", name.value), &name.at, diagnostics)?;
                Some((name, text_of(&value)?))
            })
            .collect()
    }

    /// A file's tree with its variables expanded: all of them, but `${host.…}`
    /// in checks. `vars` and `include` are left as written.
    pub(super) fn expand_file(&mut self, root: &Node, diagnostics: &mut Diagnostics) -> Node {
        let NodeValue::Map(sections) = &root.value else { return root.clone() };
        let sections = sections
            .iter()
            .map(|(key, node)| {
                let node = match key.value.as_str() {
                    "vars" | "include" => node.clone(),
                    "phases" => each_entry(node, &mut |phase| {
                        NodeValue::Map(
                            phase
                                .entries()
                                .iter()
                                .map(|(key, node)| {
                                    let node = match (key.value.as_str(), &node.value) {
                                        ("checks", NodeValue::Map(_)) => each_entry(node, &mut |check| {
                                            self.expand(check, Within::Check, diagnostics).value
                                        }),
                                        _ => self.expand(node, Within::Elsewhere, diagnostics),
                                    };
                                    (key.clone(), node)
                                })
                                .collect(),
                        )
                    }),
                    _ => self.expand(node, Within::Elsewhere, diagnostics),
                };
                (key.clone(), node)
            })
            .collect();
        Node { at: root.at.clone(), value: NodeValue::Map(sections) }
    }

    fn expand(&mut self, node: &Node, within: Within, diagnostics: &mut Diagnostics) -> Node {
        map_strings(node, &mut |text, at| {
            self.text(text, at, within, diagnostics).unwrap_or_else(|| {
                diagnostics.silence(at.clone());
                NodeValue::String(text.to_owned())
            })
        })
    }

    /// A text's value: of a text that is one variable and nothing else, the
    /// variable's, with its type. Nothing when a problem was reported.
    fn text(&mut self, text: &str, at: &Location, within: Within, diagnostics: &mut Diagnostics) -> Option<NodeValue> {
        let pieces = pieces(text);
        if let [Piece::Name(name)] = pieces[..]
            && !(within == Within::Check && name.starts_with("host."))
        {
            let value = self.value(name, &self.narrow(at, name), diagnostics)?;
            return Some(match value {
                NodeValue::String(text) if within == Within::Check => NodeValue::String(text.replace("${", "$${")),
                value => value,
            });
        }
        let mut out = Output { within, text: String::new(), literal: String::new() };
        let mut sound = true;
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.literal.push_str(text),
                Piece::Escape => out.literal.push_str("${"),
                Piece::Malformed(written) => {
                    diagnostics.push(malformed(written, at.clone()));
                    sound = false;
                }
                Piece::Name(name) if within == Within::Check && name.starts_with("host.") => {
                    if !OF_THE_HOST.contains(&name) {
                        diagnostics.push(unknown(name, OF_THE_HOST.into_iter(), self.narrow(at, name)));
                        sound = false;
                    } else if !out.later(name) {
                        let message = format!("a `$` right before `${{{name}}}` cannot be told from the escape `$${{`");
                        diagnostics.push(Diagnostic::error("bad-variable", message, at.clone()).suggestion("put something between them"));
                        sound = false;
                    }
                }
                Piece::Name(name) => match self.value(name, &self.narrow(at, name), diagnostics).as_ref().and_then(text_of) {
                    Some(value) => out.literal.push_str(&value),
                    None => sound = false,
                },
            }
        }
        let text = out.finish();
        self.expanded = self.expanded.saturating_add(text.len());
        if self.expanded > MAX_EXPANDED {
            if self.expanded - text.len() <= MAX_EXPANDED {
                let message = format!("the variables expand to more than {} MiB", MAX_EXPANDED >> 20);
                diagnostics.push(Diagnostic::error("too-large", message, at.clone()).suggestion("write fewer variables of variables"));
            }
            return None;
        }
        sound.then_some(NodeValue::String(text))
    }

    /// The place of `${name}` in a scalar, where it is written as it reads.
    fn narrow(&self, at: &Location, name: &str) -> Location {
        let written = self.sources.raw(at.source).get(at.span.clone()).unwrap_or_default();
        let whole = format!("${{{name}}}");
        match written.find(&whole) {
            Some(start) => {
                let start = at.span.start + start;
                Location::new(at.source, start..start + whole.len())
            }
            None => at.clone(),
        }
    }

    fn value(&mut self, name: &str, at: &Location, diagnostics: &mut Diagnostics) -> Option<NodeValue> {
        let full = if name.starts_with("vars.") || name.starts_with("hosts.") || name.starts_with("host.") {
            name.to_owned()
        } else {
            format!("vars.{name}")
        };
        if let Some(done) = self.done.get(&full) {
            return done.clone();
        }
        if self.chain.contains(&full) || self.chain.len() >= MAX_CHAIN {
            diagnostics.push(self.loops(&full, at));
            return None;
        }
        let Some((text, defined)) = self.definition(&full, name, at, diagnostics) else {
            self.done.insert(full, None);
            return None;
        };
        let value = match text {
            NodeValue::String(text) if text.contains("${") => {
                self.chain.push(full.clone());
                let value = self.text(&text, &defined, Within::Elsewhere, diagnostics);
                self.chain.pop();
                value
            }
            value => Some(value),
        };
        self.done.insert(full, value.clone());
        value
    }

    /// What is written for a name, and where.
    fn definition(
        &self,
        full: &str,
        name: &str,
        at: &Location,
        diagnostics: &mut Diagnostics,
    ) -> Option<(NodeValue, Location)> {
        if let Some(variable) = full.strip_prefix("vars.") {
            let Some(&place) = self.places.get(variable) else {
                if self.complete {
                    diagnostics.push(unknown(name, self.known().iter().map(String::as_str), at.clone()));
                }
                return None;
            };
            let (declared, value) = &self.vars[place];
            // What is no scalar is reported where it is declared.
            text_of(value)?;
            return Some((value.clone(), declared.at.clone()));
        }
        if full.starts_with("host.") {
            let problem = Diagnostic::error("host-outside-check", format!("`${{{name}}}` means something inside a check only"), at.clone());
            diagnostics.push(problem.suggestion("name the host: `${hosts.ID.address}`"));
            return None;
        }
        let found = full.strip_prefix("hosts.").and_then(|rest| rest.rsplit_once('.'));
        let node = found.and_then(|(id, field)| {
            let host = self.hosts.get(id)?;
            match field {
                "address" => host.get("address"),
                "user" | "port" => host.get("ssh")?.get(field),
                _ => None,
            }
        });
        match node {
            Some(node) if text_of(&node.value).is_some() => Some((node.value.clone(), node.at.clone())),
            // Reported where the host is.
            Some(_) => None,
            None if !self.complete => None,
            None => {
                diagnostics.push(self.unknown_host_field(name, found, at));
                None
            }
        }
    }

    fn unknown_host_field(&self, name: &str, found: Option<(&str, &str)>, at: &Location) -> Diagnostic {
        match found {
            Some((id, field @ ("address" | "user" | "port"))) if self.hosts.contains_key(id) => {
                let message = format!("the baseline gives no {field} for the host `{id}`");
                let path = if field == "address" { "address: …".to_owned() } else { format!("ssh: {{ {field}: … }}") };
                Diagnostic::error("unknown-variable", message, at.clone()).suggestion(format!("add `{path}` to the host"))
            }
            _ => {
                let known = self.known();
                let problem = unknown(name, known.iter().map(String::as_str), at.clone());
                if known.iter().any(|known| known.starts_with("hosts.")) {
                    problem
                } else {
                    problem.suggestion("of a host there are `${hosts.ID.address}`, `.user` and `.port`")
                }
            }
        }
    }

    /// Names to suggest, in a fixed order.
    fn known(&self) -> Vec<String> {
        let mut hosts: Vec<&str> = self.hosts.keys().copied().collect();
        hosts.sort_unstable();
        let of_hosts =
            hosts.iter().flat_map(|id| ["address", "user", "port"].map(|field| format!("hosts.{id}.{field}")));
        let vars = self.vars.iter().map(|(name, _)| name.value.clone());
        let full = self.vars.iter().map(|(name, _)| format!("vars.{}", name.value));
        vars.chain(full).chain(of_hosts).chain(OF_THE_HOST.map(str::to_owned)).collect()
    }

    fn loops(&self, full: &str, at: &Location) -> Diagnostic {
        let Some(from) = self.chain.iter().position(|name| name == full) else {
            let message = format!("variables of variables, {MAX_CHAIN} deep");
            return Diagnostic::error("variable-loop", message, at.clone()).suggestion("name the last of them directly");
        };
        let whole: Vec<&str> = self.chain[from..].iter().map(String::as_str).chain([full]).collect();
        Diagnostic::error("variable-loop", format!("variables in a circle: {}", whole.join(" → ")), at.clone())
            .suggestion("give one of them a value of its own")
    }
}

/// The text being made. What was expanded is escaped where it will be looked
/// at again.
struct Output {
    within: Within,
    text: String,
    literal: String,
}

impl Output {
    fn flush(&mut self) {
        let literal = std::mem::take(&mut self.literal);
        match self.within {
            Within::Check => self.text.push_str(&literal.replace("${", "$${")),
            Within::Elsewhere => self.text.push_str(&literal),
        }
    }

    /// Leaves a variable for the second pass; false where it would be read as
    /// an escape there.
    fn later(&mut self, name: &str) -> bool {
        self.flush();
        let clear = !self.text.ends_with('$');
        self.text.push_str("${");
        self.text.push_str(name);
        self.text.push('}');
        clear
    }

    fn finish(mut self) -> String {
        self.flush();
        self.text
    }
}

fn each_entry(node: &Node, value: &mut dyn FnMut(&Node) -> NodeValue) -> Node {
    let NodeValue::Map(entries) = &node.value else { return node.clone() };
    let entries = entries
        .iter()
        .map(|(key, node)| {
            let value = if matches!(node.value, NodeValue::Map(_)) { value(node) } else { node.value.clone() };
            (key.clone(), Node { at: node.at.clone(), value })
        })
        .collect();
    Node { at: node.at.clone(), value: NodeValue::Map(entries) }
}

/// A scalar as text.
fn text_of(value: &NodeValue) -> Option<String> {
    match value {
        NodeValue::String(text) | NodeValue::Number(_, text) => Some(text.clone()),
        NodeValue::Bool(value) => Some(value.to_string()),
        NodeValue::Null | NodeValue::Seq(_) | NodeValue::Map(_) => None,
    }
}

#[cfg(test)]
mod tests;
