//! A small stack comes back from a power cut, and `coldstart` watches it from
//! BLOCKED to GREEN:
//!
//! ```text
//! cargo run --example cold_boot
//! ```
//!
//! Two hosts with SSH, PostgreSQL, Redis, a registry and an API are played by
//! servers inside of this program, on loopback. `coldstart` is the real one,
//! started with `examples/cold_boot/baseline.yml`. It ends by itself within
//! half a minute, with the exit code of `coldstart`.

#[path = "cold_boot/play.rs"]
mod play;
#[path = "../tests/servers/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod servers;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use tokio::runtime::Runtime;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(problem) => {
            tell(&format!("cold_boot: {problem}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, String> {
    let program = build()?;
    let runtime = Runtime::new().map_err(|error| format!("no threads can be started: {error}"))?;
    let status = runtime
        .block_on(play::perform(
            &program,
            Stdio::inherit(),
            Stdio::inherit(),
            |line| tell(&format!("{line}\n")),
        ))
        .map_err(|error| format!("{} cannot be run: {error}", program.display()))?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

fn tell(text: &str) {
    // Without standard error there is nobody to tell.
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Builds `coldstart`, since `cargo run --example` does not, and tells where it is.
fn build() -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut command = Command::new(&cargo);
    command
        .args(["build", "--quiet", "--bin", "coldstart"])
        // Alone, the program would be built with fewer features of its libraries,
        // which means building most of them a second time.
        .args(["--example", "cold_boot"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit());
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    // `cargo run` tells us of our own package by these; some build scripts
    // would take them for a change and run again.
    let told = ["CARGO_PKG_", "CARGO_MANIFEST_"];
    for (name, _) in std::env::vars_os() {
        if told
            .iter()
            .any(|start| name.to_string_lossy().starts_with(start))
        {
            command.env_remove(name);
        }
    }
    let output = command
        .output()
        .map_err(|error| format!("{} cannot be run: {error}", cargo.display()))?;
    if !output.status.success() {
        return Err(format!("coldstart was not built ({})", output.status));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["kind"][0] == "bin")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| "cargo did not tell where it put coldstart".to_owned())
}
