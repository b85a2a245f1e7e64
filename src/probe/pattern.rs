//! What is looked for in lines of text.

use std::fmt;

use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::Deserialize;

/// As much as a compiled regular expression may take, in bytes.
const LARGEST: usize = 1 << 20;

/// A text or a regular expression, looked for in single lines. Both take time
/// in proportion to the line.
#[derive(Debug, Clone)]
pub struct Pattern {
    written: String,
    regex: Option<Regex>,
}

/// Why something cannot be looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPattern {
    /// What is wrong, with the pattern in it.
    pub message: String,
    /// What to write instead.
    pub suggestion: &'static str,
}

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.suggestion)
    }
}

impl std::error::Error for BadPattern {}

impl Pattern {
    /// Looks for `text` as it is written, upper and lower case told apart.
    ///
    /// # Errors
    /// A text that every line has, or that none can have.
    pub fn text(text: &str) -> Result<Self, BadPattern> {
        if text.is_empty() {
            return Err(BadPattern {
                message: "an empty text is in every line".to_owned(),
                suggestion: "write the words that tell the line from others",
            });
        }
        if text.contains(['\n', '\r']) {
            return Err(BadPattern {
                message: format!("{text:?} is looked for in single lines, and is of several"),
                suggestion: "write one line of it",
            });
        }
        Ok(Self {
            written: text.to_owned(),
            regex: None,
        })
    }

    /// Looks for what `regex` matches, in RE2's syntax.
    ///
    /// # Errors
    /// What is no regular expression, is too large, or matches every line.
    pub fn regex(regex: &str) -> Result<Self, BadPattern> {
        let compiled = RegexBuilder::new(regex).size_limit(LARGEST).build();
        let compiled = compiled.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => BadPattern {
                message: format!("the regular expression {regex:?} is too large to hold"),
                suggestion: "make its repetitions smaller",
            },
            error => {
                let report = error.to_string();
                // It quotes the pattern over several lines; the last one tells what is wrong.
                let reason = report.lines().last().unwrap_or_default();
                let reason = reason.trim_start_matches("error: ");
                BadPattern {
                    message: format!("{regex:?} is no regular expression: {reason}"),
                    suggestion: "the syntax is RE2's: no look-around, no back-references",
                }
            }
        })?;
        if compiled.is_match("") {
            return Err(BadPattern {
                message: format!("the regular expression {regex:?} matches every line"),
                suggestion: "write what the line must have",
            });
        }
        Ok(Self {
            written: regex.to_owned(),
            regex: Some(compiled),
        })
    }

    /// Whether it is in the line.
    #[must_use]
    pub fn is_in(&self, line: &str) -> bool {
        match &self.regex {
            Some(regex) => regex.is_match(line),
            None => line.contains(&self.written),
        }
    }
}

/// As written: the text, or the regular expression between slashes.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.regex {
            Some(_) => write!(f, "/{}/", self.written),
            None => f.write_str(&self.written),
        }
    }
}

/// A line without the sequences that colour it: they stand between letters and
/// would hide a word from who looks for it. Nor has it a line end or blanks after it.
#[must_use]
pub fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("\u{1b}[") {
        let sequence = &rest[at + 2..];
        let end = sequence
            .find(|next: char| !matches!(next, '0'..='9' | ';' | ':'))
            .filter(|end| sequence[*end..].starts_with('m'));
        let taken = match end {
            Some(end) => {
                plain.push_str(&rest[..at]);
                at + 2 + end + 1
            }
            // Of another sequence the reader should see that it was there.
            None => {
                plain.push_str(&rest[..at + 2]);
                at + 2
            }
        };
        rest = &rest[taken..];
    }
    plain.push_str(rest);
    plain.truncate(plain.trim_end().len());
    plain
}

/// One or several, as options spell them. None when left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Patterns(pub(super) Vec<Pattern>);

impl JsonSchema for Patterns {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LinePatterns".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Written::json_schema(generator)
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a text, `regex:` with a regular expression, or a list of these is expected"
)]
enum Written {
    /// A text, as it is in the line.
    Text(#[schemars(length(min = 1))] String),
    /// A regular expression.
    Regex(WrittenRegex),
    /// Several of these.
    Many(Vec<WrittenPattern>),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "LinePattern")]
enum WrittenPattern {
    /// A text, as it is in the line.
    Text(#[schemars(length(min = 1))] String),
    /// A regular expression.
    Regex(WrittenRegex),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LineRegex")]
struct WrittenRegex {
    /// A regular expression in RE2's syntax.
    #[schemars(length(min = 1))]
    regex: String,
}

impl TryFrom<Written> for Patterns {
    type Error = BadPattern;

    fn try_from(written: Written) -> Result<Self, BadPattern> {
        let all = match written {
            Written::Text(text) => vec![WrittenPattern::Text(text)],
            Written::Regex(regex) => vec![WrittenPattern::Regex(regex)],
            Written::Many(many) => many,
        };
        let all = all.into_iter().map(|one| match one {
            WrittenPattern::Text(text) => Pattern::text(&text),
            WrittenPattern::Regex(written) => Pattern::regex(&written.regex),
        });
        all.collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn read(value: serde_json::Value) -> Result<Vec<String>, String> {
        serde_json::from_value::<Patterns>(value)
            .map(|patterns| patterns.0.iter().map(ToString::to_string).collect())
            .map_err(|error| error.to_string())
    }

    #[rstest]
    #[case(json!("Bad message"), &["Bad message"])]
    #[case(json!(["a.b", { "regex": "a.b" }]), &["a.b", "/a.b/"])]
    #[case(json!({ "regex": "^x$" }), &["/^x$/"])]
    #[case(json!([]), &[])]
    fn texts_and_expressions(#[case] value: serde_json::Value, #[case] expected: &[&str]) {
        assert_eq!(read(value).expect("patterns"), expected);
    }

    #[rstest]
    #[case(json!(""), "an empty text is in every line; write the words")]
    #[case(json!("a\nb"), r#""a\nb" is looked for in single lines, and is of several; write one"#)]
    #[case(json!([{ "regex": "(" }]), r#""(" is no regular expression: unclosed group; the syntax is RE2's"#)]
    #[case(json!({ "regex": "(?=x)" }), r#""(?=x)" is no regular expression: look-around"#)]
    #[case(json!({ "regex": "a*" }), r#"the regular expression "a*" matches every line; write what"#)]
    #[case(json!({ "regex": "(a{1000}){1000}" }), "is too large to hold; make its")]
    #[case(json!(7), "a text, `regex:` with a regular expression")]
    #[case(json!({ "regexp": "x" }), "a text, `regex:` with a regular expression")]
    fn what_cannot_be_looked_for(#[case] value: serde_json::Value, #[case] expected: &str) {
        let error = read(value).expect_err("a problem");
        assert!(error.contains(expected), "{error}");
    }

    #[rstest]
    #[case("Bad message", "ls: Bad message", true)]
    #[case("bad message", "ls: Bad message", false)]
    #[case("a.b", "axb", false)]
    fn a_text_is_looked_for_as_it_is(#[case] text: &str, #[case] line: &str, #[case] there: bool) {
        assert_eq!(Pattern::text(text).expect("a text").is_in(line), there);
    }

    #[test]
    fn an_expression_is_of_one_line() {
        let pattern = Pattern::regex("^(?i:fatal).*wal$").expect("an expression");
        assert!(pattern.is_in("FATAL: no wal"));
        assert!(!pattern.is_in("a FATAL: no wal"));
    }
}
