//! YAML → [`Baseline`]: positions kept, files included, variables expanded,
//! and every problem of every file told at once.

mod build;
mod conceal;
mod conform;
mod coverage;
mod diagnostic;
mod document;
mod files;
mod include;
mod mask;
mod model;
mod node;
mod remains;
mod render;
mod scalar;
mod secrets;
mod source;
mod timespan;
mod validate;
mod variables;
mod waivers;
mod wording;
mod yaml;

use include::ReadFiles;
use sha2::{Digest, Sha256};
use variables::Variables;

pub use conceal::conceal;
pub use conform::conform;
pub use coverage::{Coverage, CoverageCell, CoverageLayer, CoverageService};
pub use diagnostic::{Diagnostic, Diagnostics, Severity, did_you_mean};
pub use files::{Disk, Files};
pub use model::{
    Baseline, Check, Condition, Defaults, Diagnosis, Fresh, Guardrail, Host, Match, Phase,
    PhaseDefaults, PolicyAllow, Release, Retry, Signature, Ssh, Trend,
};
pub use node::{Node, NodeValue};
pub use source::{Located, Location, SourceId, Sources};
pub use timespan::parse as parse_time_span;
pub use waivers::{
    LoadedWaivers, NewWaiver, Waiver, load_waivers, parse_until, waivers_path, waivers_schema,
};

/// What a load came to.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Every file that was read, for rendering.
    pub sources: Sources,
    /// Every problem that was found.
    pub diagnostics: Diagnostics,
    /// What every file that could be read holds, variables expanded: also what
    /// the format has no place for. For [`conceal`].
    pub trees: Vec<Node>,
    /// The baseline, when there was no error.
    pub baseline: Option<Baseline>,
    /// The baseline in spite of its errors, as far as it means something
    /// without its wrong parts. Only to look for further mistakes in:
    /// it must not be run.
    pub flawed: Option<Baseline>,
    /// The checks of `flawed` that lack a part that could not be read.
    pub tainted: Vec<Location>,
}

/// Errors that leave the types sound and every chain of jumps with an end; keys
/// that are unknown are left out of what is looked at further.
const LOOSE_ENDS: [&str; 5] = [
    "inline-secret",
    "unknown-reference",
    "no-checks",
    "no-conditions",
    UNKNOWN_KEY,
];
const UNKNOWN_KEY: &str = "unknown-key";

fn is_loose(found: &Diagnostic) -> bool {
    found.severity != Severity::Error || LOOSE_ENDS.contains(&found.code)
}

/// Reads the baseline at the path `entry` and all that it includes.
/// `overrides` are variables from the command line, name and value.
#[must_use]
pub fn load(entry: &str, files: &dyn Files, overrides: &[(String, String)]) -> Loaded {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let mut read = include::read(entry, files, &mut sources, &mut diagnostics);
    let mut tainted = Vec::new();
    let built = if read.files.is_empty() {
        None
    } else {
        check(
            &mut read,
            &sources,
            overrides,
            &mut tainted,
            &mut diagnostics,
        )
    };
    let trees = read.files.into_iter().map(|file| file.root).collect();
    let (baseline, flawed) = if diagnostics.has_errors() {
        (None, built)
    } else {
        (built, None)
    };
    Loaded {
        sources,
        diagnostics,
        trees,
        baseline,
        flawed,
        tainted,
    }
}

/// Expands the trees in place and reports all that is wrong with them. Yields
/// a baseline as long as that leaves one to look at.
fn check(
    read: &mut ReadFiles,
    sources: &Sources,
    overrides: &[(String, String)],
    tainted: &mut Vec<Location>,
    diagnostics: &mut Diagnostics,
) -> Option<Baseline> {
    let (expanded, vars) = expand(read, sources, overrides, diagnostics);
    secrets::refuse_inline(
        read.files.iter().map(|file| &file.root),
        expanded.iter(),
        sources,
        diagnostics,
    );
    let mut written = Vec::new();
    for (file, root) in read.files.iter_mut().zip(expanded) {
        written.push(std::mem::replace(&mut file.root, root));
    }
    let (document, fragment) = (schema(), fragment_schema());
    for file in &read.files {
        let schema = if file.entry { &document } else { &fragment };
        conform(&file.root, schema, schema, diagnostics);
    }
    validate::validate(read, diagnostics);
    let without_wrong_parts = if diagnostics.iter().all(is_loose) {
        None
    } else {
        let expand = |read: &ReadFiles, told: &mut Diagnostics| {
            let (expanded, _) = expand(read, sources, overrides, told);
            expanded
        };
        let remains = remains::remains(read, written, &expand, diagnostics)?;
        *tainted = remains.tainted;
        Some(remains.files)
    };
    let unknown: Vec<Location> = diagnostics
        .iter()
        .filter(|found| found.code == UNKNOWN_KEY)
        .filter_map(|found| found.at.clone())
        .collect();
    let digest = digest(sources, overrides);
    if unknown.is_empty() && without_wrong_parts.is_none() {
        return build::build(read, vars, digest, diagnostics);
    }
    let mut known = without_wrong_parts.unwrap_or_else(|| (*read).clone());
    for file in &mut known.files {
        file.root.remove_keys(&unknown);
    }
    build::build(&known, vars, digest, diagnostics)
}

/// The trees with their variables expanded, and every variable with its value.
fn expand(
    read: &ReadFiles,
    sources: &Sources,
    overrides: &[(String, String)],
    diagnostics: &mut Diagnostics,
) -> (Vec<Node>, Vec<(Located<String>, String)>) {
    let hosts = read
        .entries("hosts")
        .map(|(id, node)| (id.value.as_str(), node));
    let declared = read
        .entries("vars")
        .map(|(name, node)| (name.clone(), node))
        .collect();
    let mut variables = Variables::new(
        sources,
        declared,
        hosts,
        overrides,
        read.complete,
        diagnostics,
    );
    let vars = variables.resolved(diagnostics);
    let expanded = read
        .files
        .iter()
        .map(|file| variables.expand_file(&file.root, diagnostics))
        .collect();
    (expanded, vars)
}

/// SHA-256 over what decides what is checked, each part with its length before
/// it, so that no two lists of parts look the same.
fn digest(sources: &Sources, overrides: &[(String, String)]) -> String {
    let mut hash = Sha256::new();
    let texts = sources.ids().map(|id| sources.raw(id));
    let overrides = overrides
        .iter()
        .flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    for part in texts.chain(overrides) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize()
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The JSON Schema of a baseline file. A check's body, `$defs/Check`, is open:
/// the kinds' keys are `plan`'s to add.
#[must_use]
pub fn schema() -> serde_json::Value {
    document::schema()
}

/// The JSON Schema of an included file, which has no `name`, `title` or
/// `defaults` and need not repeat the `version`.
#[must_use]
pub fn fragment_schema() -> serde_json::Value {
    document::fragment_schema()
}
