//! Which statements may be sent at all. The read-only transaction is the lock
//! on the door; this keeps away what it would let through: `COMMIT`,
//! `COPY … TO PROGRAM`, `CHECKPOINT`, `DO`, several statements at once.

/// The words with which a statement that only reads begins.
const READING: [&str; 6] = ["SELECT", "WITH", "TABLE", "VALUES", "SHOW", "EXPLAIN"];

/// Checks that `text` is one statement that begins with a reading word.
///
/// # Errors
/// What is wrong, in the reader's words.
pub fn check(text: &str) -> Result<(), String> {
    let mut rest = text;
    let mut first: Option<String> = None;
    let mut ended = false;
    while let Some(token) = next_token(&mut rest)? {
        match token {
            Token::Semicolon => ended = true,
            Token::Word(_) | Token::Other if ended => {
                return Err("only one statement is sent; there is more after the `;`".to_owned());
            }
            Token::Word(word) => {
                first.get_or_insert_with(|| word.to_ascii_uppercase());
            }
            // `(SELECT 1) UNION (SELECT 2)` begins with its first word.
            Token::Other => {}
        }
    }
    match first {
        None => Err("there is no statement".to_owned()),
        Some(word) if READING.contains(&word.as_str()) => Ok(()),
        Some(word) => Err(format!(
            "a statement must begin with {}, not with {word}",
            READING.join(", ")
        )),
    }
}

enum Token<'a> {
    Word(&'a str),
    Semicolon,
    Other,
}

/// Takes the next token off `rest`; comments and white space are none. Quoted
/// text is one token, so that a `;` in it ends nothing.
fn next_token<'a>(rest: &mut &'a str) -> Result<Option<Token<'a>>, String> {
    loop {
        *rest = rest.trim_start();
        if let Some(comment) = rest.strip_prefix("--") {
            // A carriage return ends it as well (src/backend/parser/scan.l,
            // `newline`): what follows one is a statement to the server.
            *rest = comment
                .split_once(['\n', '\r'])
                .map_or("", |(_, after)| after);
        } else if rest.starts_with("/*") {
            *rest = after_comment(rest)?;
        } else {
            break;
        }
    }
    let Some(first) = rest.chars().next() else {
        return Ok(None);
    };
    if first == ';' {
        *rest = &rest[1..];
        return Ok(Some(Token::Semicolon));
    }
    if first.is_alphabetic() || first == '_' {
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if matches!(word, "E" | "e") && after.starts_with('\'') {
            *rest = after_quote(after, '\'', true)?;
            return Ok(Some(Token::Other));
        }
        *rest = after;
        return Ok(Some(Token::Word(word)));
    }
    *rest = match first {
        '\'' | '"' => after_quote(rest, first, false)?,
        '$' => after_dollar(rest)?,
        _ => &rest[first.len_utf8()..],
    };
    Ok(Some(Token::Other))
}

/// Comments nest in PostgreSQL.
fn after_comment(text: &str) -> Result<&str, String> {
    let mut depth = 0u32;
    let mut at = 0;
    while let Some(found) = text[at..].find(['/', '*']) {
        at += found;
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Ok(&text[at..]);
            }
        } else {
            at += 1;
        }
    }
    Err("a comment `/*` does not end".to_owned())
}

fn after_quote(text: &str, quote: char, backslash: bool) -> Result<&str, String> {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == '\\' && backslash {
            characters.next();
        } else if character == quote {
            // A doubled quote stands for itself: the next token begins with it
            // and is quoted text again, which comes to the same.
            return Ok(&text[at + 1..]);
        }
    }
    Err(format!("a quote {quote} does not end"))
}

/// `$$ … $$`, `$tag$ … $tag$`; `$1` is a parameter.
fn after_dollar(text: &str) -> Result<&str, String> {
    let body = &text[1..];
    let end = body
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(body.len());
    if !body[end..].starts_with('$') || body.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(body);
    }
    let tag = &text[..end + 2];
    match text[tag.len()..].find(tag) {
        Some(found) => Ok(&text[tag.len() + found + tag.len()..]),
        None => Err(format!("the quote {tag} does not end")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("select 1")]
    #[case("SELECT ';' ;")]
    #[case("  -- note; more\n/* a /* nested; */ b */ SELECT 1; -- end")]
    #[case("(SELECT 1) UNION (SELECT 2)")]
    #[case("WITH a AS (SELECT 1) TABLE a")]
    #[case("SHOW server_version")]
    #[case("EXPLAIN SELECT 1")]
    #[case("VALUES (1)")]
    #[case("SELECT E'it\\'s; fine', 'it''s; fine', \"a;b\", $x$ ; $y$ ; $x$, $$;$$")]
    #[case("SELECT 'größe;'")]
    fn reads(#[case] text: &str) {
        assert_eq!(check(text), Ok(()));
    }

    #[rstest]
    #[case("", "there is no statement")]
    #[case("-- nothing", "there is no statement")]
    #[case(";", "there is no statement")]
    #[case("COMMIT", "not with COMMIT")]
    #[case("/* SELECT */ rollback", "not with ROLLBACK")]
    #[case("copy t to program 'id'", "not with COPY")]
    #[case("DO $$ BEGIN END $$", "not with DO")]
    #[case("SET TRANSACTION READ WRITE", "not with SET")]
    #[case("--\rCOPY (SELECT 1) TO PROGRAM 'id' /*\nSELECT */", "not with COPY")]
    #[case("SELECT 1; --\rCOMMIT", "only one statement")]
    #[case("SELECT 1; COMMIT", "only one statement")]
    #[case("SELECT 'a'';'; COMMIT", "only one statement")]
    #[case("SELECT E'\\\\'; COMMIT --'", "only one statement")]
    #[case("SELECT $a$ $a$; DROP TABLE t", "only one statement")]
    #[case("SELECT 'open", "does not end")]
    #[case("SELECT /* open", "does not end")]
    #[case("SELECT $a$ open", "does not end")]
    fn is_refused(#[case] text: &str, #[case] why: &str) {
        let message = check(text).expect_err("refused");
        assert!(message.contains(why), "{message}");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_judged_without_a_panic(text in ".{0,80}") {
            drop(check(&text));
        }
    }
}
