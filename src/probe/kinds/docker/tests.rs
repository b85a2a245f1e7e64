use std::sync::atomic::{AtomicUsize, Ordering};

use rstest::rstest;
use serde_json::{Value as Json, json};

use super::*;
use crate::probe::kinds::stage::{fact, host, kind, run, stage, target};
use crate::servers::ssh::Answer;

/// As each prints it, cut to what has a meaning here and some of what has none.
const DOCKER_20: &str = include_str!("tests/docker-20.10-inspect.json");
const DOCKER_27: &str = include_str!("tests/docker-27-inspect.json");
const PODMAN_3: &str = include_str!("tests/podman-3-inspect.json");
const PODMAN_4: &str = include_str!("tests/podman-4-inspect.json");
const PODMAN_5: &str = include_str!("tests/podman-5-inspect.json");
const DOCKER_PS: &str = include_str!("tests/docker-27-ps.jsonl");
const DOCKER_19_PS: &str = include_str!("tests/docker-19-ps.jsonl");
const CREATED: &str = include_str!("tests/podman-4.3.1-created-inspect.json");
const CREATED_PS: &str = include_str!("tests/podman-4.3.1-created-ps.json");
const PODMAN_PS: &str = include_str!("tests/podman-4-ps.json");

fn printed(stdout: &str, stderr: &str, status: u32) -> Answer {
    Answer::Exit {
        stdout: stdout.as_bytes().to_owned(),
        stderr: stderr.as_bytes().to_owned(),
        status,
    }
}

async fn look(options: Json, ps: &'static str, inspect: Answer) -> Result<Facts, Fault> {
    let stage = stage(move |command| {
        if command.contains(" ps ") {
            Answer::ok(ps)
        } else {
            inspect.clone()
        }
    })
    .await;
    run(&kind::<Docker>(options), &stage.context).await
}

async fn named(names: &[&str], inspect: &str) -> Facts {
    look(json!({ "containers": names }), "", Answer::ok(inspect))
        .await
        .expect("facts")
}

#[tokio::test]
async fn docker_20_tells_of_health_and_its_absence() {
    let facts = named(&["momo-scheduler", "redis-cache"], DOCKER_20).await;
    assert_eq!(fact(&facts, "expected_count"), 2);
    assert_eq!(fact(&facts, "running_count"), 2);
    assert_eq!(fact(&facts, "missing"), json!([]));
    assert_eq!(fact(&facts, "not_running"), json!([]));
    assert_eq!(fact(&facts, "healthy"), json!(["momo-scheduler"]));
    assert_eq!(fact(&facts, "unhealthy"), json!([]));
    assert_eq!(fact(&facts, "starting"), json!([]));
    assert_eq!(fact(&facts, "health"), json!({"momo-scheduler": "healthy"}));
    assert_eq!(fact(&facts, "restarts_total"), 3);
    assert_eq!(facts.get("restarts_during"), None, "it was not watched");
    assert_eq!(facts.get("leftovers"), None, "not asked for");
    assert_eq!(
        fact(&facts, "images"),
        json!({"momo-scheduler": "registry.lan:5000/momo/pro-system:2026.05.30", "redis-cache": "redis:7-alpine"})
    );
    assert_eq!(
        fact(&facts, "networks"),
        json!({"momo-scheduler": ["momo_default", "proxy"], "redis-cache": ["bridge"]})
    );
    assert_eq!(
        fact(&facts, "oldest_started_at"),
        "2026-06-05T02:11:09.412873615Z"
    );
    assert_eq!(
        fact(&facts, "newest_started_at"),
        "2026-06-05T02:11:38.027441903Z"
    );
    assert_eq!(fact(&facts, "exit_codes"), json!({}));
}

#[tokio::test]
async fn docker_27_tells_of_those_that_are_not_well() {
    let names = [
        "harbor-core",
        "harbor-db",
        "harbor-jobservice",
        "signoz-init",
        "kafka",
    ];
    let facts = named(&names, DOCKER_27).await;
    assert_eq!(
        fact(&facts, "running"),
        json!(["harbor-core", "harbor-jobservice"])
    );
    assert_eq!(fact(&facts, "unhealthy"), json!(["harbor-core"]));
    assert_eq!(fact(&facts, "starting"), json!(["harbor-jobservice"]));
    assert_eq!(
        fact(&facts, "not_running"),
        json!([
            "harbor-db: exited (137)",
            "signoz-init: exited (0)",
            "kafka: restarting (1)"
        ])
    );
    assert_eq!(fact(&facts, "restarting"), json!(["kafka"]));
    assert_eq!(fact(&facts, "oom_killed"), json!(["harbor-db"]));
    assert_eq!(
        fact(&facts, "exit_codes"),
        json!({"harbor-db": 137, "signoz-init": 0, "kafka": 1})
    );
    assert_eq!(fact(&facts, "restarts_total"), 42);
}

#[rstest]
#[case::three(PODMAN_3, json!(["web"]), json!({"web": "healthy"}))]
#[case::four(PODMAN_4, json!(["web"]), json!({"web": "healthy"}))]
#[case::five(PODMAN_5, json!(["web"]), json!({"web": "healthy"}))]
#[tokio::test]
async fn podman_tells_the_same_in_its_own_places(
    #[case] inspect: &'static str,
    #[case] healthy: Json,
    #[case] health: Json,
) {
    let options = json!({"containers": ["web", "db"], "program": "podman"});
    let facts = look(options, "", Answer::ok(inspect)).await.expect("facts");
    assert_eq!(fact(&facts, "running"), json!(["web"]));
    assert_eq!(fact(&facts, "healthy"), healthy);
    assert_eq!(fact(&facts, "health"), health);
    assert_eq!(fact(&facts, "not_running"), json!(["db: exited (137)"]));
    assert_eq!(fact(&facts, "restarts_total"), 2);
    assert_eq!(fact(&facts, "oldest_started_at"), "2026-06-05T02:11:09.5Z");
}

#[rstest]
#[case::docker("[]\n", "Error: No such container: ghost\n", 1)]
#[case::docker_28("[]\n", "error: no such object: ghost\n", 1)]
#[case::podman_4("[]\n", "Error: no such container ghost\n", 125)]
#[case::podman_5("[]\n", "Error: no such container \"ghost\"\n", 125)]
#[case::podman_4_3_1(
    "[]\n",
    "time=\"2026-06-05T10:55:04Z\" level=warning msg=\"x\"\nError: inspecting object: no such container ghost\n",
    125
)]
#[case::nothing_at_all("", "Error: No such object: ghost\n", 1)]
#[tokio::test]
async fn a_container_that_is_not_there_is_a_fact(
    #[case] stdout: &str,
    #[case] stderr: &str,
    #[case] status: u32,
) {
    let inspect = printed(stdout, stderr, status);
    let facts = look(json!({"containers": ["ghost"]}), "", inspect)
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "missing"), json!(["ghost"]));
    assert_eq!(fact(&facts, "expected_count"), 1);
    assert_eq!(fact(&facts, "running_count"), 0);
    assert_eq!(facts.get("restarts_total"), None);
    assert_eq!(facts.get("oldest_started_at"), None);
}

#[tokio::test]
async fn those_that_are_there_are_told_beside_one_that_is_not() {
    let inspect = printed(DOCKER_20, "Error: No such container: ghost\n", 1);
    let options = json!({"containers": ["momo-scheduler", "redis-cache", "ghost"]});
    let facts = look(options, "", inspect).await.expect("facts");
    assert_eq!(fact(&facts, "missing"), json!(["ghost"]));
    assert_eq!(fact(&facts, "expected_count"), 3);
    assert_eq!(fact(&facts, "running_count"), 2);
}

/// Docker takes the start of an id for a name.
#[tokio::test]
async fn an_id_is_no_name() {
    let facts = named(&["8d3f", "redis-cache"], DOCKER_20).await;
    assert_eq!(fact(&facts, "missing"), json!(["8d3f"]));
    assert_eq!(fact(&facts, "running"), json!(["redis-cache"]));
}

/// A host with docker 27: `inspect` tells of those whose ids it is given.
fn answering(command: &str) -> Answer {
    if command.contains(" ps ") {
        return Answer::ok(DOCKER_PS);
    }
    let all: Vec<Json> = serde_json::from_str(DOCKER_27).expect("a list");
    let is_asked = |one: &Json| command.contains(one["Id"].as_str().expect("an id"));
    let asked: Vec<Json> = all.into_iter().filter(is_asked).collect();
    Answer::ok(Json::Array(asked).to_string())
}

#[rstest]
#[case::by_project(json!({"project": "harbor"}), json!([]), json!(["harbor-core", "harbor-db", "harbor-jobservice"]))]
#[case::by_service(
    json!({"project": "harbor", "services": ["core", "registry"]}),
    json!(["service harbor/registry"]),
    json!(["harbor-core", "harbor-db", "harbor-jobservice"])
)]
#[case::no_such_project(json!({"project": "gitea"}), json!(["project gitea"]), json!([]))]
#[case::by_pattern(json!({"containers": ["harbor-*", "sentry-*"]}), json!(["sentry-*"]), json!(["harbor-core", "harbor-db", "harbor-jobservice"]))]
#[case::by_label(json!({"label": "tier=storm"}), json!([]), json!(["kafka"]))]
#[case::by_a_labels_key(json!({"label": "tier"}), json!([]), json!(["kafka"]))]
#[case::no_such_label(json!({"label": "tier=calm"}), json!(["label tier=calm"]), json!([]))]
#[tokio::test]
async fn containers_are_chosen(
    #[case] options: Json,
    #[case] missing: Json,
    #[case] expected: Json,
) {
    let stage = stage(answering).await;
    let facts = run(&kind::<Docker>(options), &stage.context)
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "missing"), missing);
    let states = fact(&facts, "states");
    let names: Vec<&String> = states.as_object().expect("a map").keys().collect();
    assert_eq!(json!(names), expected);
}

/// Between two failures a container runs, for a little while.
#[rstest]
#[case("Up Less than a second", true)]
#[case("Up 1 second", true)]
#[case("Up 59 seconds (health: starting)", true)]
#[case("Up 3 seconds ago", true)]
#[case("Up About a minute", false)]
#[case("Up 2 minutes (healthy)", false)]
#[case("Exited (1) 3 seconds ago", false)]
#[case("Restarting (1) 3 seconds ago", false)]
#[case("", false)]
#[tokio::test]
async fn what_began_to_run_within_a_minute(#[case] status: &str, #[case] expected: bool) {
    let id = "a".repeat(64);
    let ps = json!({"ID": id, "Names": "web", "Status": status}).to_string();
    let other = json!({"ID": "b".repeat(64), "Names": "db", "Status": "Up 2 seconds"}).to_string();
    let inspect = json!([{"Id": id, "Name": "/web", "State": {"Status": "running"}}]).to_string();
    let stage = stage(move |command| {
        if command.contains(" ps ") {
            Answer::ok(format!("{ps}\n{other}\n"))
        } else {
            Answer::ok(inspect.clone())
        }
    })
    .await;
    let docker = kind::<Docker>(json!({"containers": ["w*"]}));
    let facts = run(&docker, &stage.context).await.expect("facts");
    let names: &[&str] = if expected { &["web"] } else { &[] };
    assert_eq!(fact(&facts, "just_started"), json!(names));
}

#[tokio::test]
async fn a_name_alone_does_not_tell_since_when() {
    let facts = named(&["momo-scheduler", "redis-cache"], DOCKER_20).await;
    assert_eq!(facts.get("just_started"), None, "nothing was listed");
}

#[tokio::test]
async fn only_those_chosen_are_asked_about() {
    let stage = stage(answering).await;
    let docker = kind::<Docker>(json!({"label": "tier=storm"}));
    run(&docker, &stage.context).await.expect("facts");
    let sent = stage.server.log.lines();
    assert_eq!(sent.len(), 2, "{sent:?}");
    let asked = format!("docker inspect '--type=container' {}", "e".repeat(64));
    assert!(sent[1].ends_with(&asked), "{sent:?}");
}

#[rstest]
#[case::docker(json!({"leftovers": true}), DOCKER_PS, json!(["old-import", "harbor-db"]), json!({"old-import": 128, "harbor-db": 137}))]
#[case::before_states(json!({"leftovers": true}), DOCKER_19_PS, json!(["old-import"]), json!({"old-import": 128}))]
#[case::podman(json!({"leftovers": true, "program": "podman"}), PODMAN_PS, json!(["db"]), json!({"db": 137}))]
#[case::none(json!({"leftovers": true}), "", json!([]), json!({}))]
#[tokio::test]
async fn leftovers_are_of_the_whole_host(
    #[case] options: Json,
    #[case] ps: &'static str,
    #[case] leftovers: Json,
    #[case] codes: Json,
) {
    let facts = look(options, ps, Answer::Refuse).await.expect("facts");
    assert_eq!(fact(&facts, "leftovers"), leftovers);
    assert_eq!(fact(&facts, "exit_codes"), codes);
    assert_eq!(facts.get("running"), None, "not asked for");
}

#[tokio::test]
async fn what_ends_by_itself_may() {
    let options =
        json!({"containers": ["signoz-init", "harbor-db"], "once": ["signoz-*", "harbor-db"]});
    let facts = look(
        options,
        "",
        Answer::ok(two(DOCKER_27, &["signoz-init", "harbor-db"])),
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "completed"), json!(["signoz-init"]));
    assert_eq!(
        fact(&facts, "not_running"),
        json!(["harbor-db: exited (137)"])
    );
}

#[tokio::test]
async fn one_that_was_never_started_has_no_end() {
    let options = json!({"label": "a=b,c", "leftovers": true, "program": "podman"});
    let facts = look(options, CREATED_PS, Answer::ok(CREATED))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "not_running"), json!(["web: created"]));
    assert_eq!(fact(&facts, "exit_codes"), json!({}));
    assert_eq!(fact(&facts, "leftovers"), json!([]));
    assert_eq!(fact(&facts, "missing"), json!([]));
    assert_eq!(fact(&facts, "health"), json!({}));
    assert_eq!(facts.get("newest_started_at"), None);
}

/// Those of a list that have these names.
fn two(list: &str, names: &[&str]) -> String {
    let all: Vec<Json> = serde_json::from_str(list).expect("a list");
    let is_named =
        |one: &Json| names.contains(&one["Name"].as_str().unwrap_or("").trim_start_matches('/'));
    Json::Array(all.into_iter().filter(is_named).collect()).to_string()
}

/// One container, with `change` made to it before the second look.
async fn watched(change: fn(&mut Json)) -> Facts {
    let looks = AtomicUsize::new(0);
    let stage = stage(move |_| {
        let mut all: Json = serde_json::from_str(&two(DOCKER_20, &["redis-cache"])).expect("JSON");
        if looks.fetch_add(1, Ordering::SeqCst) > 0 {
            change(&mut all);
        }
        Answer::ok(all.to_string())
    })
    .await;
    let docker = kind::<Docker>(json!({"containers": ["redis-cache"], "watch_for_s": 1}));
    run(&docker, &stage.context).await.expect("facts")
}

#[rstest]
#[case::stays(|_: &mut Json| {}, json!([]), 0)]
#[case::counts(|all: &mut Json| all[0]["RestartCount"] = json!(5), json!(["redis-cache"]), 2)]
#[case::was_made_anew(|all: &mut Json| all[0]["RestartCount"] = json!(1), json!(["redis-cache"]), 1)]
#[case::was_started_by_hand(|all: &mut Json| all[0]["State"]["StartedAt"] = json!("2026-06-05T10:55:01Z"), json!(["redis-cache"]), 0)]
#[case::waits(|all: &mut Json| all[0]["State"]["Status"] = json!("restarting"), json!(["redis-cache"]), 0)]
#[tokio::test]
async fn a_loop_shows_between_two_looks(
    #[case] change: fn(&mut Json),
    #[case] restarting: Json,
    #[case] during: u32,
) {
    let facts = watched(change).await;
    assert_eq!(fact(&facts, "restarting"), restarting);
    assert_eq!(fact(&facts, "restarts_during"), during);
}

#[tokio::test]
async fn what_goes_between_two_looks_is_missing() {
    let facts = watched(|all| *all = json!([])).await;
    assert_eq!(fact(&facts, "missing"), json!(["redis-cache"]));
    assert_eq!(facts.get("restarts_during"), None);
    let facts = watched(|all| all[0]["RestartCount"] = Json::Null).await;
    assert_eq!(facts.get("restarts_during"), None, "not told twice");
    assert_eq!(facts.get("restarts_total"), None);
}

/// A check that was declared and has said nothing yet is no health.
#[rstest]
#[case(json!(["CMD", "true"]), Json::Null, json!(["web"]), json!([]))]
#[case(json!(["CMD", "true"]), json!({"Status": ""}), json!(["web"]), json!([]))]
#[case(json!(["NONE"]), Json::Null, json!([]), json!([]))]
#[case(Json::Null, json!({"Status": "none"}), json!([]), json!([]))]
#[case(Json::Null, json!({"Status": "melting"}), json!([]), json!(["web"]))]
#[tokio::test]
async fn health_is_never_guessed(
    #[case] test: Json,
    #[case] health: Json,
    #[case] starting: Json,
    #[case] unhealthy: Json,
) {
    let one = json!([{
        "Name": "/web",
        "State": {"Status": "running", "Health": health},
        "Config": {"Healthcheck": {"Test": test}},
    }]);
    let facts = named(&["web"], &one.to_string()).await;
    assert_eq!(fact(&facts, "starting"), starting);
    assert_eq!(fact(&facts, "unhealthy"), unhealthy);
    assert_eq!(fact(&facts, "healthy"), json!([]));
}

#[rstest]
#[case::no_json("Segmentation fault", "docker inspect printed no JSON")]
#[case::cut_off("[{\"Name\": \"/web\"", "docker inspect printed no JSON")]
#[case::no_list("{}", "docker inspect printed no list")]
#[case::no_state(
    "[{\"Name\": \"/web\"}]",
    "docker inspect printed a container without a name or a state"
)]
#[case::no_name(
    "[{\"State\": {\"Status\": \"running\"}}]",
    "docker inspect printed a container without a name or a state"
)]
#[case::too_many(
    "[{\"Name\":\"/web\",\"State\":{\"Status\":\"running\"}},{\"Name\":\"/web\",\"State\":{\"Status\":\"running\"}}]",
    "docker inspect told of more than was asked"
)]
#[tokio::test]
async fn garbage_is_a_fault(#[case] inspect: &'static str, #[case] seen: &str) {
    let fault = look(json!({"containers": ["web"]}), "", Answer::ok(inspect))
        .await
        .expect_err("a fault");
    assert_eq!(
        (fault.kind, fault.seen.as_str()),
        (FaultKind::Protocol, seen)
    );
}

#[rstest]
#[case("not json\n", "docker ps printed no JSON")]
#[case("[{\"Id\":", "docker ps printed no JSON")]
#[case(
    "{\"ID\":\"--help\",\"Names\":\"web\"}\n",
    "docker ps printed a container without an id or a name"
)]
#[case(
    "{\"ID\":\"0123456789ab\"}\n",
    "docker ps printed a container without an id or a name"
)]
#[tokio::test]
async fn a_garbled_listing_is_a_fault(#[case] ps: &'static str, #[case] seen: &str) {
    let fault = look(json!({"leftovers": true}), ps, Answer::Refuse)
        .await
        .expect_err("a fault");
    assert_eq!(
        (fault.kind, fault.seen.as_str()),
        (FaultKind::Protocol, seen)
    );
}

#[rstest]
#[case::denied(
    "Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get \"http://%2Fvar%2Frun%2Fdocker.sock/v1.24/containers/web/json\": dial unix /var/run/docker.sock: connect: permission denied\n",
    1,
    FaultKind::Denied,
    "the login may not ask docker on data188 for the state of containers",
    "by its group or by sudo"
)]
#[case::down(
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
    1,
    FaultKind::Refused,
    "docker does not run on data188",
    "systemctl status docker"
)]
#[case::down_in_29(
    "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and if the daemon is running\n",
    1,
    FaultKind::Refused,
    "docker does not run on data188",
    "systemctl status docker"
)]
#[case::no_program(
    "sh: docker: not found\n",
    127,
    FaultKind::Missing,
    "there is no docker on data188",
    "program: podman"
)]
#[case::another(
    "Error response from daemon: no\n",
    1,
    FaultKind::Protocol,
    "docker on data188 gives no state of containers",
    ""
)]
#[case::no_word(
    "",
    1,
    FaultKind::Protocol,
    "docker on data188 gives no state of containers: no word of why",
    ""
)]
#[tokio::test]
async fn what_stands_in_the_way_is_a_fault(
    #[case] stderr: &str,
    #[case] status: u32,
    #[case] kind: FaultKind,
    #[case] seen: &str,
    #[case] hint: &str,
) {
    let inspect = printed("[]\n", stderr, status);
    let fault = look(json!({"containers": ["web"]}), "", inspect)
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, kind, "{fault:?}");
    assert!(fault.seen.starts_with(seen), "{fault:?}");
    assert!(fault.hint.unwrap_or_default().contains(hint));
}

#[rstest]
#[case(
    "sudo: a password is required\n",
    FaultKind::Denied,
    "sudo on data188: sudo: a password"
)]
#[case(
    "sudo: docker: command not found\n",
    FaultKind::Missing,
    "there is no docker on data188"
)]
#[tokio::test]
async fn sudo_may_stand_in_the_way(
    #[case] stderr: &str,
    #[case] kind: FaultKind,
    #[case] seen: &str,
) {
    let options = json!({"containers": ["web"], "sudo": true});
    let fault = look(options, "", printed("", stderr, 1))
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, kind);
    assert!(fault.seen.starts_with(seen), "{fault:?}");
}

/// Podman that stands in for docker says so each time.
#[tokio::test]
async fn podman_under_the_name_of_docker_is_understood() {
    let emulated =
        "Emulate Docker CLI using podman. Create /etc/containers/nodocker to quiet msg.\n";
    let inspect = printed(PODMAN_4, emulated, 0);
    let facts = look(json!({"containers": ["web", "db"]}), "", inspect)
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "running"), json!(["web"]));
    let stderr = format!("{emulated}Error: no such container ghost\n");
    let inspect = printed("[]\n", &stderr, 125);
    let facts = look(json!({"containers": ["ghost"]}), "", inspect)
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "missing"), json!(["ghost"]));
}

#[tokio::test]
async fn a_hung_engine_is_a_fault() {
    let mut stage = stage(|_| Answer::Hang).await;
    stage.context.target.timeout = std::time::Duration::from_secs(2);
    let fault = run(
        &kind::<Docker>(json!({"containers": ["web"]})),
        &stage.context,
    )
    .await
    .expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::TimedOut);
}

#[rstest]
#[case(json!({"containers": ["a", "b"]}), &["docker inspect '--type=container' a b"])]
#[case(json!({"containers": ["a"], "watch_for_s": 1}), &["docker inspect '--type=container' a", "docker inspect '--type=container' a"])]
#[case(json!({"leftovers": true, "sudo": true}), &["sudo -n docker ps -a --no-trunc '--format={{json .}}'"])]
#[case(json!({"host_networks": true}), &["docker network ls '--format={{.Name}}'"])]
#[case(json!({"containers": ["a"], "host_networks": ["x_*"], "program": "podman", "sudo": true}), &["sudo -n podman inspect '--type=container' a", "sudo -n podman network ls '--format={{.Name}}'"])]
#[case(json!({"project": "x", "program": "podman"}), &["podman ps -a --no-trunc '--format=json'", "podman inspect '--type=container' IDS"])]
#[test]
fn the_plan_tells_what_is_sent(#[case] options: Json, #[case] expected: &[&str]) {
    let requests = kind::<Docker>(options).requests(&target(host(22)), &Policy::default());
    let texts: Vec<&str> = requests
        .iter()
        .map(|request| request.text.as_str())
        .collect();
    assert_eq!(texts.len(), expected.len(), "{texts:?}");
    for (text, expected) in texts.iter().zip(expected) {
        assert!(text.contains(expected), "{text} has no {expected}");
    }
}

#[tokio::test]
async fn what_is_planned_is_sent() {
    let stage = stage(|_| Answer::ok(DOCKER_20)).await;
    let docker =
        kind::<Docker>(json!({"containers": ["momo-scheduler", "redis-cache"], "sudo": true}));
    let planned = docker.requests(&stage.context.target, &Policy::default());
    run(&docker, &stage.context).await.expect("facts");
    let sent = stage.server.log.lines();
    let planned: Vec<&str> = planned
        .iter()
        .map(|request| request.text.as_str())
        .collect();
    assert_eq!(sent, planned);
}

#[rstest]
#[case(json!({}), "", "it names no container")]
#[case(json!({"containers": ["-rm"]}), "containers.0", "\"-rm\" is no name of a container")]
#[case(json!({"containers": ["a b"]}), "containers.0", "\"a b\" is no name of a container")]
#[case(json!({"services": ["core"], "containers": ["a"]}), "services", "services of which project?")]
#[case(json!({"project": "x", "services": ["c*"]}), "services.0", "\"c*\" is no name of a container")]
#[case(json!({"project": ""}), "project", "an empty project is none")]
#[case(json!({"host_networks": false}), "", "it names no container")]
#[case(json!({"host_networks": []}), "host_networks", "it names no network")]
#[case(json!({"host_networks": ["a", ""]}), "host_networks.1", "\"\" is no name of a network")]
#[case(json!({"host_networks": true, "once": ["a"]}), "once", "it names no container to end")]
#[case(json!({"leftovers": true, "once": ["a"]}), "once", "it names no container to end")]
#[case(json!({"leftovers": true, "watch_for_s": 3}), "watch_for_s", "watch which container?")]
#[case(json!({"containers": ["a"], "watch_for_s": 0}), "watch_for_s", "two looks at once see nothing change")]
#[case(json!({"containers": ["a"], "watch_for_s": 10}), "watch_for_s", "the check has 10 s in all, its `timeout`")]
fn options_that_do_not_go_together(
    #[case] options: Json,
    #[case] path: &str,
    #[case] message: &str,
) {
    let problems = kind::<Docker>(options).problems(&target(host(22)), &Policy::default());
    let told: Vec<(String, &str)> = problems
        .iter()
        .map(|problem| (problem.path.join("."), problem.message.as_str()))
        .collect();
    assert!(told.contains(&(path.to_owned(), message)), "{told:?}");
}

#[rstest]
#[case(json!({"containers": ["a"]}), &["size(missing) == 0", "size(not_running) == 0", "size(unhealthy) == 0"], 1)]
#[case(json!({"containers": ["a"], "watch_for_s": 2, "leftovers": true}), &["size(missing) == 0", "size(not_running) == 0", "size(unhealthy) == 0", "size(restarting) == 0", "size(leftovers) == 0"], 1)]
#[case(json!({"leftovers": true}), &["size(leftovers) == 0"], 0)]
#[case(json!({"host_networks": true}), &["size(made_networks) > 0"], 0)]
#[case(json!({"host_networks": ["a"]}), &["size(missing_networks) == 0"], 0)]
#[case(json!({"leftovers": true, "host_networks": false}), &["size(leftovers) == 0"], 0)]
fn expects_by_itself(#[case] options: Json, #[case] require: &[&str], #[case] prefer: usize) {
    let defaults = Kind::defaults(&kind::<Docker>(options));
    assert_eq!(defaults.require, require);
    assert_eq!(defaults.prefer.len(), prefer);
}

/// Before any container is made, and whoever joined them.
#[rstest]
#[case::dockers_own(json!({"host_networks": true}), "bridge\nhost\nnone\n", json!([]), None)]
#[case::of_a_swarm(json!({"host_networks": true}), "bridge\ndocker_gwbridge\nhost\ningress\nnone\n", json!([]), None)]
#[case::made(json!({"host_networks": true}), "bridge\nharbor_default\nhost\nnone\n", json!(["harbor_default"]), None)]
#[case::podmans_own(json!({"host_networks": true, "program": "podman"}), "podman\n", json!([]), None)]
#[case::podmans_own_of_pods(json!({"host_networks": true, "program": "podman"}), "podman\npodman-default-kube-network\n", json!([]), None)]
#[case::named(json!({"host_networks": ["harbor_*", "proxy"]}), "bridge\nharbor_default\n", json!(["harbor_default"]), Some(json!(["proxy"])))]
#[case::all_there(json!({"host_networks": ["podman", "x"], "program": "podman"}), "podman\nx\n", json!(["x"]), Some(json!([])))]
#[case::none_at_all(json!({"host_networks": ["x"]}), "", json!([]), Some(json!(["x"])))]
#[tokio::test]
async fn networks_are_told_without_containers(
    #[case] options: Json,
    #[case] listed: &'static str,
    #[case] made: Json,
    #[case] missing: Option<Json>,
) {
    let stage = stage(move |command| {
        if command.contains(" network ls ") {
            Answer::ok(listed)
        } else {
            Answer::Refuse
        }
    })
    .await;
    let docker = kind::<Docker>(options);
    let facts = run(&docker, &stage.context).await.expect("facts");
    let all: Vec<&str> = listed.lines().collect();
    assert_eq!(fact(&facts, "host_networks"), json!(all));
    assert_eq!(fact(&facts, "made_networks"), made);
    assert_eq!(fact(&facts, "missing_networks"), json!(missing));
    assert_eq!(
        facts.get("running_count"),
        None,
        "no container was asked for"
    );
    assert_eq!(facts.get("networks"), None);
    let planned = docker.requests(&stage.context.target, &Policy::default());
    let planned: Vec<String> = planned.into_iter().map(|request| request.text).collect();
    assert_eq!(stage.server.log.lines(), planned);
}

#[tokio::test]
async fn containers_and_networks_are_told_together() {
    let stage = stage(|command| {
        Answer::ok(if command.contains(" network ls ") {
            "bridge\nmomo_default\n"
        } else {
            DOCKER_20
        })
    })
    .await;
    let options =
        json!({"containers": ["momo-scheduler", "redis-cache"], "host_networks": ["momo_default"]});
    let facts = run(&kind::<Docker>(options), &stage.context)
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "running_count"), 2);
    assert_eq!(fact(&facts, "missing_networks"), json!([]));
    assert_eq!(
        fact(&facts, "networks"),
        json!({"momo-scheduler": ["momo_default", "proxy"], "redis-cache": ["bridge"]})
    );
}

#[rstest]
#[case::down(
    Answer::fails(
        1,
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n"
    ),
    FaultKind::Refused,
    "docker does not run on data188"
)]
#[case::denied(
    Answer::fails(
        1,
        "permission denied while trying to connect to the Docker daemon socket\n"
    ),
    FaultKind::Denied,
    "the login may not ask docker on data188 for the list of networks"
)]
#[case::no_program(
    Answer::fails(127, ""),
    FaultKind::Missing,
    "there is no docker on data188"
)]
#[case::no_such_format(
    Answer::ok("{{.Name}}\n"),
    FaultKind::Protocol,
    "docker network ls printed no names"
)]
#[case::a_table(
    Answer::ok("NETWORK ID     NAME\n"),
    FaultKind::Protocol,
    "docker network ls printed no names"
)]
#[case::cut_off(Answer::Cut { stdout: b"bridge\nmo".to_vec() }, FaultKind::Closed, "docker on data188 was cut off")]
#[tokio::test]
async fn networks_that_are_not_told_are_a_fault(
    #[case] answer: Answer,
    #[case] kind_of: FaultKind,
    #[case] seen: &str,
) {
    let stage = stage(move |_| answer.clone()).await;
    let docker = kind::<Docker>(json!({"host_networks": true}));
    let fault = run(&docker, &stage.context).await.expect_err("a fault");
    assert_eq!(fault.kind, kind_of, "{fault:?}");
    assert!(fault.seen.starts_with(seen), "{fault:?}");
}
