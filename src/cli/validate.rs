//! `coldstart validate`.

use serde_json::json;

use super::args::{Validate, ValidateFormat};
use super::exit::Exit;
use super::input::{self, Read};
use super::output::print;
use super::{release, secrets, waivers};
use crate::baseline::LoadedWaivers;
use crate::report::count;

pub(super) fn validate(arguments: &Validate) -> Exit {
    let files: Vec<Option<&str>> = if arguments.files.is_empty() {
        vec![arguments.baseline.baseline.as_deref()]
    } else {
        arguments
            .files
            .iter()
            .map(|file| Some(file.as_str()))
            .collect()
    };
    let json = arguments.json || arguments.format == ValidateFormat::Json;
    let mut exit = Exit::Done;
    let mut problems = Vec::new();
    let mut summary = String::new();
    for file in files {
        let Read {
            plan,
            sources,
            mut diagnostics,
        } = input::read(file, &arguments.baseline.vars);
        match &plan {
            Some(plan) => {
                secrets::warn_of_missing(plan, &mut diagnostics);
                let signatures = match plan.signatures.len() {
                    0 => String::new(),
                    number => format!(", {}", count(number, "signature")),
                };
                summary += &format!(
                    "{}: no errors in {}, {}, {}{}{signatures}\n",
                    file.unwrap_or(&plan.name),
                    count(plan.hosts.len(), "host"),
                    count(plan.phases.len(), "phase"),
                    count(plan.checks.len(), "check"),
                    release::counted(plan)
                );
            }
            None => exit = Exit::Baseline,
        }
        let mut accepted = waivers::read(&arguments.waivers, file);
        if let Some(accepted) = &mut accepted {
            accepted.warn_of_superseded();
            if let Some(plan) = &plan {
                waivers::warn_of_unknown(accepted, plan);
            }
            if accepted.diagnostics.has_errors() {
                exit = Exit::Baseline;
            }
        }
        if json {
            if let Some(found) = diagnostics.to_json(&sources).as_array() {
                problems.extend(found.iter().cloned());
            }
        } else {
            input::show(&diagnostics, &sources, &arguments.display);
        }
        if let Some(LoadedWaivers {
            diagnostics,
            sources,
            ..
        }) = accepted
        {
            if json {
                if let Some(found) = diagnostics.to_json(&sources).as_array() {
                    problems.extend(found.iter().cloned());
                }
            } else {
                input::show(&diagnostics, &sources, &arguments.display);
            }
        }
    }
    if json {
        let document = json!({ "valid": exit == Exit::Done, "diagnostics": problems });
        return print(&format!("{document:#}\n"), exit);
    }
    print(&summary, exit)
}
