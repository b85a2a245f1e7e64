//! `coldstart rules`.

use super::args::Rules;
use super::exit::Exit;
use super::input;
use super::output::print;
use crate::report::rules as alerts;

pub(super) fn rules(arguments: &Rules) -> Result<Exit, Exit> {
    let input = input::input(&arguments.baseline, &arguments.display)?;
    let text = alerts::rules(
        &input.plan.metrics_prefix,
        &input.plan.name,
        arguments.every.span(),
    );
    Ok(print(&text, Exit::Done))
}
