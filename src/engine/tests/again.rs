//! Hosts whose connection broke: how long they are asked for their boot.

use super::*;
use crate::probe::SshEnvironment;
use crate::scorecard::RunResult;
use crate::servers::ssh::{Answer, Home, Script, Server};
use crate::transport::command::ReadOnlyCommand;

/// Transports with a connection to `h` that opened and broke.
async fn broken() -> Arc<Transports> {
    let home = Home::new();
    let script = Script::new(home.key.public_key(), |_| Answer::Disconnect);
    let server = Server::start(script).await;
    home.trust(&[&server]);
    let environment = SshEnvironment {
        home: Some(home.dir.path().to_owned()),
        user: Some("checker".to_owned()),
        ..SshEnvironment::default()
    };
    let transports = Transports::with_ssh(
        Secrets::default(),
        Policy::default(),
        Audit::off(),
        environment,
        crate::engine::now,
    );
    let host = Arc::new(Host {
        address: "127.0.0.1".to_owned(),
        ssh: SshSettings {
            port: Some(server.address.port()),
            ..SshSettings::default()
        },
        connect_timeout: Duration::from_secs(60),
        ..Host::clone(&host("h"))
    });
    let context = Context {
        check: "test".to_owned(),
        attempt: 1,
        target: Target {
            timeout: Duration::from_secs(60),
            ..target(Some(host))
        },
        transports: Arc::clone(&transports),
    };
    let session = context.ssh_session().await.expect("it opens");
    let command = ReadOnlyCommand::from_args(&Policy::default(), ["uptime"]);
    let command = command.expect("it is allowed");
    context.exec(&command).await.expect_err("it breaks");
    while !session.is_lost() {
        sleep(Duration::from_millis(1)).await;
    }
    transports
}

async fn card(acts: Vec<Act>, attempts: u32, deadline: Option<Duration>) -> Scorecard {
    let checks = vec![
        check("boot", acts).on("h").attempts(attempts),
        check("door", [Act::Shut]),
    ];
    let (plan, _) = plan(vec![("A", &[], checks)]);
    let options = Options {
        deadline,
        ..Options::default()
    };
    let transports = broken().await;
    let left_out = [None, None];
    run(
        &plan,
        &left_out,
        &transports,
        &options,
        never(),
        &mut |_| {},
    )
    .await
}

/// What could not be opened is not opened again in the same run.
#[tokio::test]
async fn a_host_that_cannot_be_reached_is_asked_once() {
    let hopeless = Fault::new(FaultKind::TimedOut, "no answer").hopeless(true);
    let acts = vec![Act::Boot("one"), Act::Fault(hopeless), Act::Boot("one")];
    assert_eq!(card(acts, 3, None).await.disrupted, ["h"]);
}

#[tokio::test]
async fn a_passing_fault_is_not_the_last_word() {
    let acts = vec![Act::Boot("one"), fault(FaultKind::Closed), Act::Boot("one")];
    assert_eq!(card(acts, 3, None).await.disrupted, [""; 0]);
}

/// Everything has its verdict by then.
#[tokio::test]
async fn a_deadline_that_strikes_while_a_host_is_asked_takes_nothing_back() {
    let acts = vec![Act::Boot("one"), Act::Hang];
    let card = card(acts, 1, Some(Duration::from_secs(2))).await;
    assert_eq!(card.result, RunResult::Blocked, "{:?}", card.failure);
    assert_eq!(card.disrupted, ["h"]);
}
