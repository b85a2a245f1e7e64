//! What the API server knew of nodes before its start, and what they told since.

use jiff::Timestamp;
use serde_json::json;

use super::*;

fn at(seconds: i64) -> String {
    let at = Timestamp::from_second(NOW + seconds).expect("a time");
    format!("{at:.0}")
}

/// A node, and when its heartbeat was, from now on; with none it tells none.
fn node(name: &str, ready: &str, heartbeat: Option<i64>) -> Json {
    let mut condition = json!({ "type": "Ready", "status": ready });
    if let Some(seconds) = heartbeat {
        condition["lastHeartbeatTime"] = json!(at(seconds));
    }
    json!({ "metadata": { "name": name }, "status": { "conditions": [condition] } })
}

/// A cluster of these nodes on a host whose `date` prints `date`.
async fn nodes(nodes: &[Json], date: Option<i64>) -> Stage {
    let list = json!({ "items": nodes }).to_string();
    stage(move |command| match date {
        _ if command.contains("kubectl") => Answer::ok(list.clone()),
        Some(seconds) => Answer::ok(format!("{} +0800\n", NOW + seconds)),
        None => Answer::fails(127, "date: command not found"),
    })
    .await
}

#[rstest]
#[case::just_now(-10, json!([]))]
#[case::as_late_as_a_kubelet_may_be(-470, json!([]))]
#[case::a_little_ahead(60, json!([]))]
#[case::before_the_cut(-2100, json!([format!("agent: Ready as of {}, 35 min ago", at(-2100))]))]
#[case::a_clock_is_wrong(7200, json!([
    format!("agent: Ready as of {}, 120 min ahead of the cluster's clock", at(7200))
]))]
#[tokio::test]
async fn ready_by_what_was_told_before(#[case] heartbeat: i64, #[case] expected: Json) {
    let of = [
        node("server", "True", Some(-10)),
        node("agent", "True", Some(heartbeat)),
    ];
    let stage = nodes(&of, Some(0)).await;
    let facts = seen(&stage, json!({ "nodes": {} })).await;
    assert_eq!(fact(&facts, "stale"), expected);
    assert_eq!(fact(&facts, "ready_count"), 2);
    let oldest = at(heartbeat.min(-10));
    assert_eq!(fact(&facts, "oldest_heartbeat_at"), oldest);
    let defaults = kind::<Kubernetes>(json!({ "nodes": {} })).defaults();
    assert!(defaults.require.contains(&"size(stale) == 0".to_owned()));
}

/// The operator's clock is right, or an hour off: the host's counts where it tells it.
#[rstest]
#[case(Some(3600), 3590, json!([]))]
#[case(Some(3600), -10, json!([format!(
    "agent: the clock of data188 is 60 min ahead of the one here, so one of them is wrong: \
     Ready as of {}, 60 min ago by the former, 0 min ago by the latter",
    at(-10)
)]))]
#[case(Some(-3600), 10, json!([format!(
    "agent: the clock of data188 is 60 min behind the one here, so one of them is wrong: \
     Ready as of {}, 60 min from now by the former, 0 min from now by the latter",
    at(10)
)]))]
#[case(Some(3600), -2100, json!([format!(
    "agent: Ready as of {}, 95 min ago; but the clock of data188 is 60 min ahead of the one here",
    at(-2100)
)]))]
#[case(None, -10, json!([]))]
#[case(None, -600, json!([format!(
    "agent: Ready as of {}, 10 min ago, or the clock of the machine that coldstart runs on is wrong",
    at(-600)
)]))]
#[tokio::test]
async fn by_the_clock_of_the_host(
    #[case] date: Option<i64>,
    #[case] heartbeat: i64,
    #[case] expected: Json,
) {
    let stage = nodes(&[node("agent", "True", Some(heartbeat))], date).await;
    let facts = seen(&stage, json!({ "nodes": {} })).await;
    assert_eq!(fact(&facts, "stale"), expected);
}

/// `fresh` tells ages by the same clock: a last success must not look younger by one of the
/// operator's that stood still without power.
#[rstest]
#[case::ahead(Some(10_800), json!(at(10_800)))]
#[case::alike(Some(0), json!(at(0)))]
#[case::behind(Some(-60), json!(at(-60)))]
#[case::untold(None, Json::Null)]
#[tokio::test]
async fn the_clock_that_ages_are_told_by(#[case] date: Option<i64>, #[case] expected: Json) {
    let mut either = node("agent", "True", Some(-10));
    either["spec"] = json!({ "schedule": "0 2 * * *" });
    let stage = nodes(&[either], date).await;
    for subject in ["nodes", "cron_jobs"] {
        let facts = seen(&stage, json!({ subject: {} })).await;
        assert_eq!(fact(&facts, "host_now"), expected, "{subject}");
    }
    let facts = seen(&stage, json!({ "pods": {} })).await;
    assert_eq!(fact(&facts, "host_now"), Json::Null);
}

/// A list that another check had minutes ago does not make a clock of the host's that is slow.
#[tokio::test]
async fn the_clock_goes_on_after_the_list() {
    let of = [node("agent", "True", Some(-10))];
    let mut stage = nodes(&of, Some(600)).await;
    seen(&stage, json!({ "nodes": {} })).await;
    let transports = Arc::get_mut(&mut stage.context.transports).expect("nobody else has them");
    transports.clock = Some(|| Timestamp::from_second(NOW + 1200).expect("a time"));
    let facts = seen(&stage, json!({ "nodes": {} })).await;
    assert_eq!(fact(&facts, "host_now"), at(1800));
    assert_eq!(sent(&stage).len(), 2);
}

/// Where there is but one clock, as many nodes as are off by it say that it may be that.
#[rstest]
#[case::one_of_two(&[-10, -2100], true)]
#[case::all_others(&[-10, -2100, -2200, -2000], true)]
#[case::one_of_three(&[-10, -10, -2100], false)]
#[case::each_by_itself(&[-2100, -90_000], false)]
#[tokio::test]
async fn as_many_nodes_as_when_the_clock_is_wrong(#[case] heartbeats: &[i64], #[case] doubt: bool) {
    let node = |(number, at): (usize, &i64)| node(&format!("node-{number}"), "True", Some(*at));
    let of: Vec<Json> = heartbeats.iter().enumerate().map(node).collect();
    for (date, doubt) in [(None, doubt), (Some(0), false)] {
        let stage = nodes(&of, date).await;
        let facts = seen(&stage, json!({ "nodes": {} })).await;
        let stale = fact(&facts, "stale");
        let stale = stale.as_array().expect("a list");
        assert!(!stale.is_empty());
        for one in stale {
            let told = one.as_str().expect("a text").ends_with(" is wrong");
            assert_eq!(told, doubt, "{one}");
        }
    }
}

#[tokio::test]
async fn a_node_that_tells_no_heartbeat_is_not_guessed_at() {
    let untold = node("server", "True", None);
    let stage = nodes(&[untold.clone(), node("agent", "True", Some(-10))], Some(0)).await;
    let facts = seen(&stage, json!({ "nodes": {} })).await;
    assert_eq!(fact(&facts, "stale"), Json::Null);
    assert_eq!(fact(&facts, "oldest_heartbeat_at"), Json::Null);
    // What is known to be stale is told all the same.
    let stage = nodes(&[untold, node("agent", "True", Some(-900))], Some(0)).await;
    let facts = seen(&stage, json!({ "nodes": {} })).await;
    let stale = format!("agent: Ready as of {}, 15 min ago", at(-900));
    assert_eq!(fact(&facts, "stale"), json!([stale]));
}

/// One that is not Ready is told as that, and once.
#[tokio::test]
async fn a_node_that_is_not_ready_is_not_stale_besides() {
    let of = [
        node("agent", "Unknown", Some(-9000)),
        node("new", "False", None),
    ];
    let stage = nodes(&of, Some(0)).await;
    let facts = seen(&stage, json!({ "nodes": {} })).await;
    assert_eq!(fact(&facts, "stale"), json!([]));
    assert_eq!(fact(&facts, "ready_count"), 0);
}

#[test]
fn the_plan_tells_that_the_clock_is_asked() {
    let told = requests(json!({ "nodes": {} }));
    let [list, clock] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert!(
        list.ends_with("kubectl get nodes -o json --cache-dir /dev/null"),
        "{list}"
    );
    assert!(clock.ends_with("date '+%s %z'"), "{clock}");
}
