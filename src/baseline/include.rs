//! The entry file and all that it includes.

use std::io;
use std::path::{Component, Path, PathBuf};

use super::diagnostic::{Diagnostic, Diagnostics};
use super::files::Files;
use super::node::{Node, NodeValue};
use super::source::{Located, Location, SourceId, Sources};
use super::{wording, yaml};

/// Bytes of one file. A baseline of thousands of checks has less than one MiB.
const MAX_BYTES: usize = 8 << 20;
/// Bytes of all files.
const MAX_TOTAL: usize = 32 << 20;
/// Files of one baseline.
const MAX_FILES: usize = 256;
/// Files that include each other in a row.
const MAX_CHAIN: usize = 16;

/// A file that is a map.
#[derive(Clone)]
pub(super) struct ReadFile {
    /// Its root.
    pub(super) root: Node,
    /// The one that includes the others.
    pub(super) entry: bool,
}

/// All files.
#[derive(Clone)]
pub(super) struct ReadFiles {
    /// In the order in which they were come upon.
    pub(super) files: Vec<ReadFile>,
    /// Top-level keys with the index of their file, in the order in which they
    /// count: an included file's where its `include` stands.
    pub(super) sections: Vec<(usize, String)>,
    /// Every file could be read, so what is in none of them does not exist.
    pub(super) complete: bool,
}

impl ReadFiles {
    /// The entries of every section of this name, in the order in which they count.
    pub(super) fn entries<'f>(
        &'f self,
        section: &'f str,
    ) -> impl Iterator<Item = &'f (Located<String>, Node)> {
        self.sections
            .iter()
            .filter(move |(_, key)| key == section)
            .filter_map(move |(file, _)| self.files.get(*file)?.root.get(section))
            .flat_map(Node::entries)
    }
}

/// Reads the file at `entry` and what it includes.
pub(super) fn read(
    entry: &str,
    files: &dyn Files,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> ReadFiles {
    let mut reader = Reader::new("the baseline", files, sources, diagnostics);
    reader.file(PathBuf::from(entry), None);
    reader.read
}

/// Reads the waivers file at `entry`, which includes nothing. Nothing when it
/// is no map, which is reported.
pub(super) fn read_alone(
    entry: &str,
    files: &dyn Files,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let mut reader = Reader::new("the waivers file", files, sources, diagnostics);
    let source = reader.text(Path::new(entry), None)?;
    let root = yaml::parse(sources, source, diagnostics)?;
    if matches!(root.value, NodeValue::Map(_)) {
        return Some(root);
    }
    let message = format!(
        "expected a map of `version` and `waivers`, saw {}",
        wording::seen(&root)
    );
    diagnostics.push(
        Diagnostic::error("not-a-map", message, root.at)
            .suggestion("start with the line `version: 1`"),
    );
    None
}

struct Reader<'a> {
    /// What is read, for those who gave a wrong path.
    what: &'static str,
    files: &'a dyn Files,
    sources: &'a mut Sources,
    diagnostics: &'a mut Diagnostics,
    read: ReadFiles,
    /// Paths from the entry to the file being read.
    chain: Vec<PathBuf>,
    seen: Vec<PathBuf>,
    total: usize,
}

impl<'a> Reader<'a> {
    fn new(
        what: &'static str,
        files: &'a dyn Files,
        sources: &'a mut Sources,
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        Self {
            what,
            files,
            sources,
            diagnostics,
            read: ReadFiles {
                files: Vec::new(),
                sections: Vec::new(),
                complete: true,
            },
            chain: Vec::new(),
            seen: Vec::new(),
            total: 0,
        }
    }

    fn fail(&mut self, problem: Diagnostic) {
        self.read.complete = false;
        self.diagnostics.push(problem);
    }

    fn file(&mut self, path: PathBuf, at: Option<Location>) {
        let identity = normal(&path);
        if let Some(from) = self.chain.iter().position(|open| normal(open) == identity) {
            let whole: Vec<String> = self.chain[from..]
                .iter()
                .chain([&path])
                .map(|path| path.display().to_string())
                .collect();
            self.fail(
                Diagnostic::error(
                    "include-loop",
                    format!("files include each other: {}", whole.join(" → ")),
                    at,
                )
                .suggestion("move what both need into a third file"),
            );
            return;
        }
        // Included twice is as good as once: shared files are there for that.
        if self.seen.contains(&identity) {
            return;
        }
        if self.chain.len() >= MAX_CHAIN || self.seen.len() >= MAX_FILES {
            let message = format!(
                "more than {MAX_FILES} files, or {MAX_CHAIN} that include each other in a row"
            );
            self.fail(
                Diagnostic::error("too-large", message, at).suggestion("put more into each file"),
            );
            return;
        }
        self.seen.push(identity);
        let Some(source) = self.text(&path, at) else {
            return;
        };
        let Some(root) = yaml::parse(self.sources, source, self.diagnostics) else {
            self.read.complete = false;
            return;
        };
        if !matches!(root.value, NodeValue::Map(_)) {
            let message = format!(
                "expected a map of `version`, `hosts`, `phases` and so on, saw {}",
                wording::seen(&root)
            );
            self.fail(
                Diagnostic::error("not-a-map", message, root.at)
                    .suggestion("start with the line `version: 1`"),
            );
            return;
        }
        self.sections(path, root);
    }

    fn sections(&mut self, path: PathBuf, root: Node) {
        let index = self.read.files.len();
        let keys: Vec<String> = root
            .entries()
            .iter()
            .map(|(key, _)| key.value.clone())
            .collect();
        let includes = root.get("include").map(included).unwrap_or_default();
        self.read.files.push(ReadFile {
            root,
            entry: index == 0,
        });
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        self.chain.push(path);
        for key in keys {
            if key == "include" {
                for include in &includes {
                    self.include(&folder, include);
                }
            } else {
                self.read.sections.push((index, key));
            }
        }
        self.chain.pop();
    }

    fn include(&mut self, folder: &Path, include: &Located<String>) {
        let refused = if include.contains("://") {
            Some("a baseline is read from files, not from the network")
        } else if include.contains("${") {
            Some("variables are not known yet when files are included")
        } else if include.is_empty() {
            Some("an include names a file")
        } else {
            None
        };
        if let Some(why) = refused {
            let problem = Diagnostic::error("bad-include", why, include.at.clone());
            self.fail(problem.suggestion("give a path relative to this file, `hosts.yml`"));
            return;
        }
        // Takes out `.` on the way; what `..` means is the file system's to tell.
        self.file(
            folder.join(&include.value).components().collect(),
            Some(include.at.clone()),
        );
    }

    /// Reads a file as text.
    fn text(&mut self, path: &Path, at: Option<Location>) -> Option<SourceId> {
        let name = path.display().to_string();
        let bytes = match self.files.read(path, MAX_BYTES.min(MAX_TOTAL - self.total)) {
            Ok(bytes) => bytes,
            Err(error) => {
                let suggestion = match error.kind() {
                    io::ErrorKind::FileTooLarge => {
                        format!("check that this is {} and not a dump", self.what)
                    }
                    io::ErrorKind::IsADirectory => "name a file in it".to_owned(),
                    io::ErrorKind::PermissionDenied => {
                        "let the user that runs this read the file".to_owned()
                    }
                    _ if at.is_some() => {
                        "an include is relative to the file that it stands in".to_owned()
                    }
                    _ => format!("give the path of {}", self.what),
                };
                let message = format!("cannot read {name}: {}", reason(&error));
                self.fail(Diagnostic::error("unreadable-file", message, at).suggestion(suggestion));
                return None;
            }
        };
        self.total = (self.total + bytes.len()).min(MAX_TOTAL);
        // The mark is no part of the text (YAML 1.2.2, §5.2).
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
        match std::str::from_utf8(bytes) {
            Ok(text) => Some(self.sources.add(name, text)),
            Err(error) => {
                // The replacement is where the first bad byte was: all before it is the same.
                let source = self.sources.add(name, String::from_utf8_lossy(bytes));
                let start = error.valid_up_to();
                let at = Location::new(
                    source,
                    start..start + char::REPLACEMENT_CHARACTER.len_utf8(),
                );
                let byte = bytes.get(start).copied().unwrap_or_default();
                let wide = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF");
                let encoding = if wide { "this looks like UTF-16; " } else { "" };
                self.fail(
                    Diagnostic::error(
                        "not-utf8",
                        format!("the byte 0x{byte:02X} at offset {start} is not UTF-8"),
                        at,
                    )
                    .suggestion(format!("{encoding}save the file as UTF-8")),
                );
                None
            }
        }
    }
}

/// The texts of `include`; what else it holds is the schema's to refuse.
fn included(node: &Node) -> Vec<Located<String>> {
    std::iter::once(node)
        .chain(node.items())
        .filter_map(Node::as_located)
        .collect()
}

/// One spelling for a path, for telling whether two are of one file.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(normal.components().next_back(), Some(Component::Normal(_))) =>
            {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        io::ErrorKind::FileTooLarge => {
            format!(
                "larger than {} MiB, or than {} MiB together with the files before",
                MAX_BYTES >> 20,
                MAX_TOTAL >> 20
            )
        }
        _ => error.to_string(),
    }
}
