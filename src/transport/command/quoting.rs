//! Argument lists → text for a POSIX shell.

/// One argument as a single word of POSIX `sh` (XCU 2.2.2: between single
/// quotes every character keeps its literal value).
///
/// The login shell may be another. In fish a backslash escapes between single
/// quotes as well, so that `\'` would end the word too late; in csh `!` recalls
/// earlier text there. Behind a backslash outside of quotes both are
/// themselves to all of them, so that is where they stand.
pub(in crate::transport) fn quote(argument: &str) -> String {
    // `=` is left out: `A=b` before a program would set a variable.
    let plain = |next: char| next.is_ascii_alphanumeric() || "_-./:@%+,".contains(next);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    let mut quoted = String::from("'");
    for next in argument.chars() {
        match next {
            // Close, escape, open.
            '\'' | '\\' | '!' => quoted.extend(['\'', '\\', next, '\'']),
            next => quoted.push(next),
        }
    }
    quoted.push('\'');
    quoted
}

/// All arguments, each quoted where it has to be.
pub(super) fn quote_all(arguments: &[String]) -> String {
    arguments
        .iter()
        .map(|argument| quote(argument))
        .collect::<Vec<_>>()
        .join(" ")
}
