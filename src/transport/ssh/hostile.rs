//! Doors for `fuzzing`: what this room reads that was not written for it.

use std::path::Path;
use std::time::Duration;

use russh::keys::PublicKey;

use super::SshEnvironment;
use super::known_hosts::{HostName, KnownHosts, Trust};
use super::login::{Config, Login};
use crate::transport::{Host, SshSettings};

/// The key that the server shows.
const SHOWN: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIFRE/2LX3c2tuv6c5N1OezFmUVmOBpOoFEmGHU9Vr2cJ";

/// A `known_hosts` file. Whatever is in it, a key that is not written there is
/// not trusted, and one that is revoked for every host neither.
pub(crate) fn known_hosts(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(key) = PublicKey::from_openssh(&format!("ssh-ed25519 {SHOWN}")) else {
        panic!("the key is one");
    };
    let mut known = KnownHosts::default();
    known.add(Path::new("known_hosts"), &text);
    let written = text.contains(SHOWN);
    let revoked = text.lines().any(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        words[..] == ["@revoked", "*", "ssh-ed25519", SHOWN]
    });
    for host in [
        HostName::new("data188", 22),
        HostName::new("192.0.2.1", 2222),
        HostName::alias("data"),
    ] {
        let trust = known.trust(&host, &key);
        if trust == Trust::Known {
            assert!(written, "a key that is not there is trusted: {text:?}");
            assert!(!revoked, "a revoked key is trusted: {text:?}");
        }
        drop(known.algorithms(&host));
    }
    // A file of revoked keys only takes trust away.
    let before = known.trust(&HostName::new("data188", 22), &key);
    if known.revoke(Path::new("revoked"), input).is_ok() {
        let after = known.trust(&HostName::new("data188", 22), &key);
        assert!(
            after != Trust::Known || before == Trust::Known,
            "revoking made a key trusted: {text:?}"
        );
    }
}

/// What `ssh -G` prints.
pub(crate) fn config(input: &[u8]) {
    let config = Config::parse(&String::from_utf8_lossy(input));
    let host = Host {
        id: "data188".to_owned(),
        address: "192.0.2.1".to_owned(),
        local: false,
        ssh: SshSettings::default(),
        connect_timeout: Duration::from_secs(5),
    };
    let environment = SshEnvironment {
        home: Some("/home/checker".into()),
        user: Some("checker".to_owned()),
        ..SshEnvironment::default()
    };
    drop(Login::from_parts(&host, &environment, &config));
}
