//! How to log in to a host: the baseline's word first, then `~/.ssh/config`
//! as `ssh -G` reads it, then SSH's own defaults.

#[cfg(test)]
pub(super) mod tests;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use super::SshEnvironment;
use super::known_hosts::HostName;
use crate::transport::audit::Ledger;
use crate::transport::{Fault, FaultKind, Host, SshSettings};

/// `ssh -G` only reads files, unless a `Match exec` of the user waits for something.
const CONFIG_BUDGET: Duration = Duration::from_secs(5);

/// Everything needed to log in to one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) address: String,
    pub(super) port: u16,
    /// The name that its keys are filed under.
    pub(super) filed: HostName,
    /// Key files that the baseline names: offered first, and required to exist.
    pub(super) named: Vec<PathBuf>,
    /// Key files of `~/.ssh/config` or by default: offered last, where they exist.
    pub(super) usual: Vec<PathBuf>,
    /// Offer the agent's keys only where a key file names them.
    pub(super) identities_only: bool,
    /// The agent's socket.
    pub(super) agent: Option<PathBuf>,
    pub(super) known_hosts: Vec<PathBuf>,
    /// `RevokedHostKeys`: keys that no host may show.
    pub(super) revoked: Option<PathBuf>,
    pub(super) jump: Option<Arc<Host>>,
}

impl Login {
    /// Settles how to log in to `host`.
    ///
    /// # Errors
    /// `LocalSetup`: `~/.ssh/config` cannot be read, or asks for what is not supported.
    pub(super) async fn settle(
        host: &Host,
        environment: &SshEnvironment,
        ledger: Ledger<'_>,
    ) -> Result<Self, Fault> {
        let config = match &environment.program {
            Some(program) => read_config(program, environment, host, ledger).await?,
            None => Config::default(),
        };
        Self::from_parts(host, environment, &config)
    }

    pub(super) fn from_parts(
        host: &Host,
        environment: &SshEnvironment,
        config: &Config,
    ) -> Result<Self, Fault> {
        let ssh = &host.ssh;
        let user = ssh
            .user
            .clone()
            .or_else(|| config.one("user"))
            .or_else(|| environment.user.clone())
            .ok_or_else(|| {
                Fault::new(
                    FaultKind::LocalSetup,
                    format!("no login name for {}", host.id),
                )
                .hint("set ssh.user of the host")
            })?;
        let port = match (ssh.port, config.one("port")) {
            (Some(port), _) => port,
            (None, None) => 22,
            (None, Some(port)) => port.parse().map_err(|_| {
                Fault::new(
                    FaultKind::LocalSetup,
                    format!("~/.ssh/config gives {} the port {port:?}", host.id),
                )
            })?,
        };
        let name = bare(&host.address);
        let filed = config.one("hostkeyalias").map_or_else(
            || {
                HostName::new(
                    &config.one("hostname").unwrap_or_else(|| name.to_owned()),
                    port,
                )
            },
            |alias| HostName::alias(&alias),
        );
        Ok(Self {
            user,
            address: config.one("hostname").unwrap_or_else(|| name.to_owned()),
            port,
            filed,
            named: expand_all(&ssh.identities, environment),
            usual: config.identities(environment),
            identities_only: config.one("identitiesonly").as_deref() == Some("yes"),
            agent: config.agent(environment),
            known_hosts: config.known_hosts(ssh, environment),
            revoked: config
                .one("revokedhostkeys")
                .filter(|file| file != "none")
                .map(|file| expand(Path::new(&file), environment)),
            jump: config.jump(host)?,
        })
    }
}

/// `::1` for `[::1]`.
fn bare(address: &str) -> &str {
    address
        .strip_prefix('[')
        .and_then(|address| address.strip_suffix(']'))
        .unwrap_or(address)
}

/// What `ssh -G` printed: a keyword in lower case and its value on each line.
#[derive(Debug, Default)]
pub(super) struct Config {
    lines: Vec<(String, String)>,
    /// Without the `ssh` program nothing is known of the user's configuration.
    read: bool,
}

impl Config {
    pub(super) fn parse(text: &str) -> Self {
        let lines = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(keyword, value)| (keyword.to_lowercase(), value.trim().to_owned()))
            .collect();
        Self { lines, read: true }
    }

    fn all<'a>(&'a self, keyword: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines
            .iter()
            .filter(move |(name, _)| name == keyword)
            .map(|(_, value)| value.as_str())
    }

    fn one(&self, keyword: &str) -> Option<String> {
        self.all(keyword).next().map(ToOwned::to_owned)
    }

    fn identities(&self, environment: &SshEnvironment) -> Vec<PathBuf> {
        if self.read {
            return self
                .all("identityfile")
                .filter(|path| *path != "none")
                .map(|path| expand(Path::new(path), environment))
                .collect();
        }
        environment.in_ssh(&["id_ed25519", "id_ecdsa", "id_rsa"])
    }

    fn agent(&self, environment: &SshEnvironment) -> Option<PathBuf> {
        match self.one("identityagent").as_deref() {
            Some("none") => None,
            None | Some("SSH_AUTH_SOCK") => environment.agent.clone(),
            // `$NAME` would name an environment variable, which only `cli` reads.
            Some(path) if path.starts_with('$') => environment.agent.clone(),
            Some(path) => Some(expand(Path::new(path), environment)),
        }
    }

    fn known_hosts(&self, ssh: &SshSettings, environment: &SshEnvironment) -> Vec<PathBuf> {
        if !ssh.known_hosts.is_empty() {
            return expand_all(&ssh.known_hosts, environment);
        }
        let files = |keyword, default: Vec<PathBuf>| match self.one(keyword) {
            Some(files) if files == "none" => Vec::new(),
            Some(files) => files
                .split_whitespace()
                .map(|file| expand(Path::new(file), environment))
                .collect(),
            None => default,
        };
        let mut all = files(
            "userknownhostsfile",
            environment.in_ssh(&["known_hosts", "known_hosts2"]),
        );
        all.extend(files(
            "globalknownhostsfile",
            environment.known_hosts.clone(),
        ));
        all
    }

    fn jump(&self, host: &Host) -> Result<Option<Arc<Host>>, Fault> {
        if host.ssh.jump.is_some() {
            return Ok(host.ssh.jump.clone());
        }
        if let Some(command) = self.one("proxycommand").filter(|value| value != "none") {
            return Err(Fault::new(
                FaultKind::LocalSetup,
                format!(
                    "~/.ssh/config reaches {} by the ProxyCommand `{command}`, which is not run",
                    host.address
                ),
            )
            .hint("name the host to go through as ssh.jump, or by ProxyJump"));
        }
        let Some(hops) = self.one("proxyjump").filter(|value| value != "none") else {
            return Ok(None);
        };
        let mut jump = None;
        for hop in hops.split(',') {
            let mut hop = parse_hop(hop, host)?;
            hop.ssh.jump = jump;
            jump = Some(Arc::new(hop));
        }
        Ok(jump)
    }
}

/// A hop of `ProxyJump`: `[user@]host[:port]`, also as `ssh://…`.
fn parse_hop(hop: &str, behind: &Host) -> Result<Host, Fault> {
    let text = hop.trim();
    let text = text.strip_prefix("ssh://").unwrap_or(text);
    let (user, place) = match text.rsplit_once('@') {
        Some((user, place)) => (Some(user.to_owned()), place),
        None => (None, text),
    };
    let (address, port) = match place.rsplit_once(':') {
        // `::1` is an address without a port.
        Some((address, port)) if !bare(address).contains(':') || address.ends_with(']') => {
            (address, Some(port))
        }
        _ => (place, None),
    };
    let port = port.map(str::parse).transpose().ok();
    match port {
        Some(port) if !address.is_empty() => Ok(Host {
            id: format!("jump:{text}"),
            address: bare(address).to_owned(),
            local: false,
            ssh: SshSettings {
                user,
                port,
                ..SshSettings::default()
            },
            connect_timeout: behind.connect_timeout,
        }),
        _ => Err(Fault::new(
            FaultKind::LocalSetup,
            format!("~/.ssh/config goes through {hop:?}, which is no [user@]host[:port]"),
        )),
    }
}

fn expand(path: &Path, environment: &SshEnvironment) -> PathBuf {
    match (path.strip_prefix("~"), &environment.home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

fn expand_all(paths: &[PathBuf], environment: &SshEnvironment) -> Vec<PathBuf> {
    paths.iter().map(|path| expand(path, environment)).collect()
}

async fn read_config(
    program: &Path,
    environment: &SshEnvironment,
    host: &Host,
    ledger: Ledger<'_>,
) -> Result<Config, Fault> {
    let mut args = vec!["-G".to_owned()];
    if let Some(file) = &environment.config {
        args.extend(["-F".to_owned(), file.display().to_string()]);
    }
    // `Match user` and the like depend on what the baseline says.
    if let Some(user) = &host.ssh.user {
        args.extend(["-l".to_owned(), user.clone()]);
    }
    if let Some(port) = host.ssh.port {
        args.extend(["-p".to_owned(), port.to_string()]);
    }
    args.extend(["--".to_owned(), bare(&host.address).to_owned()]);
    let line = format!("{} {}", program.display(), args.join(" "));
    ledger.record("local", "local-exec", &line);
    let run = tokio::process::Command::new(program)
        .args(&args)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let failed = |why: String| {
        Fault::new(
            FaultKind::LocalSetup,
            format!("the SSH configuration cannot be read by `{line}`: {why}"),
        )
    };
    let output = tokio::time::timeout(CONFIG_BUDGET, run)
        .await
        .map_err(|_| failed(format!("no answer in {} s", CONFIG_BUDGET.as_secs())))?
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    Ok(Config::parse(&String::from_utf8_lossy(&output.stdout)))
}
