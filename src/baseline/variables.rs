//! `${name}` in strings.
//!
//! A load expands what is the same for every host. Inside a check `${host.…}`
//! is left for [`Node::expand`], once for each host, and what was already
//! expanded is escaped so that this second pass leaves it as it is.

use std::collections::HashMap;

use super::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use super::mask;
use super::node::{Node, NodeValue};
use super::scalar;
use super::source::{Located, Location, Sources};

mod names;
mod template;

pub(super) use template::expand_node;
use template::{Output, Piece, Within, malformed, map_strings, pieces, text_of, unknown};

/// What a check may say of the host that it looks at.
pub(super) const OF_THE_HOST: [&str; 3] = ["host.id", "host.address", "host.user"];

/// Variables that lead to variables. More is a mistake, and each costs stack.
const MAX_CHAIN: usize = 32;
/// Bytes that all expansions of a load may make together: ten lines of
/// variables that each hold the one before twice are a bomb too.
const MAX_EXPANDED: usize = 16 << 20;

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
        let places: HashMap<String, usize> = vars
            .iter()
            .enumerate()
            .map(|(place, (name, _))| (name.value.clone(), place))
            .collect();
        let vars = vars
            .into_iter()
            .map(|(name, node)| (name, node.value.clone()))
            .collect();
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
            let problem = Diagnostic::error(
                "unknown-variable",
                format!("`--var {name}`: the baseline declares no variable `{name}`"),
                None,
            );
            diagnostics.push(
                match did_you_mean(name, self.places.keys().map(String::as_str)) {
                    Some(meant) => problem.suggestion(format!("did you mean `{meant}`?")),
                    None => problem.suggestion("only what stands below `vars:` can be set"),
                },
            );
            return;
        };
        let (declared, value) = &self.vars[place];
        // The declaration tells the type: `15` may be a version or a port.
        let resolved = scalar::resolve(text);
        let expected = match value {
            NodeValue::Number(..) if !matches!(resolved, Ok(NodeValue::Number(..))) => "a number",
            NodeValue::Bool(_) if !matches!(resolved, Ok(NodeValue::Bool(_))) => "true or false",
            NodeValue::Number(..)
            | NodeValue::Bool(_)
            | NodeValue::Null
            | NodeValue::String(_)
            | NodeValue::Seq(_)
            | NodeValue::Map(_) => "",
        };
        if !expected.is_empty() {
            let seen = if mask::names_a_secret(name) {
                "something else".to_owned()
            } else {
                format!("`{text}`")
            };
            let message = format!(
                "`--var {name}`: expected {expected}, as the declaration has it, saw {seen}"
            );
            diagnostics.push(
                Diagnostic::error("wrong-type", message, declared.at.clone())
                    .label("declared here"),
            );
            return;
        }
        let value = match (value, resolved) {
            (NodeValue::Number(..) | NodeValue::Bool(_), Ok(value)) => value,
            _ => NodeValue::String(text.to_owned()),
        };
        self.done.insert(format!("vars.{name}"), Some(value));
    }

    /// Every variable with its value as text, in the order of declaration.
    pub(super) fn resolved(
        &mut self,
        diagnostics: &mut Diagnostics,
    ) -> Vec<(Located<String>, String)> {
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
        let NodeValue::Map(sections) = &root.value else {
            return root.clone();
        };
        refuse_keys(root, diagnostics);
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
                                        ("checks", NodeValue::Map(_)) => {
                                            each_entry(node, &mut |check| {
                                                self.expand(check, Within::Check, diagnostics).value
                                            })
                                        }
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
        Node {
            at: root.at.clone(),
            value: NodeValue::Map(sections),
        }
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
    fn text(
        &mut self,
        text: &str,
        at: &Location,
        within: Within,
        diagnostics: &mut Diagnostics,
    ) -> Option<NodeValue> {
        let pieces = pieces(text);
        if let [Piece::Name(name)] = pieces[..]
            && !(within == Within::Check && name.starts_with("host."))
        {
            let value = self.value(
                name,
                &self.sources.find(at, &format!("${{{name}}}")),
                diagnostics,
            )?;
            return Some(match value {
                NodeValue::String(text) if within == Within::Check => {
                    NodeValue::String(text.replace("${", "$${"))
                }
                value => value,
            });
        }
        let mut out = Output {
            within,
            text: String::new(),
            literal: String::new(),
        };
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
                        diagnostics.push(unknown(
                            name,
                            OF_THE_HOST.into_iter(),
                            self.sources.find(at, &format!("${{{name}}}")),
                        ));
                        sound = false;
                    } else if !out.later(name) {
                        let message = format!(
                            "a `$` right before `${{{name}}}` cannot be told from the escape `$${{`"
                        );
                        diagnostics.push(
                            Diagnostic::error("bad-variable", message, at.clone())
                                .suggestion("put something between them"),
                        );
                        sound = false;
                    }
                }
                Piece::Name(name) => match self
                    .value(
                        name,
                        &self.sources.find(at, &format!("${{{name}}}")),
                        diagnostics,
                    )
                    .as_ref()
                    .and_then(text_of)
                {
                    Some(value) => out.literal.push_str(&value),
                    None => sound = false,
                },
            }
        }
        let text = out.finish();
        self.expanded = self.expanded.saturating_add(text.len());
        if self.expanded > MAX_EXPANDED {
            if self.expanded - text.len() <= MAX_EXPANDED {
                let message = format!(
                    "the variables expand to more than {} MiB",
                    MAX_EXPANDED >> 20
                );
                diagnostics.push(
                    Diagnostic::error("too-large", message, at.clone())
                        .suggestion("write fewer variables of variables"),
                );
            }
            return None;
        }
        sound.then_some(NodeValue::String(text))
    }

    fn value(
        &mut self,
        name: &str,
        at: &Location,
        diagnostics: &mut Diagnostics,
    ) -> Option<NodeValue> {
        let full =
            if name.starts_with("vars.") || name.starts_with("hosts.") || name.starts_with("host.")
            {
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
}

/// A variable in a key would be left as it stands, which nobody means.
fn refuse_keys(node: &Node, diagnostics: &mut Diagnostics) {
    for (key, value) in node.entries() {
        if key.contains("${") {
            let message = "variables are not expanded in keys";
            let problem = Diagnostic::error("bad-variable", message, key.at.clone());
            diagnostics.push(problem.suggestion("write the key out"));
        }
        refuse_keys(value, diagnostics);
    }
    for item in node.items() {
        refuse_keys(item, diagnostics);
    }
}

fn each_entry(node: &Node, value: &mut dyn FnMut(&Node) -> NodeValue) -> Node {
    let NodeValue::Map(entries) = &node.value else {
        return node.clone();
    };
    let entries = entries
        .iter()
        .map(|(key, node)| {
            let value = if matches!(node.value, NodeValue::Map(_)) {
                value(node)
            } else {
                node.value.clone()
            };
            (
                key.clone(),
                Node {
                    at: node.at.clone(),
                    value,
                },
            )
        })
        .collect();
    Node {
        at: node.at.clone(),
        value: NodeValue::Map(entries),
    }
}

#[cfg(test)]
mod tests;
