//! A stand-in host and the context to look at it, for the tests of the kinds.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::probe::{
    Audit, Context, Facts, Fault, Host, Kind, Policy, Secrets, SshEnvironment, SshSettings, Target,
    Transports, Value,
};
use crate::servers::ssh::{Answer, Home, Script, Server};

/// What the operator's clock shows: 2026-06-05T10:55:04Z.
pub(super) const NOW: i64 = 1_780_656_904;

pub(super) fn host(port: u16) -> Host {
    Host {
        id: "data188".to_owned(),
        address: "127.0.0.1".to_owned(),
        local: false,
        ssh: SshSettings {
            port: Some(port),
            ..SshSettings::default()
        },
        connect_timeout: Duration::from_secs(20),
    }
}

/// A host that answers from a script.
pub(super) struct Stage {
    pub(super) context: Context,
    pub(super) server: Server,
    _home: Home,
}

pub(super) async fn stage(respond: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Stage {
    let home = Home::new();
    let server = Server::start(Script::new(home.key.public_key(), respond)).await;
    home.trust(&[&server]);
    let context = context(
        host(server.address.port()),
        Some(home.dir.path().to_owned()),
    );
    Stage {
        context,
        server,
        _home: home,
    }
}

/// The context of a check on this machine.
pub(super) fn local() -> Context {
    let mut host = host(22);
    host.local = true;
    context(host, None)
}

fn context(host: Host, home: Option<PathBuf>) -> Context {
    let environment = SshEnvironment {
        home,
        user: Some("checker".to_owned()),
        ..SshEnvironment::default()
    };
    let clock = || Timestamp::from_second(NOW).expect("a time");
    Context {
        check: "test".to_owned(),
        attempt: 1,
        target: target(host),
        transports: Transports::with_ssh(
            Secrets::default(),
            Policy::default(),
            Audit::off(),
            environment,
            clock,
        ),
    }
}

pub(super) fn target(host: Host) -> Target {
    Target {
        host: Some(Arc::new(host)),
        via: None,
        also: Vec::new(),
        timeout: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(10),
    }
}

/// The kind, from the options as a baseline spells them.
pub(super) fn kind<K: Kind>(options: serde_json::Value) -> K {
    serde_json::from_value(options).expect("options")
}

/// Looks once; no test hangs.
pub(super) async fn run<K: Kind>(kind: &K, context: &Context) -> Result<Facts, Fault> {
    let facts = tokio::time::timeout(Duration::from_secs(30), kind.run(context))
        .await
        .expect("an end within 30 s")?;
    for (name, value) in facts.iter() {
        let spec = K::FACTS.iter().find(|spec| spec.name == name);
        let spec = spec.unwrap_or_else(|| panic!("{name} is not declared"));
        assert!(value.is(&spec.ty), "{name} is no {:?}: {value:?}", spec.ty);
    }
    Ok(facts)
}

/// A fact as JSON, null when it is absent.
pub(super) fn fact(facts: &Facts, name: &str) -> serde_json::Value {
    facts
        .get(name)
        .map_or(serde_json::Value::Null, |value: &Value| {
            serde_json::to_value(value).expect("facts are JSON")
        })
}
