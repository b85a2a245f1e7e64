//! `coldstart schema`.

use super::args::{Schema, SchemaOf};
use super::exit::Exit;
use super::output::print;
use crate::{baseline, plan, scorecard};

pub(super) fn schema(arguments: &Schema) -> Exit {
    let schema = match arguments.of {
        SchemaOf::Baseline => plan::editor_schema(),
        SchemaOf::Scorecard => scorecard::schema(),
        SchemaOf::Waivers => baseline::waivers_schema(),
    };
    print(&format!("{schema:#}\n"), Exit::Done)
}
