//! Real servers from the distribution's packages, each in a folder of its own on
//! loopback, and a look at them.

#[path = "../servers/ports.rs"]
#[expect(
    unreachable_pub,
    reason = "other tests have it from a module of all servers"
)]
mod ports;

use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use coldstart::probe::{
    Audit, Context, Facts, Fault, Policy, Probe, SecretRef, Secrets, Target, Transports, find,
};
use serde_json::Value as Json;
use tokio::net::TcpStream;

pub(crate) use ports::free_port;

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A program from the usual folders, newest version first.
pub(crate) fn program(folders: &[&str], name: &str) -> PathBuf {
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in folders {
        match folder.split_once('*') {
            None => found.push(Path::new(folder).join(name)),
            Some((before, after)) => {
                let entries = std::fs::read_dir(before).into_iter().flatten().flatten();
                let mut versions: Vec<PathBuf> = entries
                    .map(|entry| entry.path().join(after.trim_start_matches('/')).join(name))
                    .collect();
                versions.sort();
                found.extend(versions.into_iter().rev());
            }
        }
    }
    found.into_iter().find(|path| path.is_file()).unwrap_or_else(|| {
        panic!("{name} is not installed; CONTRIBUTING.md tells the packages, and how to leave this out")
    })
}

/// `nobody` of Debian, as which servers run that refuse to be root.
pub(crate) const NOBODY: u32 = 65534;

pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0)
}

/// As an ordinary user, also when the tests run as root.
pub(crate) fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        command.gid(NOBODY).uid(NOBODY);
    }
    command
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null());
    command
}

/// A server in its own folder; both end with it.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) port: u16,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Running {
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Waits until the port answers; shows the log when it never does.
    pub(crate) async fn ready(self) -> Self {
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
            .await
            .is_err()
        {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "it does not start: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self
    }
}

pub(crate) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    if is_root() {
        std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY))
            .expect("a folder of nobody's");
    }
    folder
}

pub(crate) fn write(path: &Path, text: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
    if is_root() {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).expect("a file of nobody's");
    }
}

pub(crate) fn start(mut command: Command, folder: tempfile::TempDir, port: u16) -> Running {
    let log = std::fs::File::create(folder.path().join("log")).expect("a log");
    let also = log.try_clone().expect("a log");
    let child = command.stdout(log).stderr(also).spawn().expect("started");
    Running {
        child,
        folder,
        port,
    }
}

/// Sees what the audit was told.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Vec<u8>>>);

impl Write for Ledger {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Write::write(&mut *self.0.lock().expect("the lock"), bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Ledger {
    pub(crate) fn sent(&self, protocol: &str) -> Vec<String> {
        String::from_utf8_lossy(&self.0.lock().expect("the lock"))
            .lines()
            .map(|line| serde_json::from_str::<Json>(line).expect("a JSON line"))
            .filter(|line| line["protocol"] == protocol)
            .map(|line| line["sent"].as_str().expect("a text").to_owned())
            .collect()
    }
}

pub(crate) async fn probe_with(
    kind: &str,
    options: Json,
    password: &str,
) -> (Result<Facts, Fault>, Ledger) {
    let probe: Box<dyn Probe> = (find(kind).expect("a kind").build)(options).expect("options");
    let mut secrets = Secrets::default();
    secrets.insert(SecretRef::Env("PASSWORD".to_owned()), password.into());
    let ledger = Ledger::default();
    let audit = Audit::to(Box::new(ledger.clone()), || jiff::Timestamp::UNIX_EPOCH);
    let target = Target {
        host: None,
        via: None,
        also: Vec::new(),
        timeout: Duration::from_secs(20),
        connect_timeout: Duration::from_secs(20),
    };
    let transports = Transports::new(secrets, Policy::default(), audit);
    let context = Context {
        check: "real".to_owned(),
        attempt: 1,
        target,
        transports,
    };
    let seen = tokio::time::timeout(Duration::from_secs(60), probe.run(&context))
        .await
        .expect("in time");
    (seen, ledger)
}

pub(crate) async fn probe(kind: &str, options: Json) -> (Result<Facts, Fault>, Ledger) {
    probe_with(kind, options, PASSWORD).await
}
