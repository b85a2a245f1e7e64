//! The reference pages of the kinds, made from the table of kinds and the
//! schema of their options. `UPDATE_DOCS=1 cargo test --test kind_pages`
//! writes them anew.

mod planned;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use coldstart::plan::schema;
use coldstart::probe::{FactSpec, KindEntry, Place, TABLE, Type, Unit};
use planned::{documented, planned};
use serde_json::Value;

const NOTE: &str = "<!-- Made from the sources: UPDATE_DOCS=1 cargo test --test kind_pages -->";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/kinds")
}

/// The pages by file name, the index first.
fn pages() -> Vec<(String, String)> {
    let schema = schema();
    let mut pages = vec![("README.md".to_owned(), index())];
    for kind in TABLE {
        pages.push((format!("{}.md", kind.name), page(kind, &schema)));
    }
    pages
}

fn index() -> String {
    let mut text = format!(
        "{NOTE}\n# Kinds of checks\n\n\
         What a check can ask. Each kind's page tells its options, the facts that it yields,\n\
         what it expects by itself and exactly what it sends.\n\n\
         | kind | the statement it tests | looks from |\n|---|---|---|\n"
    );
    for kind in TABLE {
        let from = match kind.place {
            Place::Host => "the host",
            Place::Network if takes_via(kind) => "here, or another host by `via`",
            Place::Network => "here",
            Place::Hosts => "the hosts that it names",
            Place::Either => "the host; or here, or another host by `via`",
        };
        let name = kind.name;
        let _ = writeln!(
            text,
            "| [`{name}`]({name}.md) | {} | {from} |",
            kind.summary
        );
    }
    text.push_str(
        "\nA check has one of these as a key, beside the keys that [every check](../baseline.md#checks)\n\
         may have. How expectations are written over the facts is told in\n\
         [expectations](../expectations.md).\n",
    );
    text
}

fn page(kind: &KindEntry, schema: &Value) -> String {
    let name = kind.name;
    let options = definition(schema, name);
    let mut text = format!("{NOTE}\n# `{name}`: {}\n\n", kind.summary);
    text.push_str(&prose(options));
    text.push_str("\n\n");
    text.push_str(match kind.place {
        Place::Host => {
            "**Where it looks from.** It runs on the host that the check is `on`: over that host's one\n\
             SSH connection, or without SSH where the host is `local`. `on` is required.\n"
        }
        Place::Network if takes_via(kind) => {
            "**Where it looks from.** The machine that coldstart runs on; with `via: HOST`, that host's\n\
             SSH connection.\n"
        }
        Place::Either => {
            "**Where it looks from.** With `on`, it runs on that host: over its one SSH connection, or without\n\
             SSH where the host is `local`. Without, it looks from the machine that coldstart runs on, or, with\n\
             `via: HOST`, through that host's SSH connection.\n"
        }
        Place::Network => {
            "**Where it looks from.** The machine that coldstart runs on. `via` is refused.\n"
        }
        Place::Hosts => {
            "**Where it looks from.** It runs on each of the hosts that its options name, over that\n\
             host's one SSH connection, or without SSH where the host is `local`, and is one check\n\
             of all of them. `on` and `via` are refused.\n"
        }
    });
    text.push_str(&options_part(name, schema, options));
    text.push_str(&facts_part(kind));
    text.push_str(&example_part(kind));
    text
}

/// Whether a check of the kind may go through another host.
fn takes_via(kind: &KindEntry) -> bool {
    planned(&documented(), &format!("{}via: ops110\n", kind.example)).is_ok()
}

fn definition<'s>(schema: &'s Value, kind: &str) -> &'s Value {
    let property = &schema["$defs"]["Check"]["properties"][kind];
    resolved(schema, property)
}

fn resolved<'s>(schema: &'s Value, node: &'s Value) -> &'s Value {
    node.get("$ref")
        .and_then(Value::as_str)
        .and_then(|name| schema.pointer(name.trim_start_matches('#')))
        .unwrap_or(node)
}

fn prose(node: &Value) -> String {
    let text = node.get("description").and_then(Value::as_str);
    text.unwrap_or_default().trim().to_owned()
}

/// Text for one cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

fn options_part(kind: &str, schema: &Value, options: &Value) -> String {
    if options.get("properties").is_none() {
        return format!("\n## Options\n\nNone: write `{kind}: {{}}`.\n");
    }
    let mut text = format!("\n## Options\n\n{}", options_table(schema, options));
    let mut parts = Vec::new();
    gather(schema, "", options, &mut parts);
    for (paths, node) in parts {
        let paths: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
        let table = match words(node) {
            words if words.is_empty() => options_table(schema, node),
            words => words_table(&words),
        };
        let _ = write!(text, "\n### {}\n\n{table}", paths.join(", "));
    }
    text
}

/// The options that have options or words of their own, each with all the paths that lead
/// to it: what several have alike is told once.
fn gather<'s>(
    schema: &'s Value,
    prefix: &str,
    options: &'s Value,
    parts: &mut Vec<(Vec<String>, &'s Value)>,
) {
    let properties = options.get("properties").and_then(Value::as_object);
    for (name, option) in properties.into_iter().flatten() {
        let path = format!("{prefix}{name}");
        for node in explained(schema, option) {
            let known = parts
                .iter_mut()
                .find(|(_, known)| std::ptr::eq(*known, node));
            if let Some((paths, _)) = known {
                paths.push(path.clone());
            } else {
                parts.push((vec![path.clone()], node));
                gather(schema, &format!("{path}."), node, parts);
            }
        }
    }
}

/// What has to be explained of a value: objects with options, and words with a meaning, its
/// own or those of its parts. What has a page of its own is not.
fn explained<'s>(schema: &'s Value, option: &'s Value) -> Vec<&'s Value> {
    let node = resolved(schema, option);
    if node.get("x-expected").is_some() {
        return Vec::new();
    }
    if node.get("properties").is_some() || !words(node).is_empty() {
        return vec![node];
    }
    let choices = ["anyOf", "oneOf"]
        .into_iter()
        .filter_map(|several| node.get(several)?.as_array())
        .flatten();
    let parts = ["items", "additionalProperties"]
        .into_iter()
        .filter_map(|part| node.get(part).filter(|part| part.is_object()));
    choices
        .chain(parts)
        .flat_map(|part| explained(schema, part))
        .collect()
}

/// The words that are a value, where what they mean is told.
fn words(node: &Value) -> Vec<(&str, String)> {
    let choices = node.get("oneOf").and_then(Value::as_array);
    choices
        .into_iter()
        .flatten()
        .filter_map(|choice| Some((choice.get("const")?.as_str()?, prose(choice))))
        .filter(|(_, prose)| !prose.is_empty())
        .collect()
}

fn words_table(words: &[(&str, String)]) -> String {
    let mut text = "| value | |\n|---|---|\n".to_owned();
    for (word, prose) in words {
        let _ = writeln!(text, "| `{word}` | {} |", cell(prose));
    }
    text
}

fn options_table(schema: &Value, options: &Value) -> String {
    let properties = options.get("properties").and_then(Value::as_object);
    let required: BTreeSet<&str> = options
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut text = "| option | value | default | |\n|---|---|---|---|\n".to_owned();
    for (name, option) in properties.into_iter().flatten() {
        let _ = writeln!(
            text,
            "| `{name}` | {} | {} | {} |",
            cell(&spelling(schema, option)),
            cell(&default(option, required.contains(name.as_str()))),
            cell(&prose(option)),
        );
    }
    text
}

/// How a value is written, in words.
fn spelling(schema: &Value, option: &Value) -> String {
    let node = resolved(schema, option);
    let pattern = node.get("pattern").and_then(Value::as_str);
    if pattern.is_some_and(|pattern| pattern.ends_with("xx)$")) {
        return "a class such as `2xx`".to_owned();
    }
    if let Some(expected) = node.get("x-expected").and_then(Value::as_str) {
        // The choices are in the option's own text.
        let what = expected
            .split_once(": ")
            .map_or(expected, |(what, _)| what)
            .trim_start_matches("a ");
        return if node.get("writeOnly") == Some(&Value::Bool(true)) {
            format!("[{what}](../baseline.md#secrets)")
        } else {
            what.to_owned()
        };
    }
    if let Some(mut spellings) = choices(schema, node) {
        let others = one_of(&spellings[..spellings.len().saturating_sub(1)]);
        if let Some(last) = spellings.last_mut()
            && *last == format!("list of {others}")
        {
            "list of these".clone_into(last);
        }
        return one_of(&spellings);
    }
    if let Some(value) = node.get("const") {
        return format!("`{}`", value.as_str().unwrap_or_default());
    }
    match types(node).as_slice() {
        ["integer"] => {
            let bound = |name| node.get(name).and_then(Value::as_u64);
            match (bound("minimum"), bound("maximum")) {
                (Some(least), Some(most)) => format!("{least} to {most}"),
                (Some(0), None) => "whole number".to_owned(),
                (Some(least), None) => format!("whole number from {least}"),
                _ => "whole number".to_owned(),
            }
        }
        ["number"] => "number".to_owned(),
        ["boolean"] => "truth value".to_owned(),
        ["string"] if node.get("enum").is_some() => {
            let words = node
                .get("enum")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let words = words.filter_map(Value::as_str);
            one_of(&words.map(|word| format!("`{word}`")).collect::<Vec<_>>())
        }
        ["string"] => match pattern {
            Some("^/") => "absolute path".to_owned(),
            _ => "text".to_owned(),
        },
        ["array"] => {
            let items = node.get("items").map(|items| spelling(schema, items));
            match items.as_deref() {
                Some("text") => "list of texts".to_owned(),
                Some(items) => format!("list of {items}"),
                None => "list".to_owned(),
            }
        }
        ["object"] => match node.get("properties").and_then(Value::as_object) {
            Some(properties) => {
                let names: Vec<&str> = properties.keys().map(String::as_str).collect();
                format!("`{{ {} }}`", names.join(", "))
            }
            None if node.get("additionalProperties") == Some(&Value::Bool(false)) => {
                "`{}`".to_owned()
            }
            None => {
                let values = node.get("additionalProperties");
                let values = values.map(|values| spelling(schema, values));
                format!("map from name to {}", values.unwrap_or_default())
            }
        },
        other => panic!("how is {other:?} written? teach the pages: {node}"),
    }
}

/// The ways of writing a value that has several, those of its parts included.
fn choices(schema: &Value, node: &Value) -> Option<Vec<String>> {
    let all = ["anyOf", "oneOf"]
        .into_iter()
        .find_map(|several| node.get(several)?.as_array())?;
    let spellings = all
        .iter()
        .filter(|one| one.get("type") != Some(&Value::from("null")))
        .flat_map(|one| {
            choices(schema, resolved(schema, one)).unwrap_or_else(|| vec![spelling(schema, one)])
        });
    Some(spellings.collect())
}

/// `a`, `a or b`, `a, b or c`.
fn one_of(spellings: &[String]) -> String {
    match spellings {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The types of a node but null, which only says that it may be left out.
fn types(node: &Value) -> Vec<&str> {
    match node.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| *name != "null")
            .collect(),
        _ => Vec::new(),
    }
}

fn default(option: &Value, required: bool) -> String {
    if required {
        return "required".to_owned();
    }
    match option.get("default") {
        // What is left out without a value is told in the option's own text.
        Some(Value::Null) | None => "–".to_owned(),
        Some(Value::Array(items)) if items.is_empty() => "none".to_owned(),
        Some(Value::Object(items)) if items.is_empty() => "none".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "empty".to_owned(),
        Some(Value::String(text)) => format!("`{text}`"),
        Some(value) => format!("`{value}`"),
    }
}

fn facts_part(kind: &KindEntry) -> String {
    let mut text = "\n## Facts\n\n| fact | type | unit | |\n|---|---|---|---|\n".to_owned();
    for fact in kind.facts {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            fact.name,
            type_name(&fact.ty),
            unit(fact),
            cell(fact.doc)
        );
    }
    text.push_str(
        "\nA fact that could not be told is absent, and an expectation on it is never a pass.\n",
    );
    text
}

fn type_name(ty: &Type) -> String {
    match ty {
        Type::Bool => "truth value".to_owned(),
        Type::Number => "number".to_owned(),
        Type::Text => "text".to_owned(),
        Type::Duration => "duration".to_owned(),
        Type::Time => "time".to_owned(),
        Type::List(element) => format!("list of {}", plural(element)),
        Type::Map(element) => format!("map of {}", plural(element)),
        Type::Json => "JSON".to_owned(),
    }
}

fn plural(ty: &Type) -> String {
    match ty {
        Type::Json => "JSON".to_owned(),
        Type::List(_) | Type::Map(_) => {
            let name = type_name(ty);
            let (what, of) = name.split_once(' ').unwrap_or((&name, ""));
            format!("{what}s {of}")
        }
        Type::Bool | Type::Number | Type::Text | Type::Duration | Type::Time => {
            format!("{}s", type_name(ty))
        }
    }
}

fn unit(fact: &FactSpec) -> &'static str {
    match fact.unit {
        Unit::None => "",
        Unit::Milliseconds => "milliseconds",
        Unit::Seconds => "seconds",
        Unit::Bytes => "bytes",
        Unit::Percent => "percent",
        Unit::Count => "count",
    }
}

fn example_part(kind: &KindEntry) -> String {
    let plan = planned(&documented(), kind.example)
        .unwrap_or_else(|told| panic!("the example of {}:\n{told}", kind.name));
    let check = &plan.checks[0];
    let mut text = "\n## Example\n\n```yaml\nchecks:\n  the-check:\n".to_owned();
    for line in kind.example.lines() {
        let _ = writeln!(text, "    {line}");
    }
    text.push_str("```\n\nWritten so, it expects by itself:\n\n");
    let defaults = check.defaults();
    for (level, expectations) in [("require", defaults.require), ("prefer", defaults.prefer)] {
        for expectation in expectations {
            let _ = writeln!(text, "- `{level}: {expectation}`");
        }
    }
    text.push_str("\nIt sends, in this order:\n\n```\n");
    let requests = check.requests(&plan.policy);
    for request in &requests {
        let _ = writeln!(text, "{:<11} {}", request.protocol, request.text);
    }
    text.push_str("```\n");
    if requests
        .iter()
        .any(|request| request.protocol == "ssh-exec")
    {
        text.push_str(
            "\n`echo` marks where a login shell's own messages end, `LC_ALL=C` keeps the answer in one\n\
             language, and `timeout` ends the command on the host when the check's time is up.\n",
        );
    }
    let _ = writeln!(
        text,
        "\nWhere nothing can be seen, the card says that it expected {}.",
        check.goal()
    );
    text
}

#[test]
fn the_pages_are_current() {
    let folder = folder();
    let pages = pages();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        for (name, text) in &pages {
            std::fs::write(folder.join(name), text).expect("a page can be written");
        }
    }
    for (name, text) in &pages {
        let committed = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(
            committed == *text,
            "docs/kinds/{name} is not current: UPDATE_DOCS=1 cargo test --test kind_pages"
        );
    }
    let names: BTreeSet<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    for entry in std::fs::read_dir(&folder).expect("the folder") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_string_lossy();
        assert!(
            names.contains(name.as_ref()),
            "docs/kinds/{name} is the page of no kind"
        );
    }
}

/// Nothing that can be written is on a page without its meaning.
#[test]
fn options_of_options_are_explained() {
    let pages = pages();
    for (page, heading, row) in [
        ("kubernetes.md", "### `nodes`", "| `selector` |"),
        ("kubernetes.md", "### `pods`, `jobs`", "| `namespace` |"),
        ("archive.md", "### `copies`", "| `max` |"),
        ("settings.md", "### `format`", "| `ini` | "),
        ("alert_test.md", "### `arrival`", "| `json` |"),
        ("crontab.md", "### `entries`", "| `schedule` |"),
    ] {
        let (_, text) = pages
            .iter()
            .find(|(name, _)| name == page)
            .expect("the page");
        let (_, part) = text
            .split_once(heading)
            .unwrap_or_else(|| panic!("no {heading} on {page}"));
        let part = part.split("\n#").next().unwrap_or_default();
        assert!(part.contains(row), "{page}: {heading} has no {row}:{part}");
    }
}

#[test]
fn links_lead_somewhere() {
    let link = regex::Regex::new(r"\]\(([^)#:]+)(?:#[^)]*)?\)").expect("a regular expression");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = root.join("docs");
    let mut looked_at = 0;
    for folder in [root, &docs, &folder()] {
        for entry in std::fs::read_dir(folder).expect("the folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a page");
            for found in link.captures_iter(&text) {
                looked_at += 1;
                let target = folder.join(&found[1]);
                assert!(target.exists(), "{}: {}", path.display(), &found[1]);
            }
        }
    }
    assert!(looked_at > TABLE.len(), "only {looked_at} links were found");
}
