//! Prometheus' rule files, and the same inside of a `PrometheusRule` of Kubernetes
//! (<https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/>).

use std::path::Path;

use crate::probe::kinds::alerts::Labels;
use crate::probe::kinds::yaml::{Node, tree};
use crate::probe::{Fault, FaultKind};

/// Bytes of a file that are read.
const MOST: u64 = 4 << 20;

/// What a file has.
#[derive(Debug, Default, PartialEq)]
pub(super) struct RuleFile {
    pub(super) groups: Vec<String>,
    pub(super) rules: Vec<Rule>,
}

/// A rule as it was written.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) is_alert: bool,
    pub(super) expression: String,
    /// `for`, in seconds.
    pub(super) wait: f64,
    pub(super) keep_firing_for: f64,
    pub(super) labels: Labels,
    pub(super) annotations: Labels,
}

/// Reads the file at `path` of this machine.
///
/// # Errors
/// `LocalSetup`: it cannot be read, or is no rule file.
pub(super) async fn read(path: &Path) -> Result<RuleFile, Fault> {
    let shown = path.display();
    let local = |seen: String| Fault::new(FaultKind::LocalSetup, seen);
    let about = tokio::fs::metadata(path)
        .await
        .map_err(|error| local(format!("the rule file {shown} cannot be read: {error}")))?;
    // To read a fifo would wait for somebody who writes.
    if !about.is_file() || about.len() > MOST {
        let size = MOST >> 20;
        return Err(local(format!("{shown} is no file of up to {size} MiB")));
    }
    let text = tokio::fs::read_to_string(path)
        .await
        .map_err(|error| local(format!("the rule file {shown} cannot be read: {error}")))?;
    parse(&text).map_err(|error| local(format!("{shown} is no rule file: {error}")))
}

fn parse(text: &str) -> Result<RuleFile, String> {
    let root = tree(text)?;
    let root = root.get("spec").unwrap_or(&root);
    if root.get("groups").is_none() {
        return Err("it has no `groups`".to_owned());
    }
    let mut file = RuleFile::default();
    for group in root.list("groups", "the file")? {
        let name = group.text("name").ok_or("a group without `name`")?;
        file.groups.push(name.to_owned());
        for rule in group.list("rules", &format!("the group {name}"))? {
            file.rules.push(self::rule(rule, name)?);
        }
    }
    if file.rules.is_empty() {
        return Err("it has no rule".to_owned());
    }
    Ok(file)
}

fn rule(node: &Node, group: &str) -> Result<Rule, String> {
    let (name, is_alert) = match (node.text("alert"), node.text("record")) {
        (Some(name), None) => (name, true),
        (None, Some(name)) => (name, false),
        _ => {
            return Err(format!(
                "a rule of the group {group} has not one of `alert` and `record`"
            ));
        }
    };
    let expression = node
        .text("expr")
        .ok_or_else(|| format!("{name} has no `expr`"))?;
    let seconds = |key: &str| match node.text(key) {
        None => Ok(0.0),
        Some(text) => duration(text)
            .ok_or_else(|| format!("`{key}` of {name} is no duration of Prometheus: {text:?}")),
    };
    Ok(Rule {
        name: name.to_owned(),
        is_alert,
        expression: expression.to_owned(),
        wait: seconds("for")?,
        keep_firing_for: seconds("keep_firing_for")?,
        labels: node.texts("labels", name)?,
        annotations: node.texts("annotations", name)?,
    })
}

/// `1h30m` in seconds; `0` alone needs no unit.
fn duration(text: &str) -> Option<f64> {
    if text == "0" {
        return Some(0.0);
    }
    let units = [
        ("ms", 0.001),
        ("y", 31_536_000.0),
        ("w", 604_800.0),
        ("d", 86_400.0),
        ("h", 3600.0),
        ("m", 60.0),
        ("s", 1.0),
    ];
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|next: char| !next.is_ascii_digit())?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let (unit, length) = units.iter().find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        seconds += number * length;
    }
    (!text.is_empty()).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn a_file() {
        let text = "groups:\n- name: backup\n  interval: 1m\n  rules:\n  - alert: Failed\n    expr: |\n      up\n        == 0\n    for: 1h30m\n    labels: { severity: critical, tier: 1 }\n    annotations:\n      summary: \"no {{ $value }}\"\n  - record: job:up\n    expr: sum(up)\n- name: empty\n  rules:\n";
        let file = parse(text).expect("a file");
        assert_eq!(file.groups, ["backup", "empty"]);
        let [alert, record] = file.rules.as_slice() else {
            panic!("{file:?}")
        };
        assert_eq!((alert.name.as_str(), alert.is_alert), ("Failed", true));
        assert_eq!(alert.expression, "up\n  == 0\n");
        assert!((alert.wait - 5400.0).abs() < 0.001);
        assert_eq!(alert.labels["tier"], "1");
        assert_eq!(alert.annotations["summary"], "no {{ $value }}");
        assert_eq!((record.name.as_str(), record.is_alert), ("job:up", false));
        let wrapped = format!(
            "kind: PrometheusRule\nspec:\n  {}",
            text.trim_end().replace('\n', "\n  ")
        );
        assert_eq!(parse(&wrapped).expect("a resource"), file);
    }

    #[rstest]
    #[case("", "it is empty")]
    #[case("a: 1", "it has no `groups`")]
    #[case("groups: 1", "`groups` of the file is no list")]
    #[case("groups: []", "it has no rule")]
    #[case("groups: [{ rules: [] }]", "a group without `name`")]
    #[case(
        "groups: [{ name: a, rules: [{ expr: up }] }]",
        "a rule of the group a has not one of `alert` and `record`"
    )]
    #[case("groups: [{ name: a, rules: [{ alert: B }] }]", "B has no `expr`")]
    #[case(
        "groups: [{ name: a, rules: [{ alert: B, expr: up, for: soon }] }]",
        "`for` of B is no duration of Prometheus: \"soon\""
    )]
    #[case(
        "groups: [{ name: a, rules: [{ alert: B, expr: up, labels: [c] }] }]",
        "`labels` of B is no map"
    )]
    #[case(
        "groups: [{ name: a, rules: [{ alert: B, expr: up, labels: { c: [] } }] }]",
        "`labels.c` of B is no text"
    )]
    #[case("a: &x 1\ngroups: *x", "line 2: an alias, which is not followed")]
    #[case("a: 1\na: 2", "line 2: a second `a`")]
    #[case("a: 1\n---\nb: 1", "line 2: a second document")]
    fn no_files(#[case] text: &str, #[case] error: &str) {
        assert_eq!(parse(text), Err(error.to_owned()));
    }

    #[rstest]
    #[case("0", Some(0.0))]
    #[case("90s", Some(90.0))]
    #[case("1d12h", Some(129_600.0))]
    #[case("500ms", Some(0.5))]
    #[case("5", None)]
    #[case("m", None)]
    #[case("", None)]
    #[case("5 m", None)]
    fn durations(#[case] text: &str, #[case] seconds: Option<f64>) {
        assert_eq!(duration(text), seconds);
    }
}
