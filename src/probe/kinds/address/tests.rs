use rstest::rstest;
use serde_json::{Value as Json, json};

use super::*;
use crate::probe::kinds::stage::{Respond, fact, kind, run, several};
use crate::servers::ssh::Answer;

const WITHOUT: &str = r#"[{"ifindex":1,"ifname":"lo","operstate":"UNKNOWN","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host","label":"lo"},{"family":"inet6","local":"::1","prefixlen":128}]},{"ifindex":2,"ifname":"eth0","operstate":"UP","addr_info":[{"family":"inet","local":"192.168.0.120","prefixlen":24,"broadcast":"192.168.0.255"}]},{"ifindex":3,"ifname":"eth1","operstate":"DOWN","addr_info":[]}]"#;
const WITH: &str = r#"[{"ifindex":2,"ifname":"eth0","operstate":"UP","addr_info":[{"family":"inet","local":"192.168.0.121","prefixlen":24},{"family":"inet","local":"192.168.0.125","prefixlen":32,"scope":"global"}]},{"ifindex":4,"ifname":"kube-ipvs0","operstate":"DOWN","addr_info":[{"family":"inet","local":"10.43.0.1","prefixlen":32}]}]"#;
const IPVS: &str = r#"[{"ifname":"eth0","addr_info":[{"local":"192.168.0.122"}]},{"ifname":"kube-ipvs0","addr_info":[{"local":"192.168.0.125"}]}]"#;

fn vip() -> Json {
    json!({"address": "192.168.0.125", "hosts": ["k3s120", "k3s121"]})
}

/// What is told when the hosts answer so.
async fn look(options: Json, answers: &[Answer]) -> Result<Facts, Fault> {
    let each = answers.iter().cloned();
    let responds = each.map(|answer| -> Respond { Box::new(move |_| answer.clone()) });
    let stage = several(responds.collect()).await;
    run(&kind::<Address>(options), &stage.context).await
}

fn ok(text: &str) -> Answer {
    Answer::ok(text)
}

#[rstest]
#[case::on_one(&[ok(WITHOUT), ok(WITH)], true, json!(["k3s121"]), json!({"k3s121": "eth0"}))]
#[case::on_none(&[ok(WITHOUT), ok(WITHOUT)], false, json!([]), json!({}))]
#[case::on_two(&[ok(WITH), ok(WITH)], false, json!(["k3s120", "k3s121"]), json!({"k3s120": "eth0", "k3s121": "eth0"}))]
#[case::on_one_of_three(&[ok(WITHOUT), ok(WITH), ok(WITHOUT)], true, json!(["k3s121"]), json!({"k3s121": "eth0"}))]
#[tokio::test]
async fn tells_who_holds_it(
    #[case] answers: &[Answer],
    #[case] once: bool,
    #[case] holders: Json,
    #[case] interfaces: Json,
) {
    let facts = look(vip(), answers).await.expect("facts");
    assert_eq!(fact(&facts, "held_once"), once);
    assert_eq!(fact(&facts, "holders"), holders);
    let count = holders.as_array().map(Vec::len);
    assert_eq!(fact(&facts, "holders_count"), json!(count));
    assert_eq!(fact(&facts, "interfaces"), interfaces);
    assert_eq!(fact(&facts, "unknown"), json!([]));
    assert_eq!(fact(&facts, "reasons"), json!({}));
}

/// Whoever cannot be asked may hold it.
#[rstest]
#[case::nobody_else_does(&[ok(WITHOUT), Answer::Refuse], None, json!([]))]
#[case::one_does(&[ok(WITH), Answer::Refuse], None, json!(["k3s120"]))]
#[case::two_do_already(&[ok(WITH), Answer::Refuse, ok(WITH)], Some(false), json!(["k3s120", "k3s122"]))]
#[tokio::test]
async fn nothing_is_told_of_a_host_that_was_not_asked(
    #[case] answers: &[Answer],
    #[case] once: Option<bool>,
    #[case] holders: Json,
) {
    let facts = look(vip(), answers).await.expect("facts");
    assert_eq!(fact(&facts, "held_once"), json!(once));
    assert_eq!(fact(&facts, "holders"), holders);
    assert_eq!(facts.get("holders_count"), None);
    assert_eq!(fact(&facts, "unknown"), json!(["k3s121"]));
    let reasons = fact(&facts, "reasons");
    let reason = reasons["k3s121"].as_str().expect("a reason");
    assert!(!reason.is_empty(), "{reasons}");
}

#[tokio::test]
async fn a_host_that_does_not_answer_keeps_nobody_from_being_asked() {
    let hung: Respond = Box::new(|_| Answer::Hang);
    let well: Respond = Box::new(|_| ok(WITH));
    let mut stage = several(vec![hung, well]).await;
    stage.context.target.timeout = std::time::Duration::from_secs(2);
    let facts = run(&kind::<Address>(vip()), &stage.context)
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "holders"), json!(["k3s121"]));
    assert_eq!(fact(&facts, "unknown"), json!(["k3s120"]));
    assert_eq!(facts.get("held_once"), None);
}

#[tokio::test]
async fn nobody_to_ask_is_a_fault() {
    let fault = look(vip(), &[Answer::Disconnect, Answer::Disconnect]).await;
    let fault = fault.expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::Closed, "{fault:?}");
}

#[rstest]
#[case::any(json!({"address": "192.168.0.125", "hosts": ["all"]}), false)]
#[case::of_a_name(json!({"address": "192.168.0.125", "hosts": ["all"], "interface": "eth*"}), true)]
#[tokio::test]
async fn what_load_balancers_have_everywhere_can_be_left_out(
    #[case] options: Json,
    #[case] once: bool,
) {
    let facts = look(options, &[ok(IPVS), ok(WITH)]).await.expect("facts");
    assert_eq!(fact(&facts, "held_once"), once);
}

/// iproute2 before 4.13, BusyBox and a system without `ip` each say it their way.
#[rstest]
#[case::no_json(
    Answer::fails(255, "Option \"-json\" is unknown, try \"ip -help\".\n"),
    IP
)]
#[case::busybox(Answer::fails(1, "ip: unrecognized option: json\n"), IP)]
#[case::no_ip(Answer::fails(127, "sh: ip: not found\n"), IFCONFIG)]
#[tokio::test]
async fn older_forms_are_asked_for_next(#[case] refusal: Answer, #[case] text: &'static str) {
    let status = match &refusal {
        Answer::Exit { status, .. } => *status,
        _ => panic!("it ends"),
    };
    let respond: Respond = Box::new(move |command| {
        let wanted = if status == 127 {
            "ifconfig -a"
        } else {
            "ip addr"
        };
        if command.ends_with(wanted) {
            ok(text)
        } else {
            refusal.clone()
        }
    });
    let stage = several(vec![respond]).await;
    let facts = run(&kind::<Address>(vip()), &stage.context)
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "interfaces"), json!({"k3s120": "eth0"}));
}

const IP: &str = "\
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
2: eth0@if5: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 qdisc pfifo_fast state UP
    link/ether 02:fc:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 192.168.0.120/24 brd 192.168.0.255 scope global eth0
    inet 192.168.0.125/32 scope global eth0
    inet6 fd00::7d/128 scope global dadfailed tentative
";
const IFCONFIG: &str = "\
eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500
        inet 192.168.0.125  netmask 255.255.255.255  broadcast 0.0.0.0
        inet6 fe80::1  prefixlen 64  scopeid 0x20<link>
";

#[rstest]
#[case::ip(IP, &["lo 127.0.0.1", "eth0 192.168.0.120", "eth0 192.168.0.125"])]
#[case::ifconfig(IFCONFIG, &["eth0 192.168.0.125", "eth0 fe80::1"])]
#[case::of_old(
    "eth0:1    Link encap:Ethernet  HWaddr 52:54:00:00:01:20\n          inet addr:192.168.0.125  Bcast:0.0.0.0\n          inet6 addr: fe80::1/64 Scope:Link\n",
    &["eth0:1 192.168.0.125", "eth0:1 fe80::1"]
)]
#[case::macos(
    "lo0: flags=8049<UP,LOOPBACK> mtu 16384\n\tinet6 fe80::1%lo0 prefixlen 64 scopeid 0x1\n\tinet 127.0.0.1 netmask 0xff000000\n",
    &["lo0 fe80::1", "lo0 127.0.0.1"]
)]
#[case::a_peer("9: ppp0: <UP>\n    inet 10.0.0.1 peer 10.0.0.2/32 scope global ppp0\n", &["ppp0 10.0.0.1"])]
#[case::json(WITHOUT, &["lo 127.0.0.1", "lo ::1", "eth0 192.168.0.120"])]
#[case::refused_by_another(
    r#"[{"ifname":"eth0","addr_info":[{"local":"fd00::7d","dadfailed":true},{"local":"fd00::1"}]}]"#,
    &["eth0 fd00::1"]
)]
fn reads_every_form(#[case] text: &str, #[case] expected: &[&str]) {
    let all = assigned::parse(text, "ip").expect("addresses");
    let shown: Vec<String> = all
        .iter()
        .map(|one| format!("{} {}", one.interface, one.address))
        .collect();
    assert_eq!(shown, expected);
}

/// That nothing could be read is not that the address is not there.
#[rstest]
#[case("")]
#[case("[]")]
#[case("[{\"ifname\":\"eth0\"")]
#[case("{}")]
#[case("    inet garbage\n")]
#[tokio::test]
async fn garbage_is_a_fault(#[case] text: &str) {
    let fault = look(vip(), &[ok(text)]).await.expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::Protocol);
    assert_eq!(fault.seen, "ip printed no address");
}

#[rstest]
#[case::denied(126, FaultKind::Denied, "ip may not be run on k3s120")]
#[case::missing(127, FaultKind::Missing, "there is no ip on k3s120")]
#[case::failed(
    2,
    FaultKind::Protocol,
    "ip -json addr on k3s120 ended with status 2: no"
)]
#[tokio::test]
async fn what_stands_in_the_way_is_a_fault(
    #[case] status: u32,
    #[case] kind: FaultKind,
    #[case] seen: &str,
) {
    let fault = look(vip(), &[Answer::fails(status, "no\n")])
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, kind);
    assert!(fault.seen.starts_with(seen), "{fault:?}");
}

/// The same address may be written in several ways.
#[tokio::test]
async fn addresses_are_compared_and_not_their_text() {
    let text = r#"[{"ifname":"eth0","addr_info":[{"local":"fd00:0:0:0:0:0:0:7d"}]}]"#;
    let options = json!({"address": "fd00::7D", "hosts": ["k3s120"]});
    let facts = look(options, &[ok(text)]).await.expect("facts");
    assert_eq!(fact(&facts, "held_once"), true);
    let longer = r#"[{"ifname":"eth0","addr_info":[{"local":"192.168.0.12"}]}]"#;
    let options = json!({"address": "192.168.0.125", "hosts": ["k3s120"]});
    let facts = look(options, &[ok(longer)]).await.expect("facts");
    assert_eq!(fact(&facts, "held_once"), false);
}

#[tokio::test]
async fn what_is_planned_is_sent_to_each() {
    let one = || -> Respond { Box::new(|_| ok(WITH)) };
    let stage = several(vec![one(), one()]).await;
    let address = kind::<Address>(vip());
    let planned = address.requests(&stage.context.target, &Policy::default());
    run(&address, &stage.context).await.expect("facts");
    assert_eq!(planned.len(), 2);
    for (request, (server, host)) in planned
        .iter()
        .zip(stage.servers.iter().zip(&stage.context.target.also))
    {
        assert_eq!(request.host.as_deref(), Some(host.id.as_str()));
        assert_eq!(server.log.lines(), [request.text.as_str()]);
    }
}

#[rstest]
#[case(json!({"address": "192.168.0.125/24", "hosts": ["a"]}), "address", "\"192.168.0.125/24\" is no address")]
#[case(json!({"address": "vip.lan", "hosts": ["a"]}), "address", "\"vip.lan\" is no address")]
#[case(json!({"address": "192.0.2.1", "hosts": ["a"], "interface": ""}), "interface", "an empty name is none")]
fn options_that_mean_nothing(#[case] options: Json, #[case] path: &str, #[case] message: &str) {
    let target = crate::probe::kinds::stage::target(crate::probe::kinds::stage::host(22));
    let problems = kind::<Address>(options).problems(&target, &Policy::default());
    let told: Vec<(String, &str)> = problems
        .iter()
        .map(|problem| (problem.path.join("."), problem.message.as_str()))
        .collect();
    assert_eq!(told, [(path.to_owned(), message)]);
}
