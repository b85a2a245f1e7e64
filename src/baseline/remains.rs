//! What remains of a baseline without its wrong parts, or with others in their
//! place, to look for further mistakes in: whoever writes one learns of all of
//! them at once.

use super::conform::conform;
use super::diagnostic::{Diagnostic, Diagnostics, Severity};
use super::include::ReadFiles;
use super::node::{Node, NodeValue};
use super::source::{Located, Location};
use super::{document, is_loose};

/// The files without the parts that are wrong, and the checks that lack one.
pub(super) struct Remains {
    pub(super) files: ReadFiles,
    /// From the id to the end of the check.
    pub(super) tainted: Vec<Location>,
}

/// Stands in for an address that cannot be read: an IPv4 address, which every kind
/// takes, of those that are nobody's (RFC 5737).
const ADDRESS: &str = "192.0.2.1";
/// Stands in for a login name.
const USER: &str = "nobody";
/// Stands in for a time limit: so long that none of what must fit in is too long.
const TIMEOUT: &str = "1h";

/// What is done about a mistake, so that the rest can be looked at.
#[derive(Debug, Clone, Copy)]
enum Mend {
    /// The key is taken out: it means nothing to the rest.
    Out,
    /// The value is replaced, because the rest may refer to it.
    Text(&'static str),
    /// The same with a port.
    Port,
    /// A host gets the address that it lacks.
    Host,
    /// A host gets a login, whose parts the rest may refer to.
    Login,
}

/// Takes out what cannot be read, or puts in what can be: keys of checks, `vars`,
/// `defaults`, hosts and releases, cells of the coverage table, signatures and titles.
/// Nothing when what is wrong lies elsewhere (in `policy`, say), where the rest would
/// mean something else without it.
///
/// `written` are the trees of `files` before variables were expanded; `expand` does that
/// anew, since a host's address may stand anywhere.
pub(super) fn remains(
    files: &ReadFiles,
    written: Vec<Node>,
    expand: &dyn Fn(&ReadFiles, &mut Diagnostics) -> Vec<Node>,
    diagnostics: &Diagnostics,
) -> Option<Remains> {
    let mut remains = Remains {
        files: files.clone(),
        tainted: Vec::new(),
    };
    for (file, root) in remains.files.files.iter_mut().zip(written) {
        file.root = root;
    }
    let mut wrong = Mends::default();
    let problems = diagnostics
        .iter()
        .filter(|problem| !is_loose(problem) && !lacks_a_first_line(files, problem));
    for problem in problems {
        wrong.note(&remains.files, problem.at.as_ref()?, problem.code)?;
    }
    // What is wrong with variables was told; what has none is as wrong as they are.
    let mut told = Diagnostics::default();
    wrong.apply_where(&mut remains.files, |section| section != "vars");
    let expanded = expand(&remains.files, &mut told);
    for at in told.silenced() {
        wrong.note(&remains.files, at, "no-value")?;
    }
    for (file, root) in remains.files.files.iter_mut().zip(expanded) {
        file.root = root;
    }
    wrong.apply_where(&mut remains.files, |_| true);
    remains.tainted = wrong.tainted;
    let entry = remains.files.files.iter_mut().find(|file| file.entry);
    complete(&mut entry?.root);
    let (document, fragment) = (document::schema(), document::fragment_schema());
    let mut left = Diagnostics::default();
    for file in &remains.files.files {
        let schema = if file.entry { &document } else { &fragment };
        conform(&file.root, schema, schema, &mut left);
    }
    let sound = left.iter().all(is_loose);
    sound.then_some(remains)
}

/// What is to be mended.
#[derive(Default)]
struct Mends {
    /// Of keys, with the section that they are in.
    keys: Vec<(String, Location, Mend)>,
    tainted: Vec<Location>,
}

impl Mends {
    /// Takes in a mistake; nothing when it cannot be mended.
    fn note(&mut self, files: &ReadFiles, at: &Location, code: &str) -> Option<()> {
        let path = files
            .files
            .iter()
            .find_map(|file| path_to(&file.root, at))?;
        if let Some((place, mend)) = mend(&path, code)? {
            let section = path.first()?.0.value.clone();
            self.keys
                .push((section, path.get(place)?.0.at.clone(), mend));
        }
        if let ["phases", _, "checks", ..] = names(&path)[..] {
            let (id, body) = path.get(3)?;
            let from = id.at.span.start;
            let to = body.at.span.end.max(id.at.span.end);
            self.tainted.push(Location::new(id.at.source, from..to));
        }
        Some(())
    }

    /// Mends what is in those sections.
    fn apply_where(&self, files: &mut ReadFiles, section: impl Fn(&str) -> bool) {
        let mends: Vec<(&Location, Mend)> = self
            .keys
            .iter()
            .filter(|(name, ..)| section(name))
            .map(|(_, at, mend)| (at, *mend))
            .collect();
        if !mends.is_empty() {
            for file in &mut files.files {
                apply(&mut file.root, &mends);
            }
        }
    }
}

/// The keys that `version` and `name` have to be.
const FIRST_LINES: [&str; 2] = ["version", "name"];

fn lacks_a_first_line(files: &ReadFiles, problem: &Diagnostic) -> bool {
    let entry = files.files.iter().find(|file| file.entry);
    problem.severity == Severity::Error
        && problem.code == "missing-key"
        && entry.is_some_and(|entry| {
            problem.at.as_ref() == Some(&entry.root.at)
                && FIRST_LINES.iter().any(|key| {
                    entry.root.get(key).is_none()
                        && problem.message.starts_with(&format!("`{key}` is missing"))
                })
        })
}

/// Gives the entry file the lines that it lacks: they change nothing of what
/// its checks mean.
fn complete(root: &mut Node) {
    let at = root.at.clone();
    for (key, value) in [
        ("version", NodeValue::Number(1.into(), "1".to_owned())),
        ("name", NodeValue::String("unnamed".to_owned())),
    ] {
        if root.get(key).is_none()
            && let NodeValue::Map(entries) = &mut root.value
        {
            let node = Node {
                at: at.clone(),
                value,
            };
            entries.push((Located::new(key.to_owned(), at.clone()), node));
        }
    }
}

type Entry = (Located<String>, Node);

/// The keys on the way down to a place.
fn path_to<'n>(node: &'n Node, at: &Location) -> Option<Vec<&'n Entry>> {
    let entry = node
        .entries()
        .iter()
        .find(|(key, value)| key.at.contains(at) || value.at.contains(at))?;
    let mut path = vec![entry];
    if !entry.0.at.contains(at) {
        path.extend(path_to(&entry.1, at).unwrap_or_default());
    }
    Some(path)
}

fn names<'n>(path: &[&'n Entry]) -> Vec<&'n str> {
    path.iter().map(|(key, _)| key.value.as_str()).collect()
}

/// What is done about a mistake at the end of a path, at which key of it, if
/// anything needs be. Nothing when nothing leaves the rest as it was meant.
fn mend(path: &[&Entry], code: &str) -> Option<Option<(usize, Mend)>> {
    let (place, mend) = match names(path)[..] {
        ["phases", _, "checks", _, "timeout", ..] => (4, Mend::Text(TIMEOUT)),
        ["phases", _, "checks", _, _, ..] => (4, Mend::Out),
        ["phases", _, "defaults", "timeout", ..] => (3, Mend::Text(TIMEOUT)),
        ["phases", _, "defaults", _, ..] => (3, Mend::Out),
        ["phases", _, "title" | "needs", ..] => (2, Mend::Out),
        ["defaults", "timeout", ..] => (1, Mend::Text(TIMEOUT)),
        ["defaults" | "signatures" | "vars", _, ..] => (1, Mend::Out),
        ["coverage", "services", _, _, ..] => (3, Mend::Out),
        ["releases", _, _, ..] => (2, Mend::Out),
        ["releases", _] => (1, Mend::Out),
        // `complete` puts one in.
        ["name" | "title" | "metrics_prefix"] => (0, Mend::Out),
        ["hosts", ref id @ ..] => return host(path, id, code),
        _ => return None,
    };
    Some(Some((place, mend)))
}

/// The same for a host, of whose `path` the names from its id on are `id`.
fn host(path: &[&Entry], id: &[&str], code: &str) -> Option<Option<(usize, Mend)>> {
    let (_, host) = path.get(1)?;
    let local = host.get("local").is_some();
    let (place, mend) = match id {
        [_] if !matches!(host.value, NodeValue::Map(_)) || code == "missing-key" => (1, Mend::Host),
        // A tag that nothing can name is read like any other.
        [_, "tags", ..] if code == "bad-text" => return Some(None),
        [_, "title" | "connect_timeout", ..] => (2, Mend::Out),
        [_, "address" | "ssh", ..] if local => (2, Mend::Out),
        [_, "address", ..] => (2, Mend::Text(ADDRESS)),
        [_, "ssh", "user", ..] => (3, Mend::Text(USER)),
        [_, "ssh", "port", ..] => (3, Mend::Port),
        [_, "ssh", _, ..] => (3, Mend::Out),
        [_, "ssh"] => (2, Mend::Login),
        _ => return None,
    };
    Some(Some((place, mend)))
}

/// Mends the values of keys, wherever an alias repeats them.
fn apply(node: &mut Node, mends: &[(&Location, Mend)]) {
    match &mut node.value {
        NodeValue::Map(entries) => {
            entries.retain_mut(|(key, value)| {
                let own = mends.iter().filter(|(at, _)| **at == key.at);
                for (_, mend) in own {
                    match mend {
                        Mend::Out => return false,
                        Mend::Text(instead) => value.value = text(instead),
                        Mend::Port => value.value = port(),
                        Mend::Host => give_host(value),
                        Mend::Login => give_login(value),
                    }
                }
                apply(value, mends);
                true
            });
        }
        NodeValue::Seq(items) => {
            for item in items {
                apply(item, mends);
            }
        }
        NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(..) | NodeValue::String(_) => {}
    }
}

fn text(text: &str) -> NodeValue {
    NodeValue::String(text.to_owned())
}

fn port() -> NodeValue {
    NodeValue::Number(22.into(), "22".to_owned())
}

fn give_host(host: &mut Node) {
    if !matches!(host.value, NodeValue::Map(_)) {
        let mut login = Node {
            at: host.at.clone(),
            value: NodeValue::Null,
        };
        give_login(&mut login);
        give(host, "ssh", login.value);
    }
    give(host, "address", text(ADDRESS));
}

fn give_login(ssh: &mut Node) {
    give(ssh, "user", text(USER));
    give(ssh, "port", port());
}

/// Adds a key to what is, or should be, a map.
fn give(node: &mut Node, key: &str, value: NodeValue) {
    let at = node.at.clone();
    if !matches!(node.value, NodeValue::Map(_)) {
        node.value = NodeValue::Map(Vec::new());
    }
    if node.get(key).is_none()
        && let NodeValue::Map(entries) = &mut node.value
    {
        let key = Located::new(key.to_owned(), at.clone());
        entries.push((key, Node { at, value }));
    }
}
