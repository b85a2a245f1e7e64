//! One file per kind.

mod tcp;

pub use tcp::Tcp;
