//! What the server's own table says of a command: whether it only reads.

use super::Reply;
use crate::transport::{Fault, FaultKind};

/// The question to the server's own table, before a command is sent: about the
/// command, and about its first argument as a subcommand.
#[must_use]
pub fn table_question(command: &[String]) -> Vec<String> {
    let mut words = vec!["COMMAND".to_owned(), "INFO".to_owned()];
    if let [name, rest @ ..] = command {
        words.push(name.clone());
        // `MEMORY|USAGE`; servers before 7 know no such name and say nothing about it.
        words.extend(
            rest.first()
                .filter(|word| is_word(word))
                .map(|sub| format!("{name}|{sub}")),
        );
    }
    words
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'-' || byte == b'_')
}

/// Whether the server's table calls the command read-only.
pub(super) fn allowed(command: &[String], table: &Reply) -> Result<(), Fault> {
    let name = command.first().map(String::as_str).unwrap_or_default();
    let refused = |why: String| Err(Fault::new(FaultKind::Denied, why));
    let Reply::Array(Some(entries)) = table else {
        return refused(format!(
            "{name} is not sent: the server does not tell whether it only reads ({table:?})"
        ));
    };
    // What is known of the subcommand outweighs what is known of its container.
    let known: Vec<Vec<String>> = entries.iter().filter_map(flags).collect();
    let Some(flags) = known.last() else {
        return Err(Fault::new(
            FaultKind::Missing,
            format!("the server has no command {name}"),
        ));
    };
    let has = |flag: &str| flags.iter().any(|known| known == flag);
    // PFCOUNT is called read-only, yet keeps its result in the key, which the
    // table tells by `may_replicate`.
    if !has("readonly") || has("write") || has("admin") || has("may_replicate") {
        return refused(format!(
            "{name} is not sent: the server's own table does not call it read-only"
        ));
    }
    // A script that does not end stops the server for everyone.
    if SCRIPTS
        .iter()
        .any(|script| name.eq_ignore_ascii_case(script))
    {
        return refused(format!("{name} is not sent: it runs a script"));
    }
    // Before 7 the table has no subcommands, and MEMORY as a whole is called read-only.
    if name.eq_ignore_ascii_case("memory")
        && command
            .get(1)
            .is_some_and(|sub| sub.eq_ignore_ascii_case("purge"))
    {
        return refused("MEMORY PURGE is not sent: it is no read".to_owned());
    }
    Ok(())
}

/// Whether the table calls each of these commands read-only, in the order in
/// which it was asked for them.
pub(super) fn all_allowed(names: &[&str], table: &Reply) -> Result<(), Fault> {
    let entries = match table {
        Reply::Array(Some(entries)) if entries.len() == names.len() => entries.clone(),
        other => vec![other.clone(); names.len()],
    };
    names
        .iter()
        .zip(entries)
        .try_for_each(|(name, entry)| match entry {
            entry @ Reply::Array(_) => {
                allowed(&[(*name).to_owned()], &Reply::Array(Some(vec![entry])))
            }
            untold => allowed(&[(*name).to_owned()], &untold),
        })
}

/// Commands that run a script, and are called read-only.
const SCRIPTS: [&str; 3] = ["EVAL_RO", "EVALSHA_RO", "FCALL_RO"];

/// Name, arity, flags, …; nothing for a command that is not known.
fn flags(entry: &Reply) -> Option<Vec<String>> {
    let Reply::Array(Some(fields)) = entry else {
        return None;
    };
    let Some(Reply::Array(Some(flags))) = fields.get(2) else {
        return None;
    };
    flags
        .iter()
        .map(|flag| match flag {
            Reply::Status(flag) => Some(flag.clone()),
            Reply::Bulk(Some(flag)) => String::from_utf8(flag.clone()).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("GET", &["readonly", "fast"], true)]
    #[case("SORT", &["write", "denyoom"], false)]
    #[case("GETDEL", &["write", "fast"], false)]
    #[case("CONFIG", &[], false)]
    #[case("PFCOUNT", &["readonly", "may_replicate"], false)]
    #[case("EVAL_RO", &["readonly", "noscript"], false)]
    #[case("evalsha_ro", &["readonly", "noscript"], false)]
    #[case("FCALL_RO", &["readonly", "noscript"], false)]
    fn what_only_reads_is_sent(#[case] name: &str, #[case] flags: &[&str], #[case] sent: bool) {
        let flags = flags.iter().map(|flag| Reply::Status((*flag).to_owned()));
        let entry = vec![
            Reply::Bulk(Some(name.as_bytes().to_vec())),
            Reply::Integer(-2),
            Reply::Array(Some(flags.collect())),
        ];
        let table = Reply::Array(Some(vec![Reply::Array(Some(entry))]));
        let command = [name.to_owned(), "x".to_owned()];
        assert_eq!(allowed(&command, &table).is_ok(), sent);
    }
}
