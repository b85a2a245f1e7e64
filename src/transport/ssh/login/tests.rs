use rstest::rstest;

use super::*;
use crate::transport::audit::Audit;

fn host(ssh: SshSettings) -> Host {
    Host {
        id: "data188".to_owned(),
        address: "192.168.0.188".to_owned(),
        local: false,
        ssh,
        connect_timeout: Duration::from_secs(2),
    }
}

fn environment() -> SshEnvironment {
    SshEnvironment {
        home: Some("/home/wooo".into()),
        user: Some("wooo".to_owned()),
        agent: Some("/run/agent".into()),
        known_hosts: vec!["/etc/ssh/ssh_known_hosts".into()],
        program: None,
        config: None,
    }
}

fn settle(ssh: SshSettings, config: &str) -> Result<Login, Fault> {
    Login::from_parts(&host(ssh), &environment(), &Config::parse(config))
}

#[test]
fn without_a_configuration_ssh_s_defaults_hold() {
    let login = Login::from_parts(
        &host(SshSettings::default()),
        &environment(),
        &Config::default(),
    )
    .expect("a login");
    assert_eq!((login.user.as_str(), login.port), ("wooo", 22));
    assert_eq!(login.address, "192.168.0.188");
    assert_eq!(login.filed, HostName::new("192.168.0.188", 22));
    assert_eq!(login.usual[0], Path::new("/home/wooo/.ssh/id_ed25519"));
    assert_eq!(login.usual.len(), 3);
    assert_eq!(login.agent.as_deref(), Some(Path::new("/run/agent")));
    assert_eq!(
        login.known_hosts,
        [
            "/home/wooo/.ssh/known_hosts",
            "/home/wooo/.ssh/known_hosts2",
            "/etc/ssh/ssh_known_hosts"
        ]
        .map(PathBuf::from)
    );
}

#[test]
fn the_configuration_counts_where_the_baseline_is_silent() {
    let login = settle(
        SshSettings::default(),
        "user ollama\nhostname 10.0.0.188\nport 2200\nidentityfile ~/.ssh/lab\nidentityfile /keys/two\n\
         identitiesonly yes\nuserknownhostsfile ~/.ssh/lab_hosts /etc/lab_hosts\n\
         globalknownhostsfile none\nidentityagent ~/.agent\n",
    )
    .expect("a login");
    assert_eq!(
        (login.user.as_str(), login.address.as_str(), login.port),
        ("ollama", "10.0.0.188", 2200)
    );
    assert_eq!(login.filed, HostName::new("10.0.0.188", 2200));
    assert_eq!(
        login.usual,
        ["/home/wooo/.ssh/lab", "/keys/two"].map(PathBuf::from)
    );
    assert!(login.identities_only);
    assert_eq!(
        login.known_hosts,
        ["/home/wooo/.ssh/lab_hosts", "/etc/lab_hosts"].map(PathBuf::from)
    );
    assert_eq!(login.agent.as_deref(), Some(Path::new("/home/wooo/.agent")));
}

#[test]
fn the_baseline_outweighs_the_configuration() {
    let ssh = SshSettings {
        user: Some("checker".to_owned()),
        port: Some(2022),
        identities: vec!["~/.ssh/checker".into()],
        jump: None,
        known_hosts: vec!["/etc/coldstart/known_hosts".into()],
    };
    let login = settle(
        ssh,
        "user ollama\nport 2200\nuserknownhostsfile ~/.ssh/known_hosts\n",
    )
    .expect("a login");
    assert_eq!((login.user.as_str(), login.port), ("checker", 2022));
    assert_eq!(login.named, [PathBuf::from("/home/wooo/.ssh/checker")]);
    assert_eq!(
        login.known_hosts,
        [PathBuf::from("/etc/coldstart/known_hosts")]
    );
}

#[rstest]
#[case("identityagent none\n", None)]
#[case("identityagent SSH_AUTH_SOCK\n", Some("/run/agent"))]
#[case("identityagent $MY_SOCK\n", Some("/run/agent"))]
#[case("identityagent /run/other\n", Some("/run/other"))]
fn finds_the_agent(#[case] config: &str, #[case] socket: Option<&str>) {
    let login = settle(SshSettings::default(), config).expect("a login");
    assert_eq!(login.agent.as_deref(), socket.map(Path::new));
}

#[test]
fn an_alias_names_the_key() {
    let login = settle(SshSettings::default(), "hostkeyalias lab\nport 2200\n").expect("a login");
    assert_eq!(login.filed, HostName::alias("lab"));
}

#[rstest]
#[case("bastion", None, "bastion", None)]
#[case("ops@bastion", Some("ops"), "bastion", None)]
#[case("ops@bastion:2200", Some("ops"), "bastion", Some(2200))]
#[case("ssh://ops@bastion:2200", Some("ops"), "bastion", Some(2200))]
#[case("[fe80::1]:2200", None, "fe80::1", Some(2200))]
#[case("fe80::1", None, "fe80::1", None)]
#[case("[fe80::1]", None, "fe80::1", None)]
fn reads_a_hop(
    #[case] hop: &str,
    #[case] user: Option<&str>,
    #[case] address: &str,
    #[case] port: Option<u16>,
) {
    let hop = parse_hop(hop, &host(SshSettings::default())).expect("a hop");
    assert_eq!(hop.ssh.user.as_deref(), user);
    assert_eq!(hop.address, address);
    assert_eq!(hop.ssh.port, port);
}

#[rstest]
#[case("proxyjump none\n", &[])]
#[case("proxyjump bastion\n", &["bastion"])]
#[case("proxyjump first,ops@second:2200\n", &["second", "first"])]
fn goes_through_the_hops_from_last_to_first(#[case] config: &str, #[case] hops: &[&str]) {
    let login = settle(SshSettings::default(), config).expect("a login");
    let mut seen = Vec::new();
    let mut hop = login.jump;
    while let Some(host) = hop {
        seen.push(host.address.clone());
        hop = host.ssh.jump.clone();
    }
    assert_eq!(seen, hops);
}

#[rstest]
#[case::proxy_command("proxycommand nc %h %p\n", "ProxyCommand `nc %h %p`, which is not run")]
#[case::bad_port("port many\n", "the port \"many\"")]
#[case::bad_hop("proxyjump bastion:many\n", "which is no [user@]host[:port]")]
fn refuses_what_it_cannot_honour(#[case] config: &str, #[case] seen: &str) {
    let fault = settle(SshSettings::default(), config).expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::LocalSetup);
    assert!(fault.seen.contains(seen), "{}", fault.seen);
}

#[test]
fn nobody_to_log_in_as_is_a_local_fault() {
    let nobody = SshEnvironment::default();
    let fault = Login::from_parts(&host(SshSettings::default()), &nobody, &Config::default())
        .expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::LocalSetup);
}

pub(in crate::transport::ssh) fn program(dir: &Path, script: &str) -> PathBuf {
    let path = dir.join("ssh");
    crate::servers::programs::program(&path, &format!("#!/bin/sh\n{script}\n"));
    path
}

#[rstest]
#[case::answers(
    "echo \"user seen-$*\"",
    Ok("seen--G -l checker -p 2022 -- 192.168.0.188")
)]
#[case::fails(
    "echo 'line 3: Bad configuration option: Hots' >&2; exit 255",
    Err("Bad configuration option: Hots")
)]
#[tokio::test]
async fn asks_the_ssh_program(#[case] script: &str, #[case] expected: Result<&str, &str>) {
    let dir = tempfile::tempdir().expect("a directory");
    let program = program(dir.path(), script);
    let audit = Audit::off();
    let ledger = Ledger {
        audit: &audit,
        check: "ssh",
    };
    let ssh = SshSettings {
        user: Some("checker".to_owned()),
        port: Some(2022),
        ..SshSettings::default()
    };
    let config = read_config(&program, &environment(), &host(ssh), ledger).await;
    match (config, expected) {
        (Ok(config), Ok(user)) => assert_eq!(config.one("user").as_deref(), Some(user)),
        (Err(fault), Err(seen)) => {
            assert_eq!(fault.kind, FaultKind::LocalSetup);
            assert!(fault.seen.contains(seen), "{}", fault.seen);
        }
        (config, _) => panic!("{config:?}"),
    }
}

#[tokio::test]
async fn a_missing_ssh_program_is_told() {
    let audit = Audit::off();
    let ledger = Ledger {
        audit: &audit,
        check: "ssh",
    };
    let environment = SshEnvironment {
        config: Some("/etc/coldstart/ssh_config".into()),
        ..environment()
    };
    let fault = read_config(
        Path::new("/nowhere/ssh"),
        &environment,
        &host(SshSettings::default()),
        ledger,
    )
    .await
    .expect_err("a fault");
    let line = "/nowhere/ssh -G -F /etc/coldstart/ssh_config -- 192.168.0.188";
    assert!(fault.seen.contains(line), "{}", fault.seen);
}

#[rstest]
#[case("revokedhostkeys ~/.ssh/revoked\n", Some("/home/wooo/.ssh/revoked"))]
#[case("revokedhostkeys none\n", None)]
#[case("", None)]
fn the_configuration_names_revoked_keys(#[case] config: &str, #[case] file: Option<&str>) {
    let login = settle(SshSettings::default(), config).expect("a login");
    assert_eq!(login.revoked.as_deref(), file.map(Path::new));
}
