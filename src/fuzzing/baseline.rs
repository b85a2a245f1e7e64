//! A baseline, and a file that it may include as `included.yml`: what comes
//! after a line `%%%`.

use std::io;
use std::path::Path;

use super::report::assert_harmless;
use crate::baseline::{self, Diagnostics, Files, Sources};
use crate::plan;

struct Split<'a> {
    entry: &'a [u8],
    included: &'a [u8],
}

impl Files for Split<'_> {
    fn read(&self, path: &Path, _: usize) -> io::Result<Vec<u8>> {
        match path.to_str() {
            Some("entry.yml") => Ok(self.entry.to_owned()),
            Some("included.yml") => Ok(self.included.to_owned()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// Loads and plans. Whatever is wrong is told at a place in the file that has
/// it, in text that a terminal can print.
pub(super) fn target(input: &[u8]) {
    const SEPARATOR: &[u8] = b"\n%%%\n";
    let cut = input
        .windows(SEPARATOR.len())
        .position(|window| window == SEPARATOR);
    let (entry, included) = match cut {
        Some(at) => (&input[..=at], &input[at + SEPARATOR.len()..]),
        None => (input, &[][..]),
    };
    let loaded = baseline::load("entry.yml", &Split { entry, included }, &[]);
    let mut diagnostics = loaded.diagnostics;
    if let Some(flawed) = &loaded.flawed {
        drop(plan::build(flawed, &loaded.sources, &mut diagnostics));
    }
    let plan = loaded
        .baseline
        .and_then(|baseline| plan::build(&baseline, &loaded.sources, &mut diagnostics));
    told(&diagnostics, &loaded.sources);
    assert!(
        plan.is_some() != diagnostics.has_errors(),
        "a plan, or an error that says why there is none"
    );
    let Some(plan) = plan else { return };
    for check in &plan.checks {
        drop(check.goal());
        drop(check.requests(&plan.policy));
        assert!(!check.worst_case().is_zero(), "{}", check.id);
        drop(check.defaults());
    }
    drop(plan.critical_path());
    drop(plan.secrets());
    drop(crate::engine::planned_run(&plan, false));
}

pub(super) fn told(diagnostics: &Diagnostics, sources: &Sources) {
    for diagnostic in diagnostics {
        let places = diagnostic.related.iter().map(|(at, _)| at);
        for at in places.chain(&diagnostic.at) {
            let text = sources.text(at.source);
            assert!(
                text.get(at.span.clone()).is_some(),
                "{:?} is in no {} bytes: {diagnostic:?}",
                at.span,
                text.len()
            );
            let (line, column) = sources.line_column(at);
            assert!(line > 0 && column > 0, "{diagnostic:?}");
        }
    }
    assert_harmless(&diagnostics.render(sources, false, 80));
    drop(diagnostics.render(sources, true, 20));
    drop(diagnostics.to_json(sources));
}
