//! Prometheus' own tool. Fails where it is missing; `COLDSTART_TEST_NO_PROMTOOL=1`
//! leaves it out on purpose.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Runs `promtool` and asserts that it finds nothing to say against `input`,
/// or against the files that `arguments` name.
pub(crate) fn promtool(arguments: &[&str], input: &str) {
    if std::env::var_os("COLDSTART_TEST_NO_PROMTOOL").is_some_and(|value| value == "1") {
        return;
    }
    let mut promtool = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool (Debian: prometheus); COLDSTART_TEST_NO_PROMTOOL=1 leaves this out");
    let mut stdin = promtool.stdin.take().expect("its input");
    // It says itself why it did not want to read on.
    stdin.write_all(input.as_bytes()).ok();
    drop(stdin);
    let output = promtool.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}\n{input}");
    assert!(output.stderr.is_empty(), "{arguments:?}: {said}\n{input}");
}
