use std::path::Path;
use std::time::Duration;

use rstest::rstest;

use super::*;
use crate::baseline::{Files, load};
use crate::probe::SshSettings;

struct One(String);

impl Files for One {
    fn read(&self, _: &Path, _: usize) -> std::io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }
}

/// What becomes of the names, written as a list, or what is said against them.
fn added(names: &str) -> Result<Target, String> {
    let loaded = load(
        "t.yml",
        &One(format!(
            "version: 1\nname: t\nhosts:\n  a: {{ address: 192.0.2.1, tags: db }}\n  \
             b: {{ address: 192.0.2.2, tags: [db, web], connect_timeout: 9s }}\n  \
             here: {{ local: true }}\n\
             phases: {{ P: {{ checks: {{ c: {{ x: {{ hosts: {names} }} }} }} }} }}\n"
        )),
        &[],
    );
    let baseline = loaded.baseline.expect("a baseline");
    let five = Duration::from_secs(5);
    let hosts: Vec<Arc<Host>> = baseline
        .hosts
        .iter()
        .map(|host| {
            Arc::new(Host {
                id: host.id.value.clone(),
                address: String::new(),
                local: false,
                ssh: SshSettings::default(),
                connect_timeout: host.connect_timeout.unwrap_or(five),
            })
        })
        .collect();
    let options = baseline.phases[0].checks[0].node.get("x").expect("options");
    let named: Vec<NamedHosts<'_>> = options
        .get("hosts")
        .expect("a list")
        .items()
        .iter()
        .enumerate()
        .map(|(place, name)| NamedHosts {
            path: vec!["hosts".to_owned(), place.to_string()],
            name: name.as_str().expect("a text"),
        })
        .collect();
    let mut target = Target {
        host: None,
        via: None,
        also: Vec::new(),
        timeout: five,
        connect_timeout: five,
    };
    let mut diagnostics = Diagnostics::default();
    let known = (&baseline, &hosts[..]);
    match add(&named, options, known, &mut target, &mut diagnostics) {
        Some(()) => Ok(target),
        None => Err(diagnostics.render(&loaded.sources, false, 200)),
    }
}

#[rstest]
#[case::none("[]", &[], 5)]
#[case::in_the_baselines_order("[here, a]", &["a", "here"], 5)]
#[case::each_once("[\"tag:db\", a, b]", &["a", "b"], 9)]
#[case::all("[all]", &["a", "b", "here"], 9)]
fn names_mean_hosts(#[case] names: &str, #[case] expected: &[&str], #[case] connect: u64) {
    let target = added(names).expect("hosts");
    let ids: Vec<&str> = target.also.iter().map(|host| host.id.as_str()).collect();
    assert_eq!(ids, expected);
    assert_eq!(target.connect_timeout, Duration::from_secs(connect));
}

#[rstest]
#[case::misspelt("[a, heer]", "heer", "no host `heer`", "did you mean `here`?")]
#[case::a_tag("[web]", "web", "no host `web`", "write `tag:web`")]
#[case::an_unknown_tag(
    "[\"tag:wep\"]",
    "tag:wep",
    "no host has the tag `wep`",
    "did you mean `tag:web`?"
)]
#[case::unlike_any(
    "[qqqqqq]",
    "qqqqqq",
    "no host `qqqqqq`",
    "known: a, b, here, tag:db, tag:web"
)]
fn names_that_mean_none_are_told_where_they_stand(
    #[case] names: &str,
    #[case] name: &str,
    #[case] message: &str,
    #[case] suggestion: &str,
) {
    let told = added(names).expect_err("a problem");
    assert!(told.contains(message), "{told}");
    assert!(told.contains(suggestion), "{told}");
    let line = told.lines().find(|line| line.contains("hosts: ["));
    let carets = told.lines().find(|line| line.contains('^'));
    let (line, carets) = line.zip(carets).expect("the place");
    let underlined = carets.find('^').zip(carets.rfind('^'));
    let (start, end) = underlined.expect("carets");
    assert_eq!(line[start..=end].trim_matches('"'), name, "{told}");
}

#[test]
fn one_look_of_several_is_the_hosts_own() {
    let target = added("[a, b]").expect("hosts");
    let at = target.at(&target.also[1]);
    assert_eq!(at.host.as_deref().map(|host| host.id.as_str()), Some("b"));
    assert_eq!(at.connect_timeout, Duration::from_secs(9));
    assert!(at.also.is_empty() && at.via.is_none());
    let both = Target {
        host: Some(Arc::clone(&target.also[0])),
        ..target.clone()
    };
    let ids: Vec<&str> = both.hosts().map(|host| host.id.as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
}
