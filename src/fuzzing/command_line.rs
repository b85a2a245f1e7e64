//! Command lines and entries of `policy.allow`.

use crate::transport::command::{Policy, ReadOnlyCommand};

/// What is let through means the same when it is read again, as the shell of
/// a host will read it, and has none of a shell's syntax in it.
pub(super) fn target(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let extended = Policy::entry(&text).map(|entry| Policy::extended(vec![entry]));
    drop(extended);
    let policy = Policy::default();
    let Ok(command) = ReadOnlyCommand::parse(&policy, &text) else {
        return;
    };
    let line = command.line();
    match ReadOnlyCommand::parse(&policy, &line) {
        Ok(again) => assert_eq!(again.pipeline(), command.pipeline(), "{line:?}"),
        Err(refused) => panic!("{line:?} is refused, and {text:?} is not: {refused}"),
    }
    assert!(bare(&line).is_none(), "{:?} in {line:?}", bare(&line));
}

/// The first character that a shell acts on, outside of single quotes; pipes
/// between programs are meant.
fn bare(line: &str) -> Option<char> {
    let mut quoted = false;
    let mut escaped = false;
    for c in line.chars() {
        match c {
            '\'' if !escaped => quoted = !quoted,
            '\\' if !quoted && !escaped => {
                escaped = true;
                continue;
            }
            _ if quoted || escaped => {}
            ';' | '&' | '<' | '>' | '$' | '`' | '(' | ')' | '*' | '?' | '[' | '\n' | '#' | '"' => {
                return Some(c);
            }
            _ => {}
        }
        escaped = false;
    }
    None
}
