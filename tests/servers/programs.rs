//! Programs that a test brings along.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes an executable file. A process of its own has it open for writing and nobody
/// else: whatever another test starts in that moment would inherit our open file, and
/// until it is over the kernel does not run the program ("text file busy").
pub fn program(path: &Path, text: &str) {
    let mut child = Command::new("/bin/sh")
        .args(["-ec", "cat >\"$0\"; chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("sh");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(text.as_bytes()).expect("written");
    drop(stdin);
    assert!(child.wait().expect("its end").success());
}
