//! The `coldstart` program: hands its arguments to [`coldstart::cli::main`].

use std::process::ExitCode;

fn main() -> ExitCode {
    coldstart::cli::main()
}
