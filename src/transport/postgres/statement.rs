//! Which statements may be sent at all. The read-only transaction is the lock
//! on the door; this keeps away what it would let through: `COMMIT`,
//! `COPY … TO PROGRAM`, `CHECKPOINT`, `DO`, several statements at once.

/// The words with which a statement that only reads begins.
const READING: [&str; 6] = ["SELECT", "WITH", "TABLE", "VALUES", "SHOW", "EXPLAIN"];

/// Functions that act although the transaction is read-only and rolled back:
/// on sessions, files, replication, settings and counters. The list is a
/// second lock and cannot be whole, extensions bring their own; the role's
/// rights are the first.
const ACTING: [&str; 28] = [
    "lo_export",
    "lo_import",
    "pg_cancel_backend",
    "pg_file_rename",
    "pg_file_sync",
    "pg_file_unlink",
    "pg_file_write",
    "pg_log_backend_memory_contexts",
    "pg_log_standby_snapshot",
    "pg_logical_emit_message",
    "pg_logical_slot_get_binary_changes",
    "pg_logical_slot_get_changes",
    "pg_promote",
    "pg_reload_conf",
    "pg_replication_slot_advance",
    "pg_rotate_logfile",
    "pg_start_backup",
    "pg_stat_statements_reset",
    "pg_stop_backup",
    "pg_switch_wal",
    "pg_switch_xlog",
    "pg_sync_replication_slots",
    "pg_terminate_backend",
    "pg_wal_replay_pause",
    "pg_wal_replay_resume",
    "pg_xlog_replay_pause",
    "pg_xlog_replay_resume",
    "set_config",
];

/// Beginnings of the names of more of them.
const ACTING_FAMILIES: [&str; 8] = [
    "dblink",
    "pg_advisory_",
    "pg_backup_st",
    "pg_copy_",
    "pg_create_",
    "pg_drop_",
    "pg_stat_reset",
    "pg_try_advisory_",
];

/// Checks that `text` is one statement that begins with a reading word,
/// and names no function that is known to act.
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
            Token::Word(_) | Token::Name(_) | Token::Other if ended => {
                return Err("only one statement is sent; there is more after the `;`".to_owned());
            }
            Token::Name(name) => keep_from(name)?,
            Token::Word(word) => {
                keep_from(word)?;
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

/// Refuses the names of functions that act.
fn keep_from(name: &str) -> Result<(), String> {
    let lower = name.to_ascii_lowercase();
    let acts = ACTING.contains(&lower.as_str())
        || ACTING_FAMILIES
            .iter()
            .any(|family| lower.starts_with(family));
    if acts {
        return Err(format!(
            "{name} does more than read, also in a read-only transaction"
        ));
    }
    Ok(())
}

enum Token<'a> {
    Word(&'a str),
    /// In double quotes.
    Name(&'a str),
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
        if matches!(word, "U" | "u") && after.starts_with("&\"") {
            return Err("names with escapes (U&\"…\") are not read here".to_owned());
        }
        *rest = after;
        return Ok(Some(Token::Word(word)));
    }
    if first == '"' {
        let after = after_quote(rest, first, false)?;
        let name = &rest[1..rest.len() - after.len() - 1];
        *rest = after;
        return Ok(Some(Token::Name(name)));
    }
    *rest = match first {
        '\'' => after_quote(rest, first, false)?,
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
    #[case("SELECT slot_name FROM pg_replication_slots, pg_stat_replication, pg_file_settings")]
    #[case("SELECT 'pg_terminate_backend', pg_last_wal_receive_lsn(), \"a\"\"b\"")]
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
    #[case("SELECT pg_terminate_backend(1)", "does more than read")]
    #[case("SELECT pg_catalog.PG_Reload_Conf()", "does more than read")]
    #[case("SELECT \"pg_switch_wal\" ()", "does more than read")]
    #[case("SELECT U&\"pg\\005fpromote\"()", "names with escapes")]
    #[case("SELECT * FROM dblink_exec('x', 'y')", "does more than read")]
    #[case("SELECT pg_stat_reset_shared('wal')", "does more than read")]
    #[case("SELECT set_config('a', 'b', false)", "does more than read")]
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
