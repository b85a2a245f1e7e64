//! A strict subset of the shell's grammar: words, quotes and pipes.
//!
//! Every word is quoted again before it is sent, so nothing in it could act.
//! What the shell would have acted on is refused all the same, because its
//! author expects it to.

use super::Refused;

/// Characters that mean something to a shell, and what to do instead.
const SPECIAL: [(char, &str); 18] = [
    (';', "one check runs one command: write a check for each"),
    (
        '&',
        "a command runs alone and in the foreground: write a check for each",
    ),
    (
        '<',
        "a command reads files by their names: give the file as an argument",
    ),
    (
        '>',
        "nothing is written to files; standard error is kept apart already",
    ),
    (
        '$',
        "nothing is expanded on the host: write the value, or use a variable of the baseline",
    ),
    (
        '`',
        "no command runs within another: write a check for each",
    ),
    (
        '(',
        "there are no subshells: write a check for each, or quote the text",
    ),
    (
        ')',
        "there are no subshells: write a check for each, or quote the text",
    ),
    (
        '{',
        "there are no groups and no brace lists: quote the text",
    ),
    (
        '}',
        "there are no groups and no brace lists: quote the text",
    ),
    (
        '*',
        "file names are not expanded: write the name, use find -name, or quote the pattern",
    ),
    (
        '?',
        "file names are not expanded: write the name, use find -name, or quote the pattern",
    ),
    (
        '[',
        "file names are not expanded: write the name, or quote the pattern",
    ),
    (
        ']',
        "file names are not expanded: write the name, or quote the pattern",
    ),
    (
        '!',
        "what must not hold is said in `require`: `exit_status != 0`; in find write -not",
    ),
    ('\n', "one check runs one command: write it on one line"),
    ('\r', "one check runs one command: write it on one line"),
    ('\0', "no argument can hold it"),
];

/// Splits a command line into the argument lists of its pipeline.
pub(super) fn lex(text: &str) -> Result<Vec<Vec<String>>, Refused> {
    let mut lexer = Lexer {
        text,
        at: 0,
        pipeline: vec![Vec::new()],
        word: None,
    };
    lexer.run()?;
    lexer.end_word();
    if lexer.pipeline.last().is_some_and(Vec::is_empty) {
        let message = if lexer.pipeline.len() == 1 {
            "an empty command"
        } else {
            "no program after the last `|`"
        };
        return Err(Refused::at(text, text.len(), message));
    }
    Ok(lexer.pipeline)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    pipeline: Vec<Vec<String>>,
    /// The word being read; `''` is a word, although an empty one.
    word: Option<String>,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.text
            .get(self.at..)
            .and_then(|rest| rest.chars().next())
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn push(&mut self, next: char) {
        self.word.get_or_insert_default().push(next);
    }

    fn end_word(&mut self) {
        if let (Some(word), Some(arguments)) = (self.word.take(), self.pipeline.last_mut()) {
            arguments.push(word);
        }
    }

    fn refuse(&self, at: usize, message: impl Into<String>) -> Refused {
        Refused::at(self.text, at, message)
    }

    fn run(&mut self) -> Result<(), Refused> {
        let mut assignment = Some(self.at);
        while let Some(next) = self.peek() {
            let start = self.at;
            if let Some((_, instead)) = SPECIAL.iter().find(|(special, _)| *special == next) {
                return Err(self.refuse(
                    start,
                    format!("`{}` is not available here: {instead}", next.escape_debug()),
                ));
            }
            self.bump();
            match next {
                ' ' | '\t' => {
                    self.end_word();
                    if self.pipeline.last().is_some_and(Vec::is_empty) {
                        assignment = Some(self.at);
                    } else {
                        assignment = None;
                    }
                }
                '|' => {
                    self.end_word();
                    if self.peek() == Some('|') {
                        let instead =
                            "an exit status other than 0 is a fact, not a failure of the check";
                        return Err(
                            self.refuse(start, format!("`||` is not available here: {instead}"))
                        );
                    }
                    if self.pipeline.last().is_some_and(Vec::is_empty) {
                        return Err(self.refuse(start, "no program before this `|`"));
                    }
                    self.pipeline.push(Vec::new());
                    assignment = Some(self.at);
                }
                '\'' => self.quoted(start, '\'')?,
                '"' => self.quoted(start, '"')?,
                '\\' => match self.bump() {
                    None | Some('\n' | '\r' | '\0') => {
                        return Err(
                            self.refuse(start, "a backslash with nothing to escape after it")
                        );
                    }
                    Some(escaped) => self.push(escaped),
                },
                '#' if self.word.is_none() => {
                    return Err(self.refuse(
                        start,
                        "`#` starts no comment here: quote it, or leave the comment out",
                    ));
                }
                '~' if self.word.is_none() => {
                    return Err(self.refuse(start, "`~` is not expanded: write the whole path"));
                }
                '=' if assignment.is_some_and(|from| {
                    is_name(self.text.get(from..start).unwrap_or_default())
                }) =>
                {
                    let message = "a variable set before the program is not available here: \
                                   the environment is the login's";
                    return Err(self.refuse(assignment.unwrap_or(start), message));
                }
                _ if next.is_control() => {
                    return Err(self.refuse(
                        start,
                        format!("a control character ({})", next.escape_unicode()),
                    ));
                }
                _ => self.push(next),
            }
        }
        Ok(())
    }

    fn quoted(&mut self, start: usize, quote: char) -> Result<(), Refused> {
        self.word.get_or_insert_default();
        loop {
            let at = self.at;
            match self.bump() {
                None => return Err(self.refuse(start, format!("text without its closing {quote}"))),
                Some('\0') => return Err(self.refuse(at, "a NUL: no argument can hold it")),
                Some(next) if next == quote => return Ok(()),
                Some(next @ ('$' | '`' | '\\')) if quote == '"' => {
                    let message = format!(
                        "`{next}` between double quotes would act in a shell: use single quotes"
                    );
                    return Err(self.refuse(at, message));
                }
                Some(next) => self.push(next),
            }
        }
    }
}

/// Whether the text before `=` would make it an assignment.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .chars()
            .all(|next| next.is_ascii_alphanumeric() || next == '_')
}
