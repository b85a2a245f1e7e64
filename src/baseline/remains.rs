//! What remains of a baseline without its wrong parts, to look for further
//! mistakes in: whoever writes one learns of all of them at once.

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

/// Takes out what cannot be read: keys of checks and of `defaults`, cells of the
/// coverage table, signatures, titles and a host's `connect_timeout`. Nothing when what
/// is wrong lies elsewhere (in a host's address, say), where the rest would mean
/// something else without it.
pub(super) fn remains(files: &ReadFiles, diagnostics: &Diagnostics) -> Option<Remains> {
    let mut remains = Remains {
        files: files.clone(),
        tainted: Vec::new(),
    };
    let mut wrong = Vec::new();
    for problem in diagnostics.iter().filter(|problem| !is_loose(problem)) {
        if lacks_a_first_line(files, problem) {
            continue;
        }
        let at = problem.at.as_ref()?;
        let path = files
            .files
            .iter()
            .find_map(|file| path_to(&file.root, at))?;
        wrong.push(removable(&path)?);
        if let ["phases", _, "checks", ..] = names(&path)[..] {
            let (id, body) = path.get(3)?;
            let from = id.at.span.start;
            let to = body.at.span.end.max(id.at.span.end);
            remains.tainted.push(Location::new(id.at.source, from..to));
        }
    }
    for file in &mut remains.files.files {
        file.root.remove_keys(&wrong);
        if file.entry {
            complete(&mut file.root);
        }
    }
    let (document, fragment) = (document::schema(), document::fragment_schema());
    let mut left = Diagnostics::default();
    for file in &remains.files.files {
        let schema = if file.entry { &document } else { &fragment };
        conform(&file.root, schema, schema, &mut left);
    }
    let sound = left.iter().all(is_loose);
    sound.then_some(remains)
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

/// The key that is taken out for a mistake at the end of a path.
fn removable(path: &[&Entry]) -> Option<Location> {
    let place = match names(path)[..] {
        ["phases", _, "checks", _, _, ..] => 4,
        ["coverage", "services", _, _, ..] => 3,
        ["defaults" | "signatures", _, ..] => 1,
        // Nothing else refers to these.
        ["hosts", _, "title" | "connect_timeout", ..] | ["phases", _, "title", ..] => 2,
        _ => return None,
    };
    path.get(place).map(|(key, _)| key.at.clone())
}
