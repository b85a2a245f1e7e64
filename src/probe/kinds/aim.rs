//! Where network kinds aim, and the aims that cannot be meant.

use std::net::IpAddr;

use url::Url;

use crate::probe::{OptionProblem, Request, Target};

/// The option's address, else the check's host's; empty when there is neither.
pub(super) fn destination(address: Option<&str>, target: &Target) -> String {
    address.or(target.address()).unwrap_or_default().to_owned()
}

/// `address:port` with an IPv6 address in brackets.
pub(super) fn shown(address: &str, port: u16) -> String {
    let bare = bare(address);
    if bare.contains(':') {
        format!("[{bare}]:{port}")
    } else {
        format!("{bare}:{port}")
    }
}

/// The connection that a network kind opens first, as the audit notes it.
pub(super) fn connection(target: &Target, address: &str, port: u16) -> Request {
    let destination = shown(address, port);
    match &target.via {
        Some(_) => Request::new("ssh", format!("direct-tcpip {destination}")),
        None => Request::new("tcp", format!("connect {destination}")),
    }
}

/// Problems of an aim whose address stands at `path` of the options.
pub(super) fn problems(path: &str, address: Option<&str>, target: &Target) -> Vec<OptionProblem> {
    let aim = destination(address, target);
    if aim.is_empty() {
        let (message, suggestion) = match target.host.as_deref() {
            // A host that is `local: true` has no address.
            Some(host) => (
                format!(
                    "`{}` is this machine, which has no address of its own",
                    host.id
                ),
                format!("leave `on` out and write `{path}: 127.0.0.1`"),
            ),
            None => (
                format!("there is nothing to connect to: the check names no host, and no `{path}`"),
                format!("add `on: HOST` or `{path}`"),
            ),
        };
        return vec![OptionProblem {
            path: Vec::new(),
            message,
            suggestion: Some(suggestion),
        }];
    }
    loopback(path, &aim, target).into_iter().collect()
}

/// `on: data188` with an aim of 127.0.0.1 would look at the wrong machine and
/// may find something there.
pub(super) fn loopback(path: &str, address: &str, target: &Target) -> Option<OptionProblem> {
    let host = target.host.as_deref().filter(|host| !host.local)?;
    if target.via.is_some() || !is_loopback(address) {
        return None;
    }
    Some(OptionProblem {
        path: vec![path.to_owned()],
        message: format!("{address} is the operator's own machine, not `{}`", host.id),
        suggestion: Some(format!(
            "add `via: {}` to look from there; if this machine is meant, leave `on` out and name the address",
            host.id
        )),
    })
}

/// An address of HTTP that stands at `path` of the options, without what is
/// never sent of it; `login` is how a login is given instead.
pub(super) fn http_address(path: &[&str], text: &str, login: &str) -> Result<Url, OptionProblem> {
    let problem = |message: String, suggestion: Option<&str>| OptionProblem {
        path: path.iter().map(|&part| part.to_owned()).collect(),
        message,
        suggestion: suggestion.map(str::to_owned),
    };
    let mut url: Url = text
        .parse()
        .map_err(|error| problem(format!("{text} is no address: {error}"), None))?;
    if !matches!(url.scheme(), "http" | "https") {
        let message = format!("{} is neither http nor https", url.scheme());
        return Err(problem(message, None));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(problem(
            "a login does not belong into the address".to_owned(),
            Some(login),
        ));
    }
    url.set_fragment(None);
    Ok(url)
}

/// `127.0.0.1:80` would be looked up as a name. More colons are an IPv6 address's.
pub(super) fn port_in_address(path: &str, address: Option<&str>) -> Option<OptionProblem> {
    let (bare, port) = address?.rsplit_once(':')?;
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let one_colon = !bare.contains(':') || bare.ends_with(']');
    (is_port && one_colon).then(|| OptionProblem {
        path: vec![path.to_owned()],
        message: "an address has no port in it".to_owned(),
        suggestion: Some(format!("{path}: {bare}, and `port: {port}` beside it")),
    })
}

/// No service listens on port 0.
pub(super) fn port_problem(port: u16) -> Option<OptionProblem> {
    (port == 0).then(|| OptionProblem {
        path: vec!["port".to_owned()],
        message: "no service listens on port 0".to_owned(),
        suggestion: None,
    })
}

fn bare(address: &str) -> &str {
    address
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(address)
}

fn is_loopback(address: &str) -> bool {
    let bare = bare(address).trim_end_matches('.').to_ascii_lowercase();
    bare == "localhost"
        || bare.ends_with(".localhost")
        || bare
            .parse()
            .is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::probe::{Audit, Context, Host, Policy, SecretRef, Secrets, SshSettings, Transports};
    use rstest::rstest;

    fn host(id: &str, local: bool) -> Arc<Host> {
        Arc::new(Host {
            id: id.to_owned(),
            address: if local {
                String::new()
            } else {
                "192.0.2.7".to_owned()
            },
            local,
            ssh: SshSettings::default(),
            connect_timeout: Duration::from_secs(5),
        })
    }

    /// A target `on` a host of that name; `here` is the operator's machine.
    pub(in crate::probe::kinds) fn target(on: Option<&str>, via: Option<&str>) -> Target {
        Target {
            host: on.map(|id| host(id, id == "here")),
            via: via.map(|id| host(id, false)),
            also: Vec::new(),
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
        }
    }

    /// What the audit was told, `protocol sent` by line.
    #[derive(Clone, Default)]
    pub(in crate::probe::kinds) struct Ledger(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Ledger {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("the lock").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Ledger {
        pub(in crate::probe::kinds) fn sent(&self) -> Vec<String> {
            String::from_utf8_lossy(&self.0.lock().expect("the lock"))
                .lines()
                .map(|line| {
                    let entry: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
                    let field = |name: &str| entry[name].as_str().expect("a text").to_owned();
                    format!("{} {}", field("protocol"), field("sent"))
                })
                .collect()
        }
    }

    /// A context of the operator's own machine with these secrets in `env:`.
    pub(in crate::probe::kinds) fn context(secrets: &[(&str, &str)]) -> (Context, Ledger) {
        let mut known = Secrets::default();
        for (name, value) in secrets {
            known.insert(SecretRef::Env((*name).to_owned()), (*value).into());
        }
        let ledger = Ledger::default();
        let audit = Audit::to(Box::new(ledger.clone()), || jiff::Timestamp::UNIX_EPOCH);
        let transports = Transports::new(known, Policy::default(), audit);
        let target = Target {
            timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(20),
            ..target(None, None)
        };
        (
            Context {
                check: "a-check".to_owned(),
                attempt: 1,
                target,
                transports,
            },
            ledger,
        )
    }

    /// So that no test hangs.
    pub(in crate::probe::kinds) async fn within<T>(work: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(60), work)
            .await
            .expect("in time")
    }

    #[rstest]
    #[case("127.0.0.1:80", true)]
    #[case("db.example:5432", true)]
    #[case("[::1]:80", true)]
    #[case("127.0.0.1", false)]
    #[case("::1", false)]
    #[case("[::1]", false)]
    #[case("fe80::80", false)]
    fn a_port_in_an_address_is_told(#[case] address: &str, #[case] told: bool) {
        assert_eq!(port_in_address("address", Some(address)).is_some(), told);
    }

    #[rstest]
    #[case("127.0.0.1", Some("data188"), None, true)]
    #[case("127.8.0.1", Some("data188"), None, true)]
    #[case("::1", Some("data188"), None, true)]
    #[case("[::1]", Some("data188"), None, true)]
    #[case("::ffff:127.0.0.1", Some("data188"), None, true)]
    #[case("LocalHost.", Some("data188"), None, true)]
    #[case("db.localhost", Some("data188"), None, true)]
    #[case("127.0.0.1", Some("data188"), Some("data188"), false)]
    #[case("127.0.0.1", Some("here"), None, false)]
    #[case("127.0.0.1", None, None, false)]
    #[case("192.0.2.7", Some("data188"), None, false)]
    #[case("localhost.example", Some("data188"), None, false)]
    fn loopback_of_a_remote_host(
        #[case] address: &str,
        #[case] on: Option<&str>,
        #[case] via: Option<&str>,
        #[case] problem: bool,
    ) {
        let problems = problems("address", Some(address), &target(on, via));
        assert_eq!(!problems.is_empty(), problem, "{problems:?}");
        if let Some(found) = problems.first() {
            assert_eq!(found.path, ["address"]);
            assert_eq!(
                found.suggestion.as_deref(),
                Some(
                    "add `via: data188` to look from there; if this machine is meant, leave `on` out and name the address"
                )
            );
        }
    }

    #[rstest]
    #[case(None, true)]
    #[case(Some("here"), true)]
    #[case(Some("data188"), false)]
    fn something_to_aim_at(#[case] on: Option<&str>, #[case] problem: bool) {
        assert_eq!(
            !problems("address", None, &target(on, None)).is_empty(),
            problem
        );
    }
}
