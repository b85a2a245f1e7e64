//! One file per format, each a function of a scorecard.
//!
//! Whatever a host said reaches a reader only through [`harmless`].

#[doc(hidden)]
pub mod fixture;
mod harmless;
mod json;
mod progress;
mod readable;
pub mod terminal;

pub use harmless::harmless;
pub use json::{json, json_release};
pub use progress::Progress;
pub use readable::{count, duration};
