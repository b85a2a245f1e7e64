//! What makes a program that only reads do something all the same: files that
//! act when they are read, and flags that lead to files nobody has looked at.

/// To open or read one of these does something: a watchdog starts and resets
/// the machine, a tape moves, a log is drained for its reader.
const FILES: [&str; 7] = [
    "/dev/watchdog",
    "/dev/st",
    "/dev/nst",
    "/proc/kmsg",
    "/dev/kmsg",
    "/sys/kernel/tracing/trace_pipe",
    "/sys/kernel/debug/tracing/trace_pipe",
];

/// Whether the argument is or ends in a file that acts when it is read.
pub(super) fn is_file(argument: &str) -> bool {
    let mut parts: Vec<&str> = Vec::new();
    for part in argument.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let path = format!("/{}", parts.join("/"));
    // `/dev/st0a`, `l` and `m` are the tape `/dev/st0` in another mode.
    let path = path
        .strip_suffix(['a', 'l', 'm'])
        .filter(|rest| rest.ends_with(|last: char| last.is_ascii_digit()))
        .unwrap_or(&path);
    // The end of it tells, so that neither `/proc/1/root/dev/watchdog` nor
    // `--file=/dev/watchdog0` is another file.
    let path = path.trim_end_matches(|next: char| next.is_ascii_digit());
    FILES.iter().any(|file| path.ends_with(file))
}

/// The first argument with which a program that may have any flag reads files
/// that its command line does not name, or does not end; and why not. Arguments
/// are not told from the values of flags: rather one too many is refused.
pub(super) fn flag<'a>(program: &str, arguments: &'a [String]) -> Option<(&'a str, &'static str)> {
    let why = |argument: &str| match program {
        "grep" | "egrep" | "fgrep" => (cut_short(argument, "devices")
            || bundled(argument, 'D', "efmABCd"))
        .then_some("it would read devices, and to read some of them does something"),
        "md5sum" | "sha256sum" => (cut_short(argument, "check") || bundled(argument, 'c', ""))
            .then_some("it would read whatever files the list names; name the files"),
        "du" | "wc" => cut_short(argument, "files0-from")
            .then_some("it would read whatever files the list names; name the files"),
        "tail" => is_old_follow(argument).then_some("it would not end"),
        _ => None,
    };
    if program == "sqlite3"
        && let Some(at) = arguments.iter().position(|argument| argument == "-init")
        && (arguments.get(at + 1).map(String::as_str) != Some("/dev/null")
            || arguments[at + 1..]
                .iter()
                .any(|argument| argument == "-init"))
    {
        return Some((
            "-init",
            "its file can run programs: write `-init /dev/null`",
        ));
    }
    arguments
        .iter()
        .find_map(|argument| Some((argument.as_str(), why(argument)?)))
}

/// Whether the argument is the long flag `name`, in full or, as GNU's
/// `getopt_long` takes it, only its beginning.
fn cut_short(argument: &str, name: &str) -> bool {
    let Some(text) = argument.strip_prefix("--") else {
        return false;
    };
    let flag = text.split('=').next().unwrap_or(text);
    !flag.is_empty() && name.starts_with(flag)
}

/// Whether `letter` is among bundled short flags; what follows one of
/// `with_value` is its value.
fn bundled(argument: &str, letter: char, with_value: &str) -> bool {
    argument
        .strip_prefix('-')
        .filter(|letters| !letters.starts_with('-'))
        .and_then(|letters| {
            letters
                .chars()
                .find(|&next| next == letter || with_value.contains(next))
        })
        == Some(letter)
}

/// `+5f`, as `tail -n +5 -f` was once written.
fn is_old_follow(argument: &str) -> bool {
    argument
        .strip_prefix('+')
        .and_then(|text| text.strip_suffix(['f', 'F']))
        .is_some_and(|text| {
            let count = text.trim_end_matches(['b', 'c', 'l']);
            count.bytes().all(|byte| byte.is_ascii_digit())
        })
}
