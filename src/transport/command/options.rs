//! Flags and operands of an argument list, as its program would read them.

use super::allow::Form;
use super::{Refused, values};

/// Whether `word` is one of the words in `list`.
pub(super) fn listed(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == word)
}

/// Arguments told apart.
pub(super) struct Split<'a> {
    pub(super) flags: Vec<String>,
    pub(super) operands: Vec<&'a String>,
    /// The first flag without a value before the subcommand was whole.
    pub(super) early: Option<String>,
}

/// Flags that are whole words.
pub(super) fn only<'a>(
    name: &str,
    known: &str,
    arguments: &'a [String],
) -> Result<Split<'a>, Refused> {
    let (mut flags, mut operands) = (Vec::new(), Vec::new());
    for argument in arguments {
        // `find -mtime -1`: a number is the value of the flag before it. Of no
        // other program here: `ntpq -4c TEXT` sends whatever the text says.
        let value = name == "find" && is_negative(argument) && !listed(known, argument);
        if !argument.starts_with('-') || value {
            operands.push(argument);
        } else if listed(known, argument) {
            flags.push(argument.clone());
        } else {
            return Err(not_known(name, argument));
        }
    }
    Ok(Split {
        flags,
        operands,
        early: None,
    })
}

/// Flags as `getopt_long` reads them, operands between them or not; `sudo` is whether they are
/// for a program with the rights of somebody else.
pub(super) fn getopt<'a>(
    name: &str,
    form: &Form,
    (short, long): (&str, &str),
    arguments: &'a [String],
    sudo: bool,
) -> Result<Split<'a>, Refused> {
    let (mut flags, mut operands, mut early) = (Vec::new(), Vec::new(), None);
    let harmless = |flag: &str, value: &str| match values::problem(name, form, flag, value, sudo) {
        Some(problem) => Err(Refused::new(format!("{name} {flag} {value}: {problem}"))),
        None => Ok(()),
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            operands.extend(rest);
            break;
        }
        let takes_next = if let Some(text) = argument.strip_prefix("--") {
            let (flag, value) = text
                .split_once('=')
                .map_or((text, None), |(flag, value)| (flag, Some(value)));
            flags.push(format!("--{flag}"));
            let may_take_none = listed(long, flag) || listed(long, &format!("{flag}[=]"));
            if may_take_none && value.is_none() {
                if operands.len() < form.words.len() {
                    early.get_or_insert_with(|| argument.clone());
                }
                false
            } else if listed(long, &format!("{flag}[=]")) {
                false
            } else if listed(long, &format!("{flag}=")) {
                if let Some(value) = value {
                    harmless(&format!("--{flag}"), value)?;
                }
                value.is_none()
            } else {
                return Err(not_known(name, &format!("--{flag}")));
            }
        } else if let Some(letters) = argument
            .strip_prefix('-')
            .filter(|letters| !letters.is_empty())
        {
            let bundle = bundle(name, short, letters, &mut flags)?;
            if bundle.switches && operands.len() < form.words.len() {
                early.get_or_insert_with(|| argument.clone());
            }
            if let (Some(value), Some(flag)) = (bundle.value, flags.last()) {
                harmless(flag, value)?;
            }
            bundle.takes_next
        } else {
            operands.push(argument);
            false
        };
        if takes_next {
            // A value that looks like a flag is one for a version of the
            // program in which this flag takes no value.
            match rest.next() {
                Some(value) if !value.starts_with('-') || is_negative(value) => {
                    if let Some(flag) = flags.last() {
                        harmless(flag, value)?;
                    }
                }
                _ => return Err(Refused::new(format!("{name} {argument} needs a value"))),
            }
        }
    }
    Ok(Split {
        flags,
        operands,
        early,
    })
}

/// What a word of short flags holds.
struct Bundle<'a> {
    /// Among them is one without a value.
    switches: bool,
    /// The last one's value, when it is in the same word.
    value: Option<&'a str>,
    /// The last one's value is the next argument.
    takes_next: bool,
}

/// `-fn5`: letters up to the first that takes a value, then that value.
fn bundle<'a>(
    name: &str,
    short: &str,
    letters: &'a str,
    flags: &mut Vec<String>,
) -> Result<Bundle<'a>, Refused> {
    for (at, letter) in letters.char_indices() {
        let known = short.find(letter).filter(|_| letter != ':');
        let Some(position) = known else {
            return Err(not_known(name, &format!("-{letter}")));
        };
        flags.push(format!("-{letter}"));
        if short[position + letter.len_utf8()..].starts_with(':') {
            let value = letters
                .get(at + letter.len_utf8()..)
                .filter(|value| !value.is_empty());
            return Ok(Bundle {
                switches: at > 0,
                value,
                takes_next: value.is_none(),
            });
        }
    }
    Ok(Bundle {
        switches: true,
        value: None,
        takes_next: false,
    })
}

fn is_negative(argument: &str) -> bool {
    let digits = argument.strip_prefix('-').unwrap_or_default();
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.chars().all(|next| next.is_ascii_alphanumeric())
}

fn not_known(name: &str, flag: &str) -> Refused {
    Refused::new(format!(
        "{name} {flag} is not known to only read: write flags out in full; \
         if it only reads, add the command to `policy.allow`"
    ))
}
