//! A baseline from the command line, made into a plan.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::args;
use super::exit::Exit;
use super::output::{self, Channel, tell};
use crate::baseline::{self, Diagnostics, Disk, Files, Node, Sources};
use crate::plan::{self, Plan, Selection};

/// What `coldstart check` looks at without a baseline.
const THIS_MACHINE: &str = include_str!("../../baselines/this-machine.yml");
const THIS_MACHINE_NAME: &str = "this-machine.yml (built in)";

/// A plan, and the files it was made of.
pub(super) struct Input {
    pub(super) plan: Arc<Plan>,
    pub(super) sources: Sources,
}

/// What was found in a baseline, and its plan when there was no error.
pub(super) struct Read {
    pub(super) plan: Option<Plan>,
    pub(super) sources: Sources,
    pub(super) diagnostics: Diagnostics,
}

/// Reads the baseline `file`, or the built-in one.
pub(super) fn read(file: Option<&str>, vars: &[(String, String)]) -> Read {
    let loaded = match file {
        Some(file) => baseline::load(file, &Disk, vars),
        None => baseline::load(THIS_MACHINE_NAME, &BuiltIn, vars),
    };
    let baseline::Loaded {
        sources,
        mut diagnostics,
        trees,
        baseline,
        flawed,
        tainted,
    } = loaded;
    if let Some(flawed) = flawed {
        plan::further_problems(&flawed, &tainted, &sources, &mut diagnostics);
    }
    let plan = baseline.and_then(|baseline| plan::build(&baseline, &sources, &mut diagnostics));
    conceal(&trees, &sources, &mut diagnostics);
    Read {
        plan,
        sources,
        diagnostics,
    }
}

/// Where nothing is said, nothing can be told, and no schema need be made.
fn conceal(trees: &[Node], sources: &Sources, diagnostics: &mut Diagnostics) {
    if !diagnostics.is_empty() {
        plan::conceal(trees, sources, diagnostics);
    }
}

/// The name of the baseline `file`, under which its runs are remembered.
///
/// # Errors
/// [`Exit::Baseline`] when the file has errors, which are told.
pub(super) fn name(file: &str, display: &args::Display) -> Result<String, Exit> {
    let mut loaded = baseline::load(file, &Disk, &[]);
    conceal(&loaded.trees, &loaded.sources, &mut loaded.diagnostics);
    show(&loaded.diagnostics, &loaded.sources, display);
    let baseline = loaded.baseline.ok_or(Exit::Baseline)?;
    Ok(baseline.name.value)
}

/// The plan of the baseline that the arguments name. Errors and warnings go to
/// standard error.
///
/// # Errors
/// [`Exit::Baseline`] when there is no plan.
pub(super) fn input(arguments: &args::Baseline, display: &args::Display) -> Result<Input, Exit> {
    let read = read(arguments.baseline.as_deref(), &arguments.vars);
    show(&read.diagnostics, &read.sources, display);
    match read.plan {
        Some(plan) => Ok(Input {
            plan: Arc::new(plan),
            sources: read.sources,
        }),
        None => Err(Exit::Baseline),
    }
}

/// Writes diagnostics to standard error.
pub(super) fn show(diagnostics: &Diagnostics, sources: &Sources, display: &args::Display) {
    if !diagnostics.is_empty() {
        let color = display.colored(Channel::Stderr);
        let text = diagnostics.render(sources, color, output::width(Channel::Stderr));
        tell(text.trim_end());
    }
}

/// For each check, why it is left out.
///
/// # Errors
/// [`Exit::Usage`] for a name that the plan does not know.
pub(super) fn left_out(
    selection: &args::Selection,
    plan: &Plan,
) -> Result<Vec<Option<String>>, Exit> {
    let selection = Selection {
        only: selection.only.clone(),
        skip: selection.skip.clone(),
    };
    selection.apply(plan).map_err(|unknown| {
        for name in unknown {
            tell(&unknown_name(&name, "phase or check", plan));
        }
        Exit::Usage
    })
}

/// What to say of a name that the plan does not know.
pub(super) fn unknown_name(unknown: &plan::UnknownName, what: &str, plan: &Plan) -> String {
    let near = match &unknown.suggestion {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`coldstart plan` lists them".to_owned(),
    };
    format!(
        "error: the baseline {} has no {what} `{}`: {near}",
        plan.name, unknown.name
    )
}

/// The baseline that the program brings along.
struct BuiltIn;

impl Files for BuiltIn {
    fn read(&self, path: &Path, _: usize) -> io::Result<Vec<u8>> {
        if path == Path::new(THIS_MACHINE_NAME) {
            Ok(THIS_MACHINE.as_bytes().to_owned())
        } else {
            Err(io::Error::from(io::ErrorKind::NotFound))
        }
    }
}
