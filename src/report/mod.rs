//! One file per format, each a function of a scorecard.
//!
//! Whatever a host said reaches a reader only through [`harmless`].

#[doc(hidden)]
pub mod fixture;
mod format;
mod github;
mod harmless;
mod html;
mod json;
mod junit;
mod markdown;
mod markup;
pub mod monitor;
mod nagios;
mod progress;
pub mod prometheus;
mod readable;
pub mod rules;
mod tap;
pub mod terminal;
mod words;

pub use format::{Format, Setting};
pub use github::{annotations, guarded};
pub use harmless::harmless;
pub use html::html;
pub use json::{document, json, json_release};
pub use junit::junit;
pub use markdown::markdown;
pub use nagios::nagios;
pub use progress::Progress;
pub use readable::{count, duration};
pub use tap::tap;
