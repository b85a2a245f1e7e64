//! Which warnings somebody has accepted, as the file beside the baseline says.

use std::path::PathBuf;

use super::args::{self, WaiversFile};
use super::exit::Exit;
use super::input;
use crate::baseline::{self, Diagnostic, Disk, LoadedWaivers, did_you_mean};
use crate::engine::Waiver;
use crate::plan::Plan;

/// The waivers file of a command: the one that `--waivers` names, else the one
/// beside the baseline. None for `--waivers none`, and of the built-in baseline.
pub(super) fn path(waivers: &WaiversFile, baseline: Option<&str>) -> Option<PathBuf> {
    match (waivers.waivers.as_deref(), baseline) {
        (Some("none"), _) | (None, None) => None,
        (Some(path), _) => Some(PathBuf::from(path)),
        (None, Some(baseline)) => Some(baseline::waivers_path(baseline.as_ref())),
    }
}

/// Reads the waivers file; nothing where there is none. One that is named has
/// to be there.
pub(super) fn read(waivers: &WaiversFile, baseline: Option<&str>) -> Option<LoadedWaivers> {
    let path = path(waivers, baseline)?;
    // Only where nothing at all has that name: a link to nowhere, or a folder
    // that may not be entered, is no proof that nobody wrote one.
    let is_missing = matches!(path.symlink_metadata(), Err(error) if error.kind() == std::io::ErrorKind::NotFound);
    if is_missing && waivers.waivers.is_none() {
        return None;
    }
    Some(baseline::load_waivers(&path.display().to_string(), &Disk))
}

/// Warns of waivers that name no check of the plan.
pub(super) fn warn_of_unknown(loaded: &mut LoadedWaivers, plan: &Plan) {
    for waiver in loaded.waivers.iter().filter(|waiver| !waiver.superseded) {
        if plan.find_checks(&waiver.check).is_ok() {
            continue;
        }
        let ids = plan.checks.iter().flat_map(|check| {
            let base = check.id.split_once('@').map_or("", |(base, _)| base);
            [check.id.as_str(), base]
        });
        let near = did_you_mean(&waiver.check, ids.filter(|id| !id.is_empty()));
        let warning = Diagnostic::warning(
            "unknown-check",
            format!(
                "the baseline {} has no check `{}`, so this waiver accepts nothing",
                plan.name, waiver.check.value
            ),
            waiver.check.at.clone(),
        );
        loaded.diagnostics.push(match near {
            Some(near) => warning.suggestion(format!("did you mean `{near}`?")),
            None => warning.suggestion("take it out; `coldstart plan` lists the checks"),
        });
    }
}

/// What a run is told of its waivers. What is wrong with them goes to standard
/// error.
///
/// # Errors
/// [`Exit::Baseline`] for a file with errors: nobody knows what it would accept.
pub(super) fn for_run(
    waivers: &WaiversFile,
    baseline: &args::Baseline,
    plan: &Plan,
    display: &args::Display,
) -> Result<Vec<Waiver>, Exit> {
    let Some(mut loaded) = read(waivers, baseline.baseline.as_deref()) else {
        return Ok(Vec::new());
    };
    warn_of_unknown(&mut loaded, plan);
    input::show(&loaded.diagnostics, &loaded.sources, display);
    if loaded.diagnostics.has_errors() {
        return Err(Exit::Baseline);
    }
    Ok(loaded.waivers.iter().map(told).collect())
}

/// A waiver as runs know it.
pub(super) fn told(waiver: &baseline::Waiver) -> Waiver {
    Waiver {
        check: waiver.check.value.clone(),
        reason: waiver.reason.clone(),
        by: waiver.by.clone(),
        accepted_at: waiver.accepted_at,
        until: waiver.until,
    }
}
