use rstest::rstest;
use serde_json::{Value as Json, json};

use super::*;
use crate::probe::kinds::stage::{fact, host, kind, run, stage, target};
use crate::servers::ssh::Answer;

/// As open-iscsi 2.1.8 prints two records, cut to some of their settings.
const NODES: &str = "\
# BEGIN RECORD 2.1.8
node.name = iqn.2005-10.org.freenas.ctl:vaultwarden
node.tpgt = 1
node.startup = automatic
node.discovery_address = 10.0.10.15
node.session.auth.password = hunter2
node.session.timeo.replacement_timeout = 300
node.conn[0].address = 10.0.10.15
node.conn[0].timeo.noop_out_interval = 10
node.conn[0].iscsi.HeaderDigest = CRC32C,None
node.conn[0].iscsi.OFMarker = No
# END RECORD
# BEGIN RECORD 2.1.8
node.name = iqn.2005-10.org.freenas.ctl:redis
node.session.timeo.replacement_timeout = 120
node.conn[0].address = 10.0.10.15
node.conn[0].timeo.noop_out_interval = 10
node.session.auth.username = <empty>
# END RECORD
";

/// As `iscsiadm -m session -P 2` prints one, cut.
const SESSIONS: &str = "\
Target: iqn.2005-10.org.freenas.ctl:redis (non-flash)
\tCurrent Portal: 10.0.10.15:3260,1
\tPersistent Portal: 10.0.10.15:3260,1
\t\t*********
\t\tTimeouts:
\t\t*********
\t\tRecovery Timeout: 300
\t\t************************
\t\tNegotiated iSCSI params:
\t\t************************
\t\tHeaderDigest: CRC32C
\t\tDataDigest: None
";

async fn look(options: Json, answer: Answer) -> Result<Facts, Fault> {
    let stage = stage(move |_| answer.clone()).await;
    run(&kind::<Settings>(options), &stage.context).await
}

async fn seen(options: Json, text: &str) -> Facts {
    look(options, Answer::ok(text)).await.expect("facts")
}

#[tokio::test]
async fn every_iscsi_record_has_to_agree() {
    let options = json!({"from": "iscsi_nodes", "sudo": true, "expect": {
        "node.session.timeo.replacement_timeout": 300,
        "node.conn[0].timeo.noop_out_interval": 10,
        "node.conn[0].iscsi.HeaderDigest": "CRC32C,None",
    }});
    let facts = seen(options, NODES).await;
    let redis = "iqn.2005-10.org.freenas.ctl:redis at 10.0.10.15";
    assert_eq!(
        fact(&facts, "differing"),
        json!([format!(
            "{redis}: node.session.timeo.replacement_timeout: expected 300, is 120"
        )])
    );
    assert_eq!(
        fact(&facts, "missing"),
        json!([format!("{redis}: node.conn[0].iscsi.HeaderDigest")])
    );
    assert_eq!(fact(&facts, "equal_count"), 4);
    assert_eq!(
        fact(&facts, "records"),
        json!([
            "iqn.2005-10.org.freenas.ctl:vaultwarden at 10.0.10.15",
            redis
        ])
    );
    // Nothing but what is asked for, and only what all have alike.
    assert_eq!(
        fact(&facts, "values"),
        json!({"node.conn[0].timeo.noop_out_interval": "10"})
    );
    assert!(!format!("{facts:?}").contains("hunter2"));
}

#[rstest]
#[case::nodes("iscsi_nodes", "iscsiadm: No records found\n")]
#[case::sessions("iscsi_sessions", "iscsiadm: No active sessions.\n")]
#[tokio::test]
async fn no_iscsi_at_all_has_nothing_of_it(#[case] from: &str, #[case] stderr: &str) {
    let options = json!({"from": from, "expect": {"HeaderDigest": "CRC32C"}});
    let facts = look(options, Answer::fails(21, stderr))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "exists"), false);
    assert_eq!(facts.iter().count(), 1, "{facts:?}");
}

#[tokio::test]
async fn sessions_tell_what_was_negotiated() {
    let options = json!({"from": "iscsi_sessions", "expect": {
        "HeaderDigest": "CRC32C", "DataDigest": "CRC32C", "Recovery Timeout": 300,
    }});
    let facts = seen(options, SESSIONS).await;
    let target = "iqn.2005-10.org.freenas.ctl:redis";
    assert_eq!(
        fact(&facts, "differing"),
        json!([format!("{target}: DataDigest: expected CRC32C, is None")])
    );
    assert_eq!(fact(&facts, "equal_count"), 2);
    assert_eq!(fact(&facts, "records"), json!([target]));
}

/// A session as `iscsiadm -m session -P 2` prints it, below its target.
fn session(portal: Option<&str>, interface: &str, digest: &str) -> String {
    let portal = portal.map_or("\n".to_owned(), |at| {
        format!("\tCurrent Portal: {at},1\n\tPersistent Portal: {at},1\n")
    });
    format!(
        "{portal}\t\t**********\n\t\tInterface:\n\t\t**********\n\t\tIface Name: {interface}\n\
         \t\tSID: 1\n\t\tiSCSI Session State: LOGGED_IN\n\
         \t\t*********\n\t\tTimeouts:\n\t\t*********\n\t\tRecovery Timeout: 300\n\
         \t\t*****\n\t\tCHAP:\n\t\t*****\n\t\tusername: <empty>\n\t\tpassword: ********\n\
         \t\tNegotiated iSCSI params:\n\t\tHeaderDigest: {digest}\n"
    )
}

const TARGET: &str = "Target: iqn.2005-10.org.freenas.ctl:redis (non-flash)\n";

#[rstest]
#[case::the_first_differs(&[(Some("10.0.10.15:3260"), "None"), (Some("10.0.11.15:3260"), "CRC32C")], &["at 10.0.10.15:3260"])]
#[case::the_last_differs(&[(Some("10.0.10.15:3260"), "CRC32C"), (Some("10.0.11.15:3260"), "None")], &["at 10.0.11.15:3260"])]
#[case::both_differ(&[(Some("10.0.10.15:3260"), "None"), (Some("10.0.11.15:3260"), "None")], &["at 10.0.10.15:3260", "at 10.0.11.15:3260"])]
#[case::none_differs(&[(Some("10.0.10.15:3260"), "CRC32C"), (Some("[fd00::15]:3260"), "CRC32C")], &[])]
#[case::one_portal_by_two_interfaces(&[(Some("10.0.10.15:3260"), "None"), (None, "CRC32C")], &["at 10.0.10.15:3260 by eth0"])]
#[tokio::test]
async fn every_session_of_a_target_counts(
    #[case] sessions: &[(Option<&str>, &str)],
    #[case] differing: &[&str],
) {
    let options = json!({"from": "iscsi_sessions", "expect": {"HeaderDigest": "CRC32C", "Recovery Timeout": 300}});
    let blocks = sessions.iter().enumerate();
    let blocks = blocks.map(|(n, (portal, digest))| session(*portal, &format!("eth{n}"), digest));
    let vault = SESSIONS.replace(":redis", ":vault");
    let text = [TARGET.to_owned(), blocks.collect(), vault].concat();
    let facts = seen(options, &text).await;
    let target = "iqn.2005-10.org.freenas.ctl:redis";
    let expected: Vec<String> = differing
        .iter()
        .map(|place| format!("{target} {place}: HeaderDigest: expected CRC32C, is None"))
        .collect();
    assert_eq!(fact(&facts, "differing"), json!(expected));
    assert_eq!(fact(&facts, "missing"), json!([]));
    assert_eq!(fact(&facts, "equal_count"), 6 - expected.len());
    // What is not the same for all is the value of none.
    let digest = fact(&facts, "values").get("HeaderDigest").cloned();
    assert_eq!(digest.is_some(), expected.is_empty());
    let records = fact(&facts, "records");
    assert_eq!(records.as_array().map(Vec::len), Some(3), "{records}");
    assert_eq!(records[2], "iqn.2005-10.org.freenas.ctl:vault");
}

#[tokio::test]
async fn what_one_session_has_not_is_missing() {
    let options = json!({"from": "iscsi_sessions", "expect": {"DataDigest": "None"}});
    let first = session(Some("10.0.10.15:3260"), "eth0", "None") + "\t\tDataDigest: None\n";
    let text = [
        TARGET,
        &first,
        &session(Some("10.0.11.15:3260"), "eth1", "None"),
    ]
    .concat();
    let facts = seen(options, &text).await;
    assert_eq!(
        fact(&facts, "missing"),
        json!(["iqn.2005-10.org.freenas.ctl:redis at 10.0.11.15:3260: DataDigest"])
    );
    assert_eq!(fact(&facts, "values"), json!({}));
}

#[tokio::test]
async fn the_kernel_tells_what_it_has() {
    let options = json!({"from": "sysctl", "expect": {
        "vm.swappiness": 10, "net.ipv4.tcp_rmem": "4096 131072 6291456", "no.such": 1,
    }});
    let text = "vm.swappiness = 60\nnet.ipv4.tcp_rmem = 4096\t131072\t6291456\n";
    let facts = seen(options, text).await;
    assert_eq!(
        fact(&facts, "differing"),
        json!(["vm.swappiness: expected 10, is 60"])
    );
    assert_eq!(fact(&facts, "missing"), json!(["no.such"]));
    assert_eq!(fact(&facts, "equal_count"), 1);
    assert_eq!(facts.get("exists"), None, "there is always a kernel");
}

#[rstest]
#[case::synchronised("NTPSynchronized=yes\nTimezone=Asia/Taipei\n", json!([]), json!([]))]
#[case::not_yet("NTPSynchronized=no\nTimezone=Asia/Taipei\n", json!(["NTPSynchronized: expected true, is no"]), json!([]))]
#[case::an_older_one("Timezone=Asia/Taipei\n", json!([]), json!(["NTPSynchronized"]))]
#[tokio::test]
async fn the_clock_tells_whether_it_is_right(
    #[case] text: &str,
    #[case] differing: Json,
    #[case] missing: Json,
) {
    let expect = json!({"NTPSynchronized": true, "Timezone": "Asia/Taipei"});
    let options = json!({"from": "timedatectl", "expect": expect});
    let facts = seen(options, text).await;
    assert_eq!(fact(&facts, "differing"), differing);
    assert_eq!(fact(&facts, "missing"), missing);
    assert_eq!(facts.get("exists"), None, "it is always there");
}

#[test]
fn the_clock_is_asked_for_each_by_its_name() {
    let expect = json!({"NTPSynchronized": true, "Timezone": "UTC"});
    let settings = kind::<Settings>(json!({"from": "timedatectl", "expect": expect}));
    assert_eq!(
        settings.args().join(" "),
        "timedatectl show --no-pager --property=NTPSynchronized --property=Timezone"
    );
    assert_eq!(settings.wrong(&Policy::default()), []);
}

#[rstest]
#[case::there("LoadState=loaded\nMemoryMax=infinity\n", true, json!([]))]
#[case::not_there("LoadState=not-found\nMemoryMax=infinity\n", false, json!(null))]
#[tokio::test]
async fn a_unit_that_is_not_there_has_no_properties(
    #[case] text: &str,
    #[case] exists: bool,
    #[case] missing: Json,
) {
    let options =
        json!({"from": "systemctl", "unit": "iscsid.service", "expect": {"MemoryMax": "infinity"}});
    let facts = seen(options, text).await;
    assert_eq!(fact(&facts, "exists"), exists);
    assert_eq!(fact(&facts, "missing"), missing);
}

/// systemd shows its own defaults of a unit that it did not load.
#[rstest]
#[case::masked("MemoryMax", "masked", &["LoadState: expected loaded, is masked"])]
#[case::an_error("MemoryMax", "bad-setting", &["LoadState: expected loaded, is bad-setting"])]
#[case::loaded("MemoryMax", "loaded", &[])]
#[case::as_asked("LoadState", "masked", &[])]
#[tokio::test]
async fn a_unit_that_is_not_loaded_differs(
    #[case] name: &str,
    #[case] state: &str,
    #[case] differing: &[&str],
) {
    let wanted = if name == "LoadState" {
        state
    } else {
        "infinity"
    };
    let options = json!({"from": "systemctl", "unit": "x.service", "expect": {name: wanted}});
    let text = format!("LoadState={state}\nMemoryMax=infinity\n");
    assert_eq!(
        fact(&seen(options, &text).await, "differing"),
        json!(differing)
    );
}

#[rstest]
#[case::the_last_one_counts("equals", "# a = 1\na = 1\n a=2 \n", "a", Some("2"))]
#[case::quoted("equals", "a = \"x y\"\n", "a", Some("x y"))]
#[case::sysctls_minus("equals", "-vm.x = 1\n", "vm.x", Some("1"))]
#[case::none("equals", ";a = 1\na\n= 1\n", "a", None)]
#[case::dots(
    "equals",
    "node.conn[0].timeo.noop_out_interval = 10\n",
    "node.conn[0].timeo.noop_out_interval",
    Some("10")
)]
#[case::the_first_one_counts(
    "words",
    "PermitRootLogin no\npermitrootlogin yes\n",
    "PermitRootLogin",
    Some("no")
)]
#[case::any_case("words", "port=22\n", "Port", Some("22"))]
#[case::of_a_match_alone(
    "words",
    "Match User x\n PermitRootLogin no\n",
    "PermitRootLogin",
    None
)]
#[case::of_a_section("ini", "[a]\nk=1\n[b]\nk=2\n", "b/k", Some("2"))]
#[case::before_any("ini", "k = 1\n", "k", Some("1"))]
#[case::a_number("json", "{\"a\":{\"b\":[1,2.5]}}", "/a/b/1", Some("2.5"))]
#[case::a_text("json", "{\"a\":\"x\"}", "/a", Some("x"))]
#[case::not_in_json("json", "{}", "/a", None)]
#[tokio::test]
async fn files_are_read_as_their_programs_do(
    #[case] format: &str,
    #[case] text: &str,
    #[case] name: &str,
    #[case] value: Option<&str>,
) {
    let options =
        json!({"from": "file", "path": "/etc/x", "format": format, "expect": {name: "?"}});
    let facts = seen(options, text).await;
    let values = fact(&facts, "values");
    assert_eq!(values.get(name).and_then(Json::as_str), value);
    assert_eq!(
        fact(&facts, "missing").as_array().map(Vec::len),
        Some(usize::from(value.is_none()))
    );
}

#[rstest]
#[case(json!(10), "10", true)]
#[case(json!(10), "10.0", true)]
#[case(json!(10), "100", false)]
#[case(json!(10), "", false)]
#[case(json!(10), "+10", true)]
#[case(json!(-0.5), "-0.50", true)]
#[case(json!(12_345_678_901_234_567_890_u64), "12345678901234567890", true)]
#[case(json!(12_345_678_901_234_567_890_u64), "12345678901234567891", false)]
#[case(json!(12_345_678_901_234_567_890_u64), "12345678901234567891.0", false)]
#[case(json!(9_007_199_254_740_992_u64), "9007199254740993", false)]
#[case(json!(-9_007_199_254_740_993_i64), "-9007199254740992", false)]
#[case(json!(9_007_199_254_740_992_u64), "9007199254740993.0", false)]
#[case(json!("123456789012345678901234567890"), "123456789012345678901234567891", false)]
#[case(json!(true), "Yes", true)]
#[case(json!(true), "1", true)]
#[case(json!(true), "no", false)]
#[case(json!(false), "off", true)]
#[case(json!("CRC32C,None"), "CRC32C,None", true)]
#[case(json!("CRC32C,None"), "None", false)]
#[case(json!("a  b"), "a\tb", true)]
fn equal_is_what_means_the_same(#[case] wanted: Json, #[case] seen: &str, #[case] equal: bool) {
    let wanted: Wanted = serde_json::from_value(wanted).expect("a value");
    assert_eq!(wanted.is(seen), equal);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_a_fact() {
    let answer = Answer::fails(1, "cat: /etc/x: No such file or directory\n");
    let options = json!({"from": "file", "path": "/etc/x", "expect": {"a": 1}});
    let facts = look(options, answer).await.expect("facts");
    assert_eq!(facts.iter().count(), 1, "{facts:?}");
    assert_eq!(fact(&facts, "exists"), false);
}

/// A card tells it as the one thing that is wrong.
#[rstest]
#[case(json!({"from": "file", "path": "/x", "expect": {"a": 1}}), Some("exists"))]
#[case(json!({"from": "systemctl", "unit": "x", "expect": {"A": 1}}), Some("exists"))]
#[case(json!({"from": "iscsi_nodes", "expect": {"a": 1}}), Some("exists"))]
#[case(json!({"from": "sysctl", "expect": {"vm.a": 1}}), None)]
#[case(json!({"from": "timedatectl", "expect": {"NTP": true}}), None)]
fn what_may_not_be_there_has_to_exist(#[case] options: Json, #[case] first: Option<&str>) {
    let required = kind::<Settings>(options).defaults().require;
    let expected: Vec<&str> = first
        .into_iter()
        .chain(["size(missing) == 0", "size(differing) == 0"])
        .collect();
    assert_eq!(required, expected);
}

#[rstest]
#[case::denied(
    "file",
    1,
    "cat: /etc/x: Permission denied\n",
    FaultKind::Denied,
    "/etc/x on data188 may not be read"
)]
#[case::not_root(
    "iscsi_nodes",
    1,
    "iscsiadm: Could not stat /etc/iscsi/nodes: Permission denied\n",
    FaultKind::Denied,
    "the iSCSI records on data188 may not be read"
)]
#[case::no_program(
    "iscsi_nodes",
    127,
    "sh: iscsiadm: not found\n",
    FaultKind::Missing,
    "there is no iscsiadm on data188"
)]
#[case::another(
    "sysctl",
    1,
    "sysctl: cannot\n",
    FaultKind::Protocol,
    "sysctl on data188 ended with status 1: sysctl: cannot"
)]
#[case::partly_denied(
    "sysctl",
    0,
    "sysctl: permission denied on key 'vm.x'\n",
    FaultKind::Denied,
    "the kernel on data188 may not be read"
)]
#[tokio::test]
async fn what_stands_in_the_way_is_a_fault(
    #[case] from: &str,
    #[case] status: u32,
    #[case] stderr: &str,
    #[case] kind: FaultKind,
    #[case] told: &str,
) {
    let mut options = json!({"from": from, "expect": {"vm.x": 1}});
    if from == "file" {
        options["path"] = json!("/etc/x");
    }
    let fault = look(options, Answer::fails(status, stderr))
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, kind, "{fault:?}");
    assert!(fault.seen.starts_with(told), "{fault:?}");
}

#[rstest]
#[case(json!({"from": "iscsi_nodes", "expect": {"a": 1}}), "iscsiadm printed no record")]
#[case(json!({"from": "iscsi_sessions", "expect": {"a": 1}}), "iscsiadm printed no record")]
#[case(json!({"from": "file", "path": "/x", "format": "json", "expect": {"/a": 1}}), "the file is no JSON")]
#[tokio::test]
async fn garbage_is_a_fault(#[case] options: Json, #[case] told: &str) {
    let fault = look(options, Answer::ok("\u{1b}[2J garbage\n"))
        .await
        .expect_err("a fault");
    assert_eq!(
        (fault.kind, fault.seen.as_str()),
        (FaultKind::Protocol, told)
    );
}

#[tokio::test]
async fn a_hung_program_is_a_fault() {
    let mut stage = stage(|_| Answer::Hang).await;
    stage.context.target.timeout = std::time::Duration::from_secs(2);
    let settings = kind::<Settings>(json!({"from": "sysctl", "expect": {"vm.x": 1}}));
    let fault = run(&settings, &stage.context).await.expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::TimedOut);
}

#[rstest]
#[case(json!({"from": "sysctl", "expect": {"vm.b": 1, "vm.a": 2}}), "sysctl -e vm.a vm.b")]
#[case(json!({"from": "iscsi_nodes", "sudo": true, "expect": {"a": 1}}), "sudo -n iscsiadm -m node -o show")]
#[case(json!({"from": "iscsi_sessions", "expect": {"a": 1}}), "iscsiadm -m session -P 2")]
#[case(json!({"from": "systemctl", "unit": "cron", "expect": {"MemoryMax": 1}}), "systemctl show --no-pager '--property=LoadState,MemoryMax' cron")]
#[case(json!({"from": "file", "path": "/etc/a b", "expect": {"a": 1}}), "cat '/etc/a b'")]
#[tokio::test]
async fn what_is_planned_is_sent(#[case] options: Json, #[case] expected: &str) {
    let stage = stage(|_| Answer::fails(21, "")).await;
    let settings = kind::<Settings>(options);
    let target = &stage.context.target;
    assert_eq!(settings.problems(target, &Policy::default()), []);
    drop(run(&settings, &stage.context).await);
    let planned = settings.requests(target, &Policy::default());
    let planned: Vec<&str> = planned.iter().map(|one| one.text.as_str()).collect();
    let sent = stage.server.log.lines();
    assert_eq!(sent, planned);
    assert!(sent[0].ends_with(expected), "{sent:?}");
}

#[rstest]
#[case(json!({"from": "systemctl", "expect": {"A": 1}}), "", "properties of which unit?")]
#[case(json!({"from": "sysctl", "unit": "x", "expect": {"a": 1}}), "unit", "only `from: systemctl` has a unit")]
#[case(json!({"from": "file", "expect": {"a": 1}}), "", "which file?")]
#[case(json!({"from": "sysctl", "path": "/x", "expect": {"a": 1}}), "path", "only `from: file` has a path")]
#[case(json!({"from": "file", "path": "x", "expect": {"a": 1}}), "path", "\"x\" is not an absolute path")]
#[case(json!({"from": "sysctl", "format": "ini", "expect": {"a": 1}}), "format", "only `from: file` has a format")]
#[case(json!({"from": "sysctl", "expect": {"vm.x=1": 1}}), "expect.vm.x=1", "\"vm.x=1\" is no name of a setting")]
#[case(json!({"from": "sysctl", "expect": {"-w": 1}}), "expect.-w", "\"-w\" is no name of a setting")]
#[case(json!({"from": "systemctl", "unit": "x", "expect": {"A,B": 1}}), "expect.A,B", "\"A,B\" is no name of a setting")]
#[case(json!({"from": "file", "path": "/x", "format": "json", "expect": {"a": 1}}), "expect.a", "\"a\" is no name of a setting")]
#[case(json!({"from": "sysctl", "expect": {"a": 1.5e19}}), "expect.a", "1.5e+19 is too large to be compared to its last digit")]
fn options_that_do_not_go_together(
    #[case] options: Json,
    #[case] path: &str,
    #[case] message: &str,
) {
    let problems = kind::<Settings>(options).problems(&target(host(22)), &Policy::default());
    let told: Vec<(String, &str)> = problems
        .iter()
        .map(|problem| (problem.path.join("."), problem.message.as_str()))
        .collect();
    assert_eq!(told, [(path.to_owned(), message)]);
}

/// What an `Include` names is read in its place, and the first value counts.
#[rstest]
#[case::before("Include d/*.conf\nPort 22\n", json!(["Include d/*.conf"]))]
#[case::after("port 22\nInclude d/*.conf\n", json!([]))]
#[case::between("X 1\ninclude=a\nPort 22\nInclude b\n", json!(["include=a"]))]
#[case::behind_a_match("Match User x\nInclude a\nPort 22\n", json!([]))]
#[case::a_comment("#Include a\nPort 22\n", json!([]))]
#[tokio::test]
async fn files_that_come_first(#[case] text: &str, #[case] included: Json) {
    let options = json!({"from": "file", "path": "/etc/ssh/sshd_config", "format": "words", "expect": {"Port": 22}});
    let facts = seen(options.clone(), text).await;
    assert_eq!(fact(&facts, "included"), included);
    let expected = kind::<Settings>(options).defaults();
    assert_eq!(expected.prefer, ["size(included) == 0"]);
}
