//! `coldstart schema`.

use super::args::{Schema, SchemaOf};
use super::exit::Exit;
use super::output::print;
use crate::{plan, scorecard};

pub(super) fn schema(arguments: &Schema) -> Exit {
    let schema = match arguments.of {
        SchemaOf::Baseline => plan::editor_schema(),
        SchemaOf::Scorecard => scorecard::schema(),
    };
    print(&format!("{schema:#}\n"), Exit::Done)
}
