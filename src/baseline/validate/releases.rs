//! What must hold of releases.

use super::super::diagnostic::Diagnostic;
use super::super::include::ReadFiles;
use super::super::node::{Node, NodeValue};
use super::super::source::Located;
use super::{Validation, texts};

const KEYS: [&str; 5] = ["title", "needs", "after", "require", "runbook"];

impl Validation<'_> {
    pub(super) fn releases(&mut self, files: &ReadFiles) {
        let releases: Vec<&(Located<String>, Node)> = files.entries("releases").collect();
        for (id, release) in releases.iter().copied() {
            let needs = texts(release.get("needs"));
            self.repeated(&needs);
            for need in &needs {
                let mut phases = files.entries("phases").map(|(id, _)| id.value.as_str());
                if !phases.any(|phase| phase == need.value) {
                    let phases = files.entries("phases").map(|(id, _)| id.value.as_str());
                    self.unknown("phase", need, phases);
                }
            }
            let after = texts(release.get("after"));
            self.repeated(&after);
            for name in &after {
                let mut others = releases.iter().map(|(other, _)| other.value.as_str());
                if name.value == id.value {
                    self.itself("after", name);
                } else if !others.any(|other| other == name.value) {
                    let others = releases.iter().map(|(other, _)| other.value.as_str());
                    self.unknown("release", name, others.filter(|other| *other != id.value));
                }
            }
            let conditions = release.get("require").map(Node::items).unwrap_or_default();
            let waits = needs.len() + after.len() + conditions.len();
            // A misspelt key is told already, and is what it waits for.
            let misspelt = |(key, _): &(Located<String>, Node)| !KEYS.contains(&key.value.as_str());
            if waits == 0
                && matches!(release.value, NodeValue::Map(_))
                && !release.entries().iter().any(misspelt)
            {
                self.diagnostics.push(
                    Diagnostic::error(
                        "no-conditions",
                        format!(
                            "the release `{}` waits for nothing, so it would always be open",
                            id.value
                        ),
                        id.at.clone(),
                    )
                    .suggestion("add `needs:` with the phases that have to be GREEN"),
                );
            }
        }
    }
}
