use rstest::rstest;
use serde_json::json;

use super::*;
use crate::probe::kinds::stage::{Stage, fact, host, kind, local, run, stage};
use crate::servers::ssh::Answer;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";

#[rstest]
#[case(&format!("{A}  /etc/x\n"), Some(A.to_owned()))]
#[case(&format!("\\{A}  /etc/a\\\\b\n"), Some(A.to_owned()))]
#[case(&format!("{B}\n"), Some(B.to_ascii_lowercase()))]
#[case(&A[1..], None)]
#[case("SHA256 (/etc/x) = a", None)]
#[case("", None)]
fn digests_are_read(#[case] printed: &str, #[case] expected: Option<String>) {
    assert_eq!(digest(printed), expected);
}

#[rstest]
#[case::alike(&[("a", "1"), ("b", "1")], &[], None, true, &[], Some("1"))]
#[case::two_of_three(&[("a", "2"), ("b", "1"), ("c", "1")], &[], None, false, &["a"], Some("1"))]
#[case::one_each(&[("a", "1"), ("b", "2")], &[], None, false, &["b"], Some("1"))]
#[case::not_on_one(&[("a", "1")], &["b"], None, false, &[], Some("1"))]
#[case::on_none(&[], &["a", "b"], None, false, &[], None)]
#[case::alike_and_wrong(&[("a", "1"), ("b", "1")], &[], Some("2"), false, &["a", "b"], Some("2"))]
#[case::as_expected(&[("a", "1")], &[], Some("1"), true, &[], Some("1"))]
fn what_differs(
    #[case] digests: &[(&str, &str)],
    #[case] missing: &[&str],
    #[case] expected: Option<&str>,
    #[case] identical: bool,
    #[case] differing: &[&str],
    #[case] reference: Option<&str>,
) {
    let told = Told {
        digests: digests
            .iter()
            .map(|(host, digest)| ((*host).to_owned(), (*digest).to_owned()))
            .collect(),
        missing: missing.iter().map(ToString::to_string).collect(),
        expected: expected.map(str::to_owned),
    };
    let mut facts = Facts::new();
    told.set(&mut facts);
    assert_eq!(fact(&facts, "identical"), json!(identical));
    assert_eq!(fact(&facts, "differing"), json!(differing));
    assert_eq!(fact(&facts, "missing"), json!(missing));
    assert_eq!(fact(&facts, "digest"), json!(reference));
}

/// What a power cut leaves of a file that was being written is the same on all hosts.
#[rstest]
#[case::on_all(&["a", "b"], &[], None, true)]
#[case::on_one(&["b"], &["a"], None, false)]
#[case::as_expected(&["a"], &[], Some(NOTHING), true)]
#[case::on_none(&[], &["a", "b"], None, true)]
fn a_file_of_no_bytes_is_told(
    #[case] empty: &[&str],
    #[case] whole: &[&str],
    #[case] expected: Option<&str>,
    #[case] identical: bool,
) {
    let of = |hosts: &[&str], digest: &str| {
        let hosts = hosts.iter();
        hosts
            .map(|host| ((*host).to_owned(), digest.to_owned()))
            .collect::<Vec<_>>()
    };
    let told = Told {
        digests: [of(whole, A), of(empty, NOTHING)].concat(),
        missing: Vec::new(),
        expected: expected.map(str::to_owned),
    };
    let mut facts = Facts::new();
    told.set(&mut facts);
    assert_eq!(fact(&facts, "identical"), json!(identical));
    assert_eq!(fact(&facts, "empty"), json!(empty));
}

#[tokio::test]
async fn files_without_content_are_no_proof() {
    let (_dir, path, sum) = file("");
    assert_eq!(sum, NOTHING);
    let mut context = local();
    context.target.also = context.target.host.take().into_iter().collect();
    let options = json!({"path": path, "hosts": ["data188"], "equal_to": path});
    let check = kind::<Same>(options.clone());
    let facts = run(&check, &context).await.expect("facts");
    assert_eq!(fact(&facts, "identical"), json!(true));
    assert_eq!(fact(&facts, "empty"), json!(["data188"]));
    let expected = |check: &Same| check.defaults().require;
    assert_eq!(expected(&check), ["identical", "size(empty) == 0"]);
    let mut options = options;
    options["may_be_empty"] = json!(true);
    assert_eq!(expected(&kind::<Same>(options)), ["identical"]);
}

/// A check of the stage's host and of this machine.
async fn both(respond: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Stage {
    let mut stage = stage(respond).await;
    let mut own = host(22);
    own.id = "operator".to_owned();
    own.local = true;
    let far = stage.context.target.host.take().expect("a host");
    stage.context.target.also = vec![far, Arc::new(own)];
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    stage
}

fn file(text: &str) -> (tempfile::TempDir, String, String) {
    use sha2::{Digest, Sha256};
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("rules.yml");
    std::fs::write(&path, text).expect("a file");
    let sum = Sha256::digest(text)
        .iter()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    (dir, path.display().to_string(), sum)
}

#[rstest]
#[case::gnu("sha256sum", true)]
#[case::freebsd("sha256 -q", true)]
#[case::macos("shasum -a 256", true)]
#[case::another("sha256sum", false)]
#[tokio::test]
async fn a_host_is_held_against_this_machine(#[case] has: &'static str, #[case] same: bool) {
    let (_dir, path, sum) = file("groups: []\n");
    let printed = if same { sum.clone() } else { A.to_owned() };
    let stage = both(move |command| {
        if command.contains(has) {
            Answer::ok(format!("{printed}\n"))
        } else {
            Answer::fails(127, "sh: not found\n")
        }
    })
    .await;
    let options = json!({"paths": {"data188": "/etc/rules.yml", "operator": path}});
    let facts = run(&kind::<Same>(options), &stage.context)
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "identical"), json!(same));
    assert_eq!(fact(&facts, "digests")["operator"], json!(sum));
    assert_eq!(fact(&facts, "variants"), json!(if same { 1 } else { 2 }));
}

#[rstest]
#[case::absent(Answer::fails(1, "sha256sum: /x: No such file or directory\n"), Ok(json!(["data188"])))]
#[case::denied(
    Answer::fails(1, "sha256sum: /x: Permission denied\n"),
    Err(FaultKind::Denied)
)]
#[case::folder(
    Answer::fails(1, "sha256sum: /x: Is a directory\n"),
    Err(FaultKind::Protocol)
)]
#[case::garbage(Answer::ok("hello\n"), Err(FaultKind::Protocol))]
#[case::no_program(Answer::fails(127, "sh: not found\n"), Err(FaultKind::Missing))]
#[case::hangs(Answer::Hang, Err(FaultKind::TimedOut))]
#[case::cut_off(Answer::Disconnect, Err(FaultKind::Closed))]
#[tokio::test]
async fn what_a_host_may_say(
    #[case] answer: Answer,
    #[case] expected: Result<serde_json::Value, FaultKind>,
) {
    let (_dir, path, _) = file("x");
    let stage = both(move |_| answer.clone()).await;
    let options = json!({"path": path, "hosts": ["data188", "operator"]});
    let seen = run(&kind::<Same>(options), &stage.context).await;
    match expected {
        Ok(missing) => assert_eq!(fact(&seen.expect("facts"), "missing"), missing),
        Err(kind) => assert_eq!(seen.expect_err("a fault").kind, kind),
    }
}

#[tokio::test]
async fn this_machine_s_own_file_is_the_measure() {
    let (_dir, path, sum) = file("x");
    let mut context = local();
    context.target.also = context.target.host.take().into_iter().collect();
    let look = async |options| run(&kind::<Same>(options), &context).await;
    let facts = look(json!({"path": path, "hosts": ["data188"], "equal_to": path}))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "identical"), json!(true));
    assert_eq!(fact(&facts, "digest"), json!(sum));
    let facts = look(json!({"path": path, "hosts": ["data188"], "sha256": B}))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "differing"), json!(["data188"]));
    let fault = look(json!({"path": path, "hosts": ["data188"], "equal_to": "/none"}))
        .await
        .expect_err("none");
    assert_eq!(fault.kind, FaultKind::LocalSetup);
}

#[tokio::test]
async fn what_is_sent_is_what_was_told() {
    let stage = both(|_| Answer::ok(format!("{A}  /x\n"))).await;
    let kind = kind::<Same>(json!({"path": "/x", "hosts": ["all"], "sudo": true}));
    let told = kind.requests(&stage.context.target, &Policy::default());
    let hosts: Vec<Option<&str>> = told.iter().map(|request| request.host.as_deref()).collect();
    assert_eq!(hosts[0], Some("data188"));
    assert_eq!(hosts[3], Some("operator"));
    assert_eq!(told.len(), 6);
    drop(run(&kind, &stage.context).await);
    let sent = stage.server.log.lines();
    assert!(
        sent.iter()
            .any(|line| line.contains("sudo -n sha256sum /x")),
        "{sent:?}"
    );
}

#[rstest]
#[case(json!({}), "")]
#[case(json!({"path": "/x"}), "")]
#[case(json!({"path": "/x", "hosts": ["a"], "paths": {"a": "/x"}}), "")]
#[case(json!({"path": "x", "hosts": ["a", "b"]}), "path")]
#[case(json!({"paths": {"a": "x", "b": "/x"}}), "paths.a")]
#[case(json!({"paths": {"all": "/x"}}), "paths.all")]
#[case(json!({"path": "/x", "hosts": ["a"], "sha256": "abc"}), "sha256")]
#[case(json!({"path": "/x", "hosts": ["a"], "sha256": A, "equal_to": "./x"}), "sha256")]
#[case(json!({"path": "/x", "hosts": ["a"], "equal_to": ""}), "equal_to")]
#[case::alone(json!({"path": "/x", "hosts": ["a"]}), "")]
#[case(json!({"path": "/x\n", "hosts": ["a"], "sha256": A}), "")]
fn problems_have_a_place(#[case] options: serde_json::Value, #[case] place: &str) {
    let mut target = crate::probe::kinds::stage::target(host(22));
    target.also = target.host.take().into_iter().collect();
    let problems = kind::<Same>(options).problems(&target, &Policy::default());
    let places: Vec<String> = problems
        .iter()
        .map(|problem| problem.path.join("."))
        .collect();
    assert_eq!(places, [place], "{problems:?}");
}

#[rstest]
#[case("./rules.yml", Some("ops/./rules.yml"))]
#[case("/srv/rules.yml", Some("/srv/rules.yml"))]
#[case("", Some(""))]
#[case("-x", Some("-x"))]
fn its_own_file_is_beside_the_baseline(#[case] written: &str, #[case] meant: Option<&str>) {
    let mut kind = kind::<Same>(json!({"path": "/x", "hosts": ["a"], "equal_to": written}));
    Kind::beside(&mut kind, std::path::Path::new("ops"));
    assert_eq!(kind.equal_to.as_deref(), meant);
}

#[test]
fn its_hosts_are_told_with_their_place() {
    let kind = kind::<Same>(json!({"paths": {"a": "/x", "b": "/y"}}));
    let hosts = Kind::hosts(&kind);
    let told: Vec<(String, &str)> = hosts
        .iter()
        .map(|named| (named.path.join("."), named.name))
        .collect();
    assert_eq!(
        told,
        [("paths.a".to_owned(), "a"), ("paths.b".to_owned(), "b")]
    );
}
