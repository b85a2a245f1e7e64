//! One check of a kind, planned as a baseline's own: what the tests that hold
//! every kind to its promises start from.

use std::io;
use std::path::Path;

use coldstart::baseline::{self, Files};
use coldstart::plan::{self, Plan};

/// The machines that the examples speak of, as `hosts` of a baseline.
pub(crate) fn stack(each: impl Fn(&str) -> String) -> String {
    ["data188", "ops110", "k3s120", "k3s121"]
        .map(|id| format!("{id}: {{ {} }}", each(id)))
        .join(", ")
}

/// Where the examples have them. Planning asks none of them anything.
pub(crate) fn documented() -> String {
    stack(|id| {
        format!(
            "address: 192.168.0.{}, ssh: {{ user: ops }}",
            &id[id.len() - 3..]
        )
    })
}

/// The one file there is.
struct OneFile(String);

impl Files for OneFile {
    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        if path != Path::new("baseline.yml") {
            return Err(io::ErrorKind::NotFound.into());
        }
        if self.0.len() > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(self.0.clone().into_bytes())
    }
}

/// Plans a baseline of these hosts, whose one check is `body`: the lines that
/// stand below a check's id.
///
/// # Errors
/// Every diagnostic, warnings too, as the user would read it.
pub(crate) fn planned(hosts: &str, body: &str) -> Result<Plan, String> {
    let body: String = body
        .lines()
        .map(|line| format!("        {line}\n"))
        .collect();
    // What a check of kind `coverage` tells of.
    let coverage = "coverage: { layers: { offsite: {} }, services: { gitea: { offsite: \
                    { excluded: \"made again from mirrors\" } } } }";
    let text = format!(
        "version: 1\nname: one-check\nhosts: {{ {hosts} }}\n{coverage}\n\
         phases:\n  P0:\n    checks:\n      the-check:\n{body}"
    );
    let mut loaded = baseline::load("baseline.yml", &OneFile(text), &[]);
    let plan = loaded
        .baseline
        .as_ref()
        .and_then(|baseline| plan::build(baseline, &loaded.sources, &mut loaded.diagnostics));
    let told = loaded.diagnostics.render(&loaded.sources, false, 100);
    match plan {
        Some(plan) if told.is_empty() => Ok(plan),
        _ => Err(told),
    }
}
