use rstest::rstest;

use super::*;

#[rstest]
#[case("up  ==\n  0", "up==0")]
#[case("sum by (job) (up)", "sum by(job)(up)")]
#[case("sum  by(job)(up) # why\n > 1", "sum by(job)(up)>1")]
#[case("a unless b", "a unless b")]
#[case("a{x=\"b  c # d\"} or 'e \\' f'", "a{x=\"b  c # d\"}or'e \\' f'")]
#[case("`a\\` + b", "`a\\`+b")]
#[case("rate(a[5m]) offset 1m", "rate(a[5m])offset 1m")]
fn what_is_left_of_an_expression(#[case] written: &str, #[case] expected: &str) {
    assert_eq!(bare(written), expected);
    assert_eq!(bare(expected), expected);
}

fn labels(of: &[(&str, &str)]) -> Labels {
    of.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn written(name: &str, expression: &str, of: &[(&str, &str)]) -> rule_file::Rule {
    rule_file::Rule {
        name: name.to_owned(),
        is_alert: true,
        expression: expression.to_owned(),
        labels: labels(of),
        ..rule_file::Rule::default()
    }
}

fn loaded(name: &str, query: &str, of: &[(&str, &str)]) -> Rule {
    Rule {
        kind: "alerting".to_owned(),
        name: name.to_owned(),
        query: query.to_owned(),
        labels: Some(labels(of)),
        ..Rule::default()
    }
}

fn file(rules: Vec<rule_file::Rule>) -> RuleFile {
    RuleFile {
        groups: vec!["backup".to_owned()],
        rules,
    }
}

#[test]
fn the_same_rules_are_no_drift() {
    let rules = [loaded("A", "up == 0", &[("severity", "critical")])];
    let live: Vec<(&str, &Rule)> = rules.iter().map(|rule| ("elsewhere", rule)).collect();
    let file = file(vec![written(
        "A",
        "up\n==0",
        &[("severity", "critical"), ("empty", "")],
    )]);
    let parts = [Part::Expression, Part::For, Part::Labels, Part::Annotations];
    assert_eq!(
        compare(&file, &live, &parts, &Printed::default()),
        Drift::default()
    );
    assert!(unlike(&file, &live).is_empty());
}

#[test]
fn each_difference_has_its_words() {
    let mut live = loaded("A", "up == 1", &[("severity", "warning"), ("new", "x")]);
    live.duration = 60.0;
    live.annotations = Some(labels(&[("summary", "two\nlines")]));
    let other = loaded("Extra", "up", &[]);
    let foreign = loaded("Foreign", "up", &[]);
    let live = [("backup", &live), ("backup", &other), ("other", &foreign)];
    let mut rule = written("A", "up == 0", &[("severity", "critical"), ("team", "sre")]);
    rule.wait = 300.0;
    let file = file(vec![rule, written("Gone", "up", &[])]);
    let drift = compare(&file, &live, &Part::CONTRACT, &Printed::default());
    assert_eq!(drift.missing, ["Gone"]);
    assert_eq!(drift.extra, ["Extra"]);
    assert_eq!(
        drift.differing,
        [
            "A: expression expected up == 0, is up == 1",
            "A: for expected 300 s, is 60 s",
            "A: label new expected absent, is x",
            "A: label severity expected critical, is warning",
            "A: label team expected sre, is absent",
        ]
    );
    let drift = compare(&file, &live, &[Part::Annotations], &Printed::default());
    assert_eq!(
        drift.differing,
        ["A: annotation summary expected absent, is two lines"]
    );
}

/// Alerts for two severities often share their name.
#[test]
fn namesakes_are_paired_by_what_they_share() {
    let critical = loaded("A", "up == 0", &[("severity", "critical")]);
    let warning = loaded("A", "up == 1", &[("severity", "warning")]);
    let live = [("backup", &warning), ("backup", &critical)];
    let file = file(vec![
        written("A", "up == 0", &[("severity", "page")]),
        written("A", "up == 1", &[("severity", "warning")]),
    ]);
    let drift = compare(&file, &live, &Part::CONTRACT, &Printed::default());
    assert_eq!(
        drift.differing,
        ["A: label severity expected page, is critical"]
    );
    assert_eq!((drift.missing, drift.extra), (vec![], vec![]));
}

#[test]
fn a_recording_rule_is_not_the_alert_of_its_name() {
    let mut record = loaded("A", "up", &[]);
    record.kind = "recording".to_owned();
    let live = [("backup", &record)];
    let drift = compare(
        &file(vec![written("A", "up", &[])]),
        &live,
        &Part::CONTRACT,
        &Printed::default(),
    );
    assert_eq!(
        (drift.missing, drift.extra),
        (vec!["A".to_owned()], vec!["A".to_owned()])
    );
}

#[test]
fn the_printed_form_decides_where_texts_differ() {
    let rule = loaded("A", "sum by (job) (up)", &[]);
    let live = [("backup", &rule)];
    let file = file(vec![written("A", "sum(up) by (job)", &[])]);
    assert_eq!(unlike(&file, &live).len(), 2);
    let form = |written: &str| {
        let all = [
            ("sum by (job) (up)", "sum by (job) (up)"),
            ("sum(up) by (job)", written),
        ];
        let all = all
            .into_iter()
            .map(|(from, to)| (from.to_owned(), to.to_owned()));
        Printed(all.collect())
    };
    let differing = |printed: &Printed| compare(&file, &live, &Part::CONTRACT, printed).differing;
    assert_eq!(differing(&form("sum by (job) (up)")), [""; 0]);
    assert_eq!(differing(&form("sum by (instance) (up)")).len(), 1);
    // What nobody printed is not taken for the same.
    assert_eq!(differing(&Printed::default()).len(), 1);
}
