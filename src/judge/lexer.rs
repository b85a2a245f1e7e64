//! Text → tokens.

use std::ops::Range;

use super::ExpectationError;

/// One token of an expectation.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// `12`, `0.5`, `1e6`.
    Number(f64),
    /// A string literal, unescaped.
    Text(String),
    /// A name or a word such as `in`.
    Name(String),
    /// An operator or a bracket.
    Symbol(&'static str),
    /// After the last token.
    End,
}

/// A token and where it stands, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) span: Range<usize>,
}

/// The longest first, so that `<=` is not read as `<` and `=`.
const SYMBOLS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "-", "+", "*", "/", "%", "?", ":", "(", ")",
    "[", "]", ".", ",", "{", "}",
];

/// From 2^53 on, two neighbouring integers are one and the same `f64`, so a
/// comparison could hold for the wrong one. 2^53 itself may be either.
pub(super) const EXACT: f64 = 9_007_199_254_740_992.0;

/// Splits an expectation into tokens; the last is always [`Token::End`].
pub(super) fn lex(source: &str) -> Result<Vec<Lexeme>, ExpectationError> {
    let mut lexer = Lexer { source, at: 0 };
    let mut lexemes = Vec::new();
    loop {
        lexer.skip_while(char::is_whitespace);
        let start = lexer.at;
        let token = lexer.token()?;
        let end = token == Token::End;
        lexemes.push(Lexeme {
            token,
            span: start..lexer.at,
        });
        if end {
            return Ok(lexemes);
        }
    }
}

struct Lexer<'s> {
    source: &'s str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn skip_while(&mut self, matches: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&matches) {
            self.bump();
        }
    }

    fn token(&mut self) -> Result<Token, ExpectationError> {
        let Some(first) = self.peek() else {
            return Ok(Token::End);
        };
        let mut ahead = self.rest().chars().skip(1);
        let second = ahead.next();
        match first {
            '\'' | '"' => self.text(false),
            'r' | 'R' if matches!(second, Some('\'' | '"')) => {
                self.bump();
                self.text(true)
            }
            '0'..='9' => self.number(),
            '.' if second.is_some_and(|next| next.is_ascii_digit()) => self.number(),
            _ if is_name_start(first) => {
                let start = self.at;
                self.skip_while(is_name_part);
                Ok(Token::Name(self.source[start..self.at].to_owned()))
            }
            _ => self.symbol(first),
        }
    }

    fn symbol(&mut self, first: char) -> Result<Token, ExpectationError> {
        if let Some(symbol) = SYMBOLS
            .into_iter()
            .find(|symbol| self.rest().starts_with(symbol))
        {
            self.at += symbol.len();
            return Ok(Token::Symbol(symbol));
        }
        let span = self.at..self.at + first.len_utf8();
        let (message, suggestion) = match first {
            '=' => ("a single `=`".to_owned(), "compare with `==`"),
            '&' => ("a single `&`".to_owned(), "write `&&` for \"and\""),
            '|' => ("a single `|`".to_owned(), "write `||` for \"or\""),
            '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' => (
                format!("a typographic quote {first}"),
                "quote text with ' or \"",
            ),
            '≤' => ("`≤`".to_owned(), "write `<=`"),
            '≥' => ("`≥`".to_owned(), "write `>=`"),
            '≠' => ("`≠`".to_owned(), "write `!=`"),
            _ if first.is_alphanumeric() => (
                format!("`{first}` outside quotes: names are of the letters a to z, digits and _"),
                "put text in quotes: 'text'",
            ),
            _ => (
                format!("`{}` means nothing here", first.escape_debug()),
                "put text in quotes: 'text'",
            ),
        };
        Err(ExpectationError::new(span, message).suggest(suggestion))
    }

    fn number(&mut self) -> Result<Token, ExpectationError> {
        let start = self.at;
        self.skip_while(|next| next.is_ascii_digit());
        let mut whole = true;
        let mut ahead = self.rest().chars();
        if ahead.next() == Some('.') && ahead.next().is_some_and(|next| next.is_ascii_digit()) {
            whole = false;
            self.bump();
            self.skip_while(|next| next.is_ascii_digit());
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            let exponent = self.rest()[1..].trim_start_matches(['+', '-']);
            let signs = self.rest().len() - 1 - exponent.len();
            if signs <= 1 && exponent.starts_with(|next: char| next.is_ascii_digit()) {
                whole = false;
                self.at += 1 + signs;
                self.skip_while(|next| next.is_ascii_digit());
            }
        }
        let digits = self.source[start..self.at].to_owned();
        if self.peek().is_some_and(is_name_part) {
            self.skip_while(is_name_part);
            return Err(unit_after(
                &digits,
                start..self.at,
                &self.source[start..self.at],
            ));
        }
        let span = start..self.at;
        match digits.parse::<f64>() {
            Ok(value) if !value.is_finite() => Err(ExpectationError::new(
                span,
                format!("{digits} is too large for a number"),
            )),
            Ok(value) if whole && value >= EXACT => {
                let message = format!(
                    "{digits} is not below 2^53, where numbers no longer tell neighbours apart"
                );
                Err(ExpectationError::new(span, message)
                    .suggest(format!("compare it as text: string(x) == '{digits}'")))
            }
            Ok(value) => Ok(Token::Number(value)),
            Err(_) => Err(ExpectationError::new(
                span,
                format!("{digits} is not a number"),
            )),
        }
    }

    fn text(&mut self, raw: bool) -> Result<Token, ExpectationError> {
        let start = self.at - usize::from(raw);
        let Some(quote) = self.bump() else {
            return Ok(Token::End);
        };
        let mut text = String::new();
        loop {
            let at = self.at;
            match self.bump() {
                Some(next) if next == quote => return Ok(Token::Text(text)),
                Some('\\') if !raw => text.push(self.escape(at)?),
                None | Some('\n' | '\r') => {
                    return Err(
                        ExpectationError::new(start..at, "text without its closing quote")
                            .suggest(format!("close it with {quote}")),
                    );
                }
                Some(next) => text.push(next),
            }
        }
    }

    fn escape(&mut self, start: usize) -> Result<char, ExpectationError> {
        let digits = match self.bump() {
            Some(plain @ ('\\' | '\'' | '"')) => return Ok(plain),
            Some('n') => return Ok('\n'),
            Some('r') => return Ok('\r'),
            Some('t') => return Ok('\t'),
            Some('u') => 4,
            Some('U') => 8,
            _ => {
                return Err(ExpectationError::new(
                    start..self.at,
                    "an unknown escape in text",
                )
                .suggest(
                    "write \\\\ for a backslash, or r'…' for text in which backslashes mean nothing",
                ));
            }
        };
        let code = self
            .rest()
            .get(..digits)
            .filter(|code| code.chars().all(|c| c.is_ascii_hexdigit()));
        let escaped = code
            .and_then(|code| u32::from_str_radix(code, 16).ok())
            .and_then(char::from_u32);
        let Some(escaped) = escaped else {
            let message =
                format!("an escape without the {digits} hexadecimal digits of a character");
            return Err(ExpectationError::new(start..self.at, message));
        };
        self.at += digits;
        Ok(escaped)
    }
}

/// `25h`, `5GiB`, `0x1f`: what follows a number at once is never a unit.
fn unit_after(digits: &str, span: Range<usize>, written: &str) -> ExpectationError {
    let unit = &written[digits.len()..];
    let suggestion = if super::duration::parse(written).is_ok() {
        format!("a duration is written duration('{written}')")
    } else if unit.to_ascii_lowercase().ends_with('b') || unit.ends_with('i') {
        format!("facts in bytes are plain numbers: {digits} * 1024 * 1024 for {digits} MiB")
    } else {
        format!("write {digits} alone; the fact's name tells its unit")
    };
    ExpectationError::new(span, format!("{written} is a number run into letters"))
        .suggest(suggestion)
}

fn is_name_start(next: char) -> bool {
    next.is_ascii_alphabetic() || next == '_'
}

fn is_name_part(next: char) -> bool {
    next.is_ascii_alphanumeric() || next == '_'
}

/// `source` on one line, with one space wherever there was white space
/// between tokens; text literals stay as they are.
pub(super) fn tidy(source: &str) -> String {
    let Ok(lexemes) = lex(source) else {
        return source.trim().to_owned();
    };
    let mut tidy = String::new();
    let mut end = None;
    for lexeme in lexemes.iter().filter(|lexeme| lexeme.token != Token::End) {
        if end.is_some_and(|end| end < lexeme.span.start) {
            tidy.push(' ');
        }
        tidy.push_str(&source[lexeme.span.clone()]);
        end = Some(lexeme.span.end);
    }
    tidy
}
