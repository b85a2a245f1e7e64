//! Servers that run inside the test process, on ports of their own. They use
//! external crates only: unit tests, integration tests and examples include
//! them by path.

pub mod ssh;
