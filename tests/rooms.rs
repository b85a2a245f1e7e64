//! The rooms of the house, and what may pass between them: the table of
//! `docs/architecture.md`, held against the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

/// A room and the rooms that it may use. `main` and `lib` are the crate's two
/// roots.
const TABLE: &[(&str, &[&str])] = &[
    ("baseline", &[]),
    ("transport", &[]),
    ("probe", &["transport"]),
    ("judge", &["probe"]),
    ("plan", &["baseline", "probe", "judge"]),
    ("scorecard", &["judge", "probe"]),
    ("state", &["scorecard"]),
    ("engine", &["plan", "probe", "judge", "scorecard", "state"]),
    ("report", &["scorecard"]),
    (
        "cli",
        &[
            "baseline",
            "plan",
            "probe",
            "judge",
            "engine",
            "state",
            "scorecard",
            "report",
        ],
    ),
    (
        "fuzzing",
        &[
            "baseline",
            "transport",
            "probe",
            "judge",
            "plan",
            "engine",
            "scorecard",
            "report",
        ],
    ),
];

/// Words that belong to some rooms alone, each with the reason.
const RESERVED: &[(&str, &[&str], &str)] = &[
    (
        r"\bpetgraph\b",
        &["plan"],
        "the graph is plan's own business",
    ),
    (
        r"\bcroner\b",
        &["probe"],
        "what a cron expression means is decided in one place",
    ),
    (
        r"\bstd::env\b|\benv::(var|vars|var_os|vars_os|args|args_os|current_dir)\b",
        &["cli"],
        "what the environment says is handed down by cli",
    ),
    (
        r"\b(Timestamp|Zoned|SystemTime)::now\b",
        &["engine", "state"],
        "the wall clock is handed in, so that the same facts give the same card",
    ),
    (
        r"\b(TcpStream|TcpListener|TcpSocket|UdpSocket|UnixStream|UnixListener|UnixDatagram)\b|\btokio::net\b|\bsocket2\b",
        &["transport"],
        "what opens no socket sends nothing that the audit does not know of",
    ),
    (
        r"\be?print(ln)?!|\bio::(stdout|stderr)\b",
        &["report", "cli"],
        "cards and progress are printed in one place",
    ),
];

/// Words that belong to some files alone, and the files' beginnings: the one way in which
/// this program writes, and who has the key to it.
const KEPT: &[(&str, &[&str], &str)] = &[
    (
        r"\balert_webhook\b",
        &[
            "src/transport/alert_webhook",
            "src/transport/mod.rs",
            "src/probe/kinds/alert_test",
        ],
        "one kind posts, and no other",
    ),
    (
        r"\bMethod::(POST|PUT|PATCH|DELETE|CONNECT)\b",
        &["src/transport/alert_webhook.rs"],
        "one transport posts, and no other",
    ),
    (
        r"\bPermit::",
        &["src/probe/kinds/alert_test/turn.rs"],
        "the leave to post comes from a turn, and from nowhere else",
    ),
    (
        r"\bAlertTurn::",
        &["src/engine/attempt.rs"],
        "the engine alone grants a turn, when it was told to send",
    ),
];

static PATHS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\bcrate::(\{[^;]*|\w+)|\b((?:super::)+)(\{[^;]*|\w+)")
        .expect("a regular expression")
});

static RESERVED_WORDS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    RESERVED
        .iter()
        .map(|(words, ..)| Regex::new(words).expect("a regular expression"))
        .collect()
});

static KEPT_WORDS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    KEPT.iter()
        .map(|(words, ..)| Regex::new(words).expect("a regular expression"))
        .collect()
});

static TEST_MODULE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"#\[cfg\(test\)\]\s+(?:pub(?:\([a-z]+\))? )?mod (\w+);")
        .expect("a regular expression")
});

/// A source file without what only tests see of it.
struct Source {
    path: PathBuf,
    room: String,
    /// How many `super::` lead from here to the crate's root.
    depth: usize,
    text: String,
}

/// `src/probe/kinds/tcp.rs` is in the room `probe`, `src/main.rs` in `main`.
fn source(path: &Path, text: &str) -> Source {
    let parts: Vec<String> = path
        .with_extension("")
        .iter()
        .skip(1)
        .map(|part| part.to_string_lossy().into_owned())
        .filter(|part| part != "mod")
        .collect();
    Source {
        path: path.to_owned(),
        room: parts.first().cloned().unwrap_or_default(),
        depth: parts.len(),
        text: without_tests(text),
    }
}

/// `text` without comments, and without the items behind `#[cfg(test)]`. Goes
/// by the indentation, which rustfmt keeps.
fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let code = line.trim_start();
        if code.starts_with("//") {
            continue;
        }
        if code != "#[cfg(test)]" {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        let indent = &line[..line.len() - code.len()];
        for line in lines.by_ref() {
            let outermost = line
                .strip_prefix(indent)
                .is_some_and(|code| !code.starts_with([' ', '#', '/']));
            if outermost && line.ends_with(['}', ';']) {
                break;
            }
        }
    }
    kept
}

/// The rooms that `source` names, by `crate::`, or by as many `super::` as
/// lead out of its own.
fn rooms_named(source: &Source) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for found in PATHS.captures_iter(&source.text) {
        let rest = match (found.get(1), found.get(2), found.get(3)) {
            (Some(rest), ..) => rest.as_str(),
            (_, Some(supers), Some(rest)) if supers.len() / 7 >= source.depth => rest.as_str(),
            _ => continue,
        };
        match rest.strip_prefix('{') {
            Some(group) => named.extend(heads(group)),
            None => {
                named.insert(rest.to_owned());
            }
        }
    }
    named
}

/// The first names of the paths in a group, `{a::{b, c}, d}` without its
/// first brace.
fn heads(group: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let mut heads = vec![String::new()];
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(String::new()),
            other if depth == 0 => {
                if let Some(head) = heads.last_mut() {
                    head.push(other);
                }
            }
            _ => {}
        }
    }
    heads
        .iter()
        .filter_map(|head| head.trim().split("::").next())
        .map(str::to_owned)
        .filter(|head| !head.is_empty())
        .collect()
}

/// What `source` does that its room may not.
fn trespasses(source: &Source) -> Vec<String> {
    let place = source.path.display();
    let room = source.room.as_str();
    let mut wrong = Vec::new();
    // lib.rs only names the rooms, and main.rs only calls cli by the crate's name.
    let allowed: &[&str] = match TABLE.iter().find(|(name, _)| *name == room) {
        Some((_, allowed)) => allowed,
        None if matches!(room, "lib" | "main") => &[],
        None => return vec![format!("{place}: `{room}` is no room of the table")],
    };
    for named in rooms_named(source) {
        if named != room && !allowed.contains(&named.as_str()) {
            wrong.push(format!("{place}: {room} may not use `{named}`"));
        }
    }
    for ((_, rooms, why), words) in RESERVED.iter().zip(RESERVED_WORDS.iter()) {
        if let Some(found) = words.find(&source.text).filter(|_| !rooms.contains(&room)) {
            wrong.push(format!(
                "{place}: `{}` is for {} alone: {why}",
                found.as_str(),
                rooms.join(" and ")
            ));
        }
    }
    for ((_, files, why), words) in KEPT.iter().zip(KEPT_WORDS.iter()) {
        let is_kept = |file: &&str| source.path.to_string_lossy().starts_with(*file);
        if let Some(found) = words
            .find(&source.text)
            .filter(|_| !files.iter().any(is_kept))
        {
            wrong.push(format!(
                "{place}: `{}` is for {} alone: {why}",
                found.as_str(),
                files.join(" and ")
            ));
        }
    }
    wrong
}

/// Every file under `src` that a build without tests has.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src"), &mut files);
    files.sort();
    let texts: BTreeMap<PathBuf, String> = files
        .into_iter()
        .map(|file| {
            let text = std::fs::read_to_string(&file).expect("a source file");
            let path = file.strip_prefix(root).expect("below the root").to_owned();
            (path, text)
        })
        .collect();
    let tests_only: BTreeSet<PathBuf> = texts
        .iter()
        .flat_map(|(path, text)| modules_of_tests(path, text))
        .collect();
    texts
        .iter()
        .filter(|(path, _)| {
            let folder = path.ancestors().map(|above| above.with_extension("rs"));
            !folder
                .chain([(*path).clone()])
                .any(|path| tests_only.contains(&path))
        })
        .map(|(path, text)| source(path, text))
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The files behind `#[cfg(test)] mod name;` in `text`.
fn modules_of_tests(path: &Path, text: &str) -> Vec<PathBuf> {
    let folder = if path.ends_with("mod.rs") || path.ends_with("lib.rs") {
        path.parent().map(Path::to_path_buf).unwrap_or_default()
    } else {
        path.with_extension("")
    };
    TEST_MODULE
        .captures_iter(text)
        .map(|found| folder.join(format!("{}.rs", &found[1])))
        .collect()
}

#[test]
fn no_room_uses_what_the_table_does_not_allow() {
    let wrong: Vec<String> = sources().iter().flat_map(trespasses).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_was_looked_at() {
    let sources = sources();
    let mut files: BTreeMap<&str, usize> = BTreeMap::new();
    for source in &sources {
        *files.entry(&source.room).or_default() += 1;
    }
    for (room, _) in TABLE {
        assert!(files.contains_key(room), "{room}: {files:?}");
    }
    // What the test is made of is found where it is known to be.
    let named: BTreeSet<String> = sources
        .iter()
        .filter(|source| source.room == "plan")
        .flat_map(rooms_named)
        .collect();
    for used in ["baseline", "probe", "judge"] {
        assert!(named.contains(used), "plan uses {named:?}");
    }
    for ((_, rooms, _), words) in RESERVED.iter().zip(RESERVED_WORDS.iter()) {
        assert!(
            sources
                .iter()
                .any(|source| rooms.contains(&source.room.as_str()) && words.is_match(&source.text)),
            "{words} is reserved for {rooms:?}, and not used there"
        );
    }
    for ((_, files, _), words) in KEPT.iter().zip(KEPT_WORDS.iter()) {
        let is_there = |source: &Source| {
            let path = source.path.to_string_lossy();
            files.iter().any(|file| path.starts_with(file)) && words.is_match(&source.text)
        };
        assert!(
            sources.iter().any(is_there),
            "{words} is kept for {files:?}, and not there"
        );
    }
}

#[test]
fn the_table_of_the_documentation_is_this_one() {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md"))
            .expect("docs/architecture.md");
    for (room, allowed) in TABLE {
        let start = format!("| `{room}/` |");
        let row = text
            .lines()
            .find(|line| line.starts_with(&start))
            .unwrap_or_else(|| panic!("no row of {room}"));
        let last = row.trim_end_matches([' ', '|']).rsplit('|').next();
        let last = last.unwrap_or_default().trim();
        let documented: BTreeSet<&str> = last
            .split(", ")
            .map(|name| name.trim_matches('`'))
            .filter(|name| *name != "–")
            .collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        assert_eq!(documented, allowed, "{room}");
    }
}

#[test]
fn a_trespass_is_noticed() {
    let trespassing = [
        ("src/report/json.rs", "use crate::engine::run;"),
        ("src/report/json.rs", "fn f() -> crate::plan::Plan {}"),
        ("src/report/json.rs", "use super::super::plan::Plan;"),
        ("src/report/mod.rs", "use super::{plan, scorecard};"),
        (
            "src/report/json.rs",
            "use crate::{\n    scorecard::{Gate, Verdict},\n    engine,\n};",
        ),
        (
            "src/baseline/yaml/tree.rs",
            "use crate::transport::SecretRef;",
        ),
        ("src/judge/mod.rs", "use petgraph::graph::DiGraph;"),
        ("src/baseline/mod.rs", "let home = std::env::var(\"HOME\");"),
        ("src/transport/audit.rs", "let at = jiff::Timestamp::now();"),
        (
            "src/probe/kinds/tcp.rs",
            "use std::net::{IpAddr, TcpStream};",
        ),
        ("src/engine/mod.rs", "    println!(\"done\");"),
        ("src/main.rs", "use crate::probe::TABLE;"),
        (
            "src/probe/kinds/http.rs",
            "use crate::transport::alert_webhook::open;",
        ),
        ("src/transport/http.rs", "let method = Method::POST;"),
        (
            "src/engine/diagnosis.rs",
            "let turn = AlertTurn::granted();",
        ),
        ("src/engine/attempt.rs", "let permit = Permit::granted();"),
        ("src/attic/mod.rs", ""),
    ];
    for (path, text) in trespassing {
        let found = trespasses(&source(Path::new(path), text));
        assert_eq!(found.len(), 1, "{path}: {text}: {found:?}");
    }
}

#[test]
fn what_is_allowed_is_let_through() {
    let allowed = [
        ("src/report/json.rs", "use crate::scorecard::Scorecard;"),
        (
            "src/report/terminal/page.rs",
            "use super::super::readable::fact;",
        ),
        ("src/plan/order.rs", "use petgraph::graph::DiGraph;"),
        ("src/probe/kinds/tcp.rs", "use std::net::IpAddr;"),
        (
            "src/report/json.rs",
            "//! See [`crate::engine`].\n    // crate::plan\n",
        ),
        (
            "src/report/json.rs",
            "#[cfg(test)]\nmod tests {\n    use crate::plan::Plan;\n\n    fn f() {}\n}\n",
        ),
        (
            "src/report/mod.rs",
            "#[cfg(test)]\n#[path = \"x.rs\"]\nmod tests;\n",
        ),
    ];
    for (path, text) in allowed {
        assert_eq!(
            trespasses(&source(Path::new(path), text)),
            [""; 0],
            "{path}: {text}"
        );
    }
    let after = source(
        Path::new("src/report/json.rs"),
        "impl A {\n    #[cfg(test)]\n    fn f() {\n        x();\n    }\n}\n\nuse crate::plan::Plan;\n",
    );
    assert_eq!(trespasses(&after).len(), 1, "what stands after the tests");
    assert_eq!(
        modules_of_tests(Path::new("src/a/mod.rs"), "#[cfg(test)]\nmod stage;\n"),
        [PathBuf::from("src/a/stage.rs")]
    );
    assert_eq!(
        modules_of_tests(Path::new("src/a/b.rs"), "#[cfg(test)]\nmod tests;\n"),
        [PathBuf::from("src/a/b/tests.rs")]
    );
}
