//! YAML → [`Baseline`]: positions kept, files included, variables expanded,
//! and every problem of every file told at once.

mod conform;
mod diagnostic;
mod files;
mod mask;
mod model;
mod node;
mod source;
mod variables;

pub use conform::conform;
pub use diagnostic::{Diagnostic, Diagnostics, Severity, did_you_mean};
pub use files::{Disk, Files};
pub use model::{
    Baseline, Check, Defaults, Guardrail, Host, Phase, PhaseDefaults, PolicyAllow, Retry, Ssh,
};
pub use node::{Node, NodeValue};
pub use source::{Located, Location, SourceId, Sources};

/// What a load came to.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Every file that was read, for rendering.
    pub sources: Sources,
    /// Every problem that was found.
    pub diagnostics: Diagnostics,
    /// The baseline, when there was no error.
    pub baseline: Option<Baseline>,
}

/// Reads the baseline at the path `entry` and all that it includes.
/// `overrides` are variables from the command line, name and value.
#[must_use]
pub fn load(entry: &str, files: &dyn Files, overrides: &[(String, String)]) -> Loaded {
    let _ = (entry, files, overrides);
    Loaded {
        sources: Sources::default(),
        diagnostics: Diagnostics::default(),
        baseline: None,
    }
}

/// The JSON Schema of a baseline file. A check's body is open: the kinds' keys
/// are `plan`'s to add, at `$defs/Check`.
#[must_use]
pub fn schema() -> serde_json::Value {
    serde_json::Value::Null
}

/// The JSON Schema of an included file, which has no `name`, `title` or `defaults`.
#[must_use]
pub fn fragment_schema() -> serde_json::Value {
    serde_json::Value::Null
}
