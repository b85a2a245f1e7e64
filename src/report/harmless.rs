//! Text from elsewhere, made fit to print.

use std::borrow::Cow;

/// `text` on one line and without anything that a terminal would act on or
/// that would show it in another order than it is written.
///
/// Line ends and tabs become a space, or nothing at either end; colour sequences vanish; and every other
/// control character, bidirectional override or invisible character is shown
/// by its code point, `\u{1b}`: a reader should see that it was there.
#[must_use]
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = after_colour_sequence(rest) {
            rest = after;
            continue;
        }
        rest = &rest[first.len_utf8()..];
        if is_blank(first) {
            if !shown.ends_with(' ') {
                shown.push(' ');
            }
        } else if is_variation_selector(first) {
            // Invisible by design, and terminals disagree on the width it gives.
        } else if is_harmful(first) {
            shown.extend(first.escape_unicode());
        } else {
            shown.push(first);
        }
    }
    Cow::Owned(shown.trim().to_owned())
}

/// What follows a leading `ESC [ … m`. Programs colour their output so often
/// that showing the codes would bury the words; these carry no words themselves.
fn after_colour_sequence(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !matches!(c, '0'..='9' | ';' | ':'))?;
    parameters[end..].strip_prefix('m')
}

fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}')
}

/// Also true for what [`json()`](super::json()) escapes on top of JSON's own rules.
pub(super) fn is_harmful(c: char) -> bool {
    c.is_control()
        || is_variation_selector(c)
        || matches!(
            c,
            '\u{ad}' // soft hyphen
            | '\u{61c}' // Arabic letter mark
            | '\u{180e}' // Mongolian vowel separator
            | '\u{200b}'..='\u{200f}' // zero width, direction marks
            | '\u{2028}'..='\u{202e}' // separators, bidirectional embeddings and overrides
            | '\u{2060}'..='\u{206f}' // joiners, bidirectional isolates, deprecated formats
            | '\u{feff}' // byte order mark
            | '\u{fff9}'..='\u{fffb}' // interlinear annotation
            | '\u{e0000}'..='\u{e007f}' // tags
        )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("plain text", "plain text")]
    #[case("資料庫 188 可寫", "資料庫 188 可寫")]
    #[case("two\nlines", "two lines")]
    #[case("dos\r\nlines\r\n", "dos lines")]
    #[case("a\tb", "a b")]
    #[case("\u{1b}[1;31mred\u{1b}[0m", "red")]
    #[case("\u{1b}[2J\u{1b}[Hgone", "\\u{1b}[2J\\u{1b}[Hgone")]
    #[case("\u{1b}]0;title\u{7}x", "\\u{1b}]0;title\\u{7}x")]
    #[case("\u{1b}[31", "\\u{1b}[31")]
    #[case("\u{1b}", "\\u{1b}")]
    #[case("\u{9b}31m", "\\u{9b}31m")]
    #[case("user\u{202e}txt.exe", "user\\u{202e}txt.exe")]
    #[case("a\u{2066}b\u{2069}", "a\\u{2066}b\\u{2069}")]
    #[case("zero\u{200b}width", "zero\\u{200b}width")]
    #[case("\u{feff}mark", "\\u{feff}mark")]
    #[case("\u{0}nul\u{7f}", "\\u{0}nul\\u{7f}")]
    #[case("heart \u{2764}\u{fe0f}", "heart \u{2764}")]
    #[case("para\u{2029}graph", "para graph")]
    fn nothing_that_a_terminal_acts_on_is_left(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(harmless(text), expected);
        assert!(!harmless(text).chars().any(is_harmful));
    }
}
