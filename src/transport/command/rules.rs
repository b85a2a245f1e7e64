//! Whether one argument list only reads.

use super::acting;
use super::allow::{Flags, Form, Operands, PROGRAMS, Program, TYPED};
use super::options::{Split, getopt, listed, only};
use super::refusals::{INSTEAD, RUNNERS};
use super::{Policy, Refused};

/// Where a program given by its path may live: these belong to the system.
const SYSTEM_FOLDERS: [&str; 4] = ["/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/"];

/// Programs built on Go's cobra. It looks for the subcommand before it knows
/// the flags: of `podman -q images pull x` it takes `images` for the value of
/// `-q`, and pulls. So flags without a value stand after the subcommand.
const FLAGS_AFTER_SUBCOMMAND: [&str; 5] = ["docker", "kubectl", "podman", "rclone", "restic"];

/// How an argument list was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    BuiltIn,
    ByExtension,
}

/// Checks one program of a pipeline; `first` is the one before any pipe.
pub(super) fn check(
    policy: &Policy,
    arguments: &[String],
    first: bool,
) -> Result<Allowed, Refused> {
    if arguments.iter().any(|argument| argument.contains('\0')) {
        return Err(Refused::new(
            "an argument with a NUL in it: no program can be given one",
        ));
    }
    // A login shell of csh's family ends a quoted word at the end of its line.
    if arguments
        .iter()
        .any(|argument| argument.contains(['\n', '\r']))
    {
        return Err(Refused::new(
            "an argument with a line break in it: not every login shell can be given one",
        ));
    }
    if let Some(file) = arguments.iter().find(|argument| acting::is_file(argument)) {
        return Err(Refused::new(format!(
            "reading {file} does something to the host"
        )));
    }
    let Some((program, rest)) = arguments.split_first() else {
        return Err(Refused::new("an empty command"));
    };
    if program == "sudo" {
        if !first {
            return Err(Refused::new("sudo after a pipe: a filter needs no rights"));
        }
        return check_program(policy, after_sudo(rest)?, true, true);
    }
    check_program(policy, arguments, first, false)
}

/// Whether it is one of [`TYPED`], for what [`check`] refuses.
pub(super) fn is_typed(arguments: &[String]) -> bool {
    let (arguments, sudo) = match arguments.split_first() {
        Some((program, rest)) if program == "sudo" => (after_sudo(rest).ok(), true),
        _ => (Some(arguments), false),
    };
    let Some((name, rest)) = arguments.and_then(<[String]>::split_first) else {
        return false;
    };
    let clean = |argument: &String| !argument.contains(['\0', '\n', '\r']);
    arguments.is_some_and(|all| all.iter().all(clean))
        && TYPED
            .iter()
            .any(|program| program.name == name && check_forms(program, rest, sudo).is_ok())
}

/// The arguments after `sudo -n [-u USER]`.
fn after_sudo(arguments: &[String]) -> Result<&[String], Refused> {
    let mut rest = arguments;
    let mut never_asks = false;
    loop {
        match rest {
            [flag, after @ ..] if flag == "-n" => {
                never_asks = true;
                rest = after;
            }
            [flag, user, after @ ..] if flag == "-u" => {
                let plain = |next: char| next.is_ascii_alphanumeric() || "_-.".contains(next);
                if user.is_empty() || user.starts_with('-') || !user.chars().all(plain) {
                    return Err(Refused::new("sudo -u takes a user's name"));
                }
                rest = after;
            }
            [flag, ..] if flag.starts_with('-') => {
                return Err(Refused::new(format!(
                    "sudo {flag}: only -n and -u USER are available"
                )));
            }
            [] => return Err(Refused::new("sudo alone: name the program to run")),
            [word, ..] if word.contains('=') => {
                return Err(Refused::new(
                    "sudo with a variable: the environment is the login's",
                ));
            }
            _ if !never_asks => {
                return Err(Refused::new(
                    "sudo without -n could wait for a password: write `sudo -n`",
                ));
            }
            _ => return Ok(rest),
        }
    }
}

fn check_program(
    policy: &Policy,
    arguments: &[String],
    first: bool,
    sudo: bool,
) -> Result<Allowed, Refused> {
    let Some((given, rest)) = arguments.split_first() else {
        return Err(Refused::new("an empty command"));
    };
    let name = SYSTEM_FOLDERS
        .iter()
        .find_map(|folder| given.strip_prefix(folder))
        .unwrap_or(given);
    if is_runner(given) {
        if let Some(refused) = instead(name) {
            return Err(refused);
        }
        return Err(Refused::new(format!(
            "{name} runs whatever it is given: call the program itself"
        )));
    }
    // k3s brings kubectl under its own name.
    let (name, rest) = match rest.split_first() {
        Some((kubectl, rest)) if name == "k3s" && kubectl == "kubectl" => ("kubectl", rest),
        _ => (name, rest),
    };
    let built_in = match PROGRAMS.iter().find(|program| program.name == name) {
        Some(program) if first || program.filter => match acting::flag(name, rest) {
            Some((flag, why)) => Err(Refused::new(format!("{name} {flag}: {why}"))),
            None => check_forms(program, rest, sudo).map_err(|refused| {
                if is_typed(arguments) {
                    Refused::new(format!(
                        "what {name} prints of this may have passwords in it, and would be shown: \
                         use the backup_plan kind, which hides them"
                    ))
                } else {
                    refused
                }
            }),
        },
        Some(_) => Err(Refused::new(format!(
            "{name} after a pipe: only {} are",
            filters()
        ))),
        None => Err(unknown(given, name, first)),
    };
    match built_in {
        Ok(()) => Ok(Allowed::BuiltIn),
        Err(_) if first && policy.extra().iter().any(|entry| matches(entry, arguments)) => {
            Ok(Allowed::ByExtension)
        }
        Err(refused) => Err(refused),
    }
}

fn unknown(given: &str, name: &str, first: bool) -> Refused {
    if !first {
        return Refused::new(format!(
            "{name} after a pipe: only {} are available there",
            filters()
        ));
    }
    if let Some(refused) = instead(name) {
        return refused;
    }
    if name.contains('/') {
        return Refused::new(format!(
            "{given} is not a program of /bin, /usr/bin, /sbin or /usr/sbin: \
             if it only reads, add it to `policy.allow`"
        ));
    }
    Refused::new(format!(
        "{name} is not known to only read: if it does, add it to `policy.allow`"
    ))
}

/// What to use in the place of a program that is not available.
fn instead(name: &str) -> Option<Refused> {
    let (_, instead) = INSTEAD.iter().find(|(program, _)| *program == name)?;
    Some(Refused::new(format!("{name} is not available: {instead}")))
}

fn filters() -> String {
    PROGRAMS
        .iter()
        .filter(|program| program.filter)
        .map(|program| program.name)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Whether a program runs others, wherever it lives.
pub(super) fn is_runner(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    RUNNERS.contains(&name)
}

/// Whether an entry of `policy.allow` lets the arguments through: word for
/// word, and any further ones where it ends in `*`.
fn matches(entry: &[String], arguments: &[String]) -> bool {
    match entry.split_last() {
        Some((last, words)) if last == "*" && !words.is_empty() => arguments.starts_with(words),
        Some(_) => entry == arguments,
        None => false,
    }
}

fn check_forms(program: &Program, arguments: &[String], sudo: bool) -> Result<(), Refused> {
    let mut closest: Option<(usize, Refused)> = None;
    for form in program.forms {
        let refused = match check_form(program.name, form, arguments, sudo) {
            Ok(()) => return Ok(()),
            Err(refused) => refused,
        };
        // The form whose subcommand was written says best what is wrong.
        let operands = arguments
            .iter()
            .filter(|argument| !argument.starts_with('-'));
        let fits = operands
            .zip(form.words)
            .take_while(|(operand, words)| listed(words, operand))
            .count();
        if (fits > 0 || form.words.is_empty())
            && closest.as_ref().is_none_or(|(best, _)| fits > *best)
        {
            closest = Some((fits, refused));
        }
    }
    if let Some((fits, refused)) = closest
        && (fits > 0 || program.forms.iter().all(|form| form.words.is_empty()))
    {
        return Err(refused);
    }
    let known: Vec<String> = program
        .forms
        .iter()
        .filter(|form| !form.words.is_empty())
        .map(form_words)
        .collect();
    Err(Refused::new(format!(
        "{} only reads as {}",
        program.name,
        known.join(", ")
    )))
}

/// `container ls|list`
pub(super) fn form_words(form: &Form) -> String {
    form.words
        .iter()
        .map(|words| words.replace(' ', "|"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn check_form(name: &str, form: &Form, arguments: &[String], sudo: bool) -> Result<(), Refused> {
    let Split {
        flags,
        operands,
        early,
    } = match &form.flags {
        // What is an operand does not matter where every flag is fine.
        Flags::Any => return Ok(()),
        Flags::Only(known) => only(name, known, arguments)?,
        Flags::Getopt { short, long } => getopt(name, form, (short, long), arguments, sudo)?,
    };
    if let Some(early) = early.filter(|_| FLAGS_AFTER_SUBCOMMAND.contains(&name)) {
        let message = format!(
            "{name} {early} before the subcommand: write it after `{}`",
            form_words(form)
        );
        return Err(Refused::new(message));
    }
    let missing = form.required;
    let is_given = |flag: &str| {
        let (flag, _) = flag.split_once('=').unwrap_or((flag, ""));
        flags.iter().any(|given| given == flag)
    };
    if !missing.split_ascii_whitespace().all(is_given) {
        let words = if form.words.is_empty() {
            String::new()
        } else {
            format!(" {}", form_words(form))
        };
        return Err(Refused::new(format!(
            "{name}{words} needs {missing}, so that it only reads"
        )));
    }
    let mut operands = operands.into_iter();
    for words in form.words {
        match operands.next() {
            Some(word) if listed(words, word) => {}
            _ => {
                return Err(Refused::new(format!(
                    "{name} is called as `{name} {}`",
                    form_words(form)
                )));
            }
        }
    }
    for (position, operand) in operands.enumerate() {
        if let Some(problem) = operand_problem(&form.operands, position, operand) {
            return Err(Refused::new(format!("{name} with {operand}: {problem}")));
        }
    }
    Ok(())
}

fn operand_problem(allowed: &Operands, position: usize, operand: &str) -> Option<&'static str> {
    match allowed {
        Operands::Any => None,
        Operands::None => Some("no further argument is known to only read"),
        Operands::One => (position > 0).then_some("the second file would be written"),
        Operands::Format => {
            (!operand.starts_with('+')).then_some("it would set the clock; a format starts with +")
        }
        Operands::Names => operand
            .contains('=')
            .then_some("it would set the value; give the name alone"),
        Operands::Resources => {
            let secret = operand.split(',').any(|resource| {
                let kind = resource
                    .split(['/', '.'])
                    .next()
                    .unwrap_or_default()
                    .to_ascii_lowercase();
                kind == "secret" || kind == "secrets"
            });
            secret.then_some("secrets are not shown")
        }
        Operands::Sqlite => sqlite_problem(position, operand),
        Operands::Remotes => (operand.starts_with(':') || operand.contains(','))
            .then_some("name a configured remote, without settings"),
    }
}

/// Of `sqlite3 … -init /dev/null FILE STATEMENT…`. That a statement only reads is
/// for `-readonly` and `-safe`; these keep away what is no statement, what makes
/// files (`VACUUM INTO`) and what changes settings (`PRAGMA`).
fn sqlite_problem(position: usize, operand: &str) -> Option<&'static str> {
    match position {
        0 => (operand != "/dev/null").then_some("`-init /dev/null` stands before the file"),
        1 => {
            let options = operand
                .strip_prefix("file:/")
                .and_then(|rest| rest.split_once('?'));
            let reads = options.is_some_and(|(_, options)| {
                options
                    .split('&')
                    .all(|option| matches!(option, "mode=ro" | "readonly_shm=1" | "immutable=1"))
            });
            (!reads).then_some("write the file as `file:/path?mode=ro`")
        }
        _ => {
            let statement = operand.to_ascii_uppercase();
            let is_check = matches!(
                statement.as_str(),
                "PRAGMA INTEGRITY_CHECK" | "PRAGMA QUICK_CHECK"
            );
            let reads = ["SELECT ", "WITH ", "VALUES "]
                .iter()
                .any(|word| statement.starts_with(word));
            let one = reads && !statement.contains(';');
            (!is_check && !one)
                .then_some("only one statement that begins with SELECT, WITH or VALUES, and the checks of integrity")
        }
    }
}
