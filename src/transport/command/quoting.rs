//! Argument lists → text for a POSIX shell.

/// One argument as a single word of POSIX `sh` (XCU 2.2.2: between single
/// quotes every character keeps its literal value).
pub(super) fn quote(argument: &str) -> String {
    // `=` is left out: `A=b` before a program would set a variable.
    let plain = |next: char| next.is_ascii_alphanumeric() || "_-./:@%+,".contains(next);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    // A single quote cannot stand between single quotes: close, escape, open.
    format!("'{}'", argument.replace('\'', r"'\''"))
}

/// All arguments, each quoted where it has to be.
pub(super) fn quote_all(arguments: &[String]) -> String {
    arguments
        .iter()
        .map(|argument| quote(argument))
        .collect::<Vec<_>>()
        .join(" ")
}
