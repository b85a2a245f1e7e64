//! The same table of commands against the stand-in server and a real sshd, and
//! what only a real sshd can show. `COLDSTART_TEST_NO_SSHD=1` leaves the real
//! one out; without it, a machine that has none fails here.
#![cfg(unix)]
#![expect(clippy::expect_used, reason = "a test that cannot be set up fails")]

#[path = "servers/mod.rs"]
#[expect(dead_code, reason = "the unit tests use the rest")]
mod servers;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use coldstart::transport::audit::{Audit, Ledger};
use coldstart::transport::capture::Limits;
use coldstart::transport::command::{Exit, Output, Policy, ReadOnlyCommand};
use coldstart::transport::ssh::{SshEnvironment, SshPool};
use coldstart::transport::{Fault, FaultKind, Host, SshSettings};
use futures_util::future::join_all;
use servers::ssh::{Answer, Home, Script, Server, private};
use tokio::io::AsyncReadExt;

const SSHD: &str = "/usr/sbin/sshd";

/// Whether the real sshd is left out on purpose.
fn left_out() -> bool {
    let left_out = std::env::var_os("COLDSTART_TEST_NO_SSHD").is_some_and(|value| value == "1");
    assert!(
        left_out || Path::new(SSHD).exists(),
        "{SSHD} is missing: install openssh-server, or set COLDSTART_TEST_NO_SSHD=1"
    );
    left_out
}

/// A real sshd on a port of its own; it ends with this value.
struct Sshd {
    port: u16,
    child: Child,
    dir: tempfile::TempDir,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn keygen(args: &[&str]) {
    let done = Command::new("ssh-keygen")
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("ssh-keygen");
    assert!(done.status.success(), "{done:?}");
}

fn whoami() -> String {
    let done = Command::new("id").arg("-un").output().expect("id");
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

impl Sshd {
    fn start(accepted: &str, more: &str) -> Self {
        // sshd wants its empty directory; Debian's unit makes it at each start.
        drop(std::fs::create_dir_all("/run/sshd"));
        let dir = tempfile::tempdir().expect("a directory");
        for kind in ["ed25519", "rsa"] {
            let path = dir
                .path()
                .join(format!("host_{kind}"))
                .display()
                .to_string();
            keygen(&["-q", "-t", kind, "-N", "", "-f", &path]);
        }
        std::fs::write(dir.path().join("authorized_keys"), accepted).expect("a file");
        let port = servers::ports::free_port();
        let place = dir.path().display();
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {place}/host_ed25519\nHostKey {place}/host_rsa\n\
             AuthorizedKeysFile {place}/authorized_keys\nStrictModes no\nUsePAM no\nPidFile none\n\
             PasswordAuthentication no\nPermitRootLogin prohibit-password\n{more}\n"
        );
        let file = dir.path().join("sshd_config");
        std::fs::write(&file, config).expect("a file");
        let child = Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sshd");
        Self { port, child, dir }
    }

    fn known_hosts_line(&self, kind: &str) -> String {
        let path = self.dir.path().join(format!("host_{kind}.pub"));
        let key = std::fs::read_to_string(path).expect("a key");
        format!("[127.0.0.1]:{} {key}", self.port)
    }
}

struct Desk {
    home: Home,
    pool: SshPool,
    audit: Audit,
}

impl Desk {
    fn new(home: Home) -> Self {
        let environment = SshEnvironment {
            home: Some(home.dir.path().to_owned()),
            user: Some(whoami()),
            ..SshEnvironment::default()
        };
        Self {
            home,
            pool: SshPool::new(environment, Arc::default()),
            audit: Audit::off(),
        }
    }

    fn ledger(&self) -> Ledger<'_> {
        Ledger {
            audit: &self.audit,
            check: "test",
        }
    }

    async fn exec(&self, host: &Arc<Host>, args: &[&str], limits: Limits) -> Result<Output, Fault> {
        let run = async {
            let session = self.pool.session(host, self.ledger()).await?;
            session.exec(&command(args), limits, self.ledger()).await
        };
        within(run).await
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future)
        .await
        .expect("an end within 60 s")
}

fn command(args: &[&str]) -> ReadOnlyCommand {
    let policy = Policy::extended(vec![args.iter().map(ToString::to_string).collect()]);
    ReadOnlyCommand::from_args(&policy, args.iter().copied()).expect("an allowed command")
}

fn limits() -> Limits {
    Limits::within(Duration::from_secs(30))
}

fn host(port: u16) -> Arc<Host> {
    Arc::new(Host {
        id: "data188".to_owned(),
        address: "127.0.0.1".to_owned(),
        local: false,
        ssh: SshSettings {
            port: Some(port),
            ..SshSettings::default()
        },
        connect_timeout: Duration::from_secs(30),
    })
}

fn accepted(home: &Home) -> String {
    home.key.public_key().to_openssh().expect("a key is text")
}

fn real(more: &str) -> (Sshd, Desk, Arc<Host>) {
    let home = Home::new();
    let sshd = Sshd::start(&accepted(&home), more);
    home.write("known_hosts", &sshd.known_hosts_line("ed25519"));
    let host = host(sshd.port);
    (sshd, Desk::new(home), host)
}

/// What commands come to, on any server.
async fn table(desk: &Desk, host: &Arc<Host>, file: &str) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let output = desk
        .exec(host, &["cat", file], limits())
        .await
        .expect("an end");
    assert_eq!(
        (output.exit, text(&output.stdout).as_str()),
        (Exit::Status(0), "ok\n")
    );

    let output = desk
        .exec(host, &["cat", "/nowhere"], limits())
        .await
        .expect("an end");
    assert_eq!(output.exit, Exit::Status(1));
    assert_eq!(output.stdout, b"");
    assert!(
        text(&output.stderr).contains("No such file or directory"),
        "{output:?}"
    );

    let output = desk
        .exec(host, &["coldstart-no-such-program"], limits())
        .await
        .expect("an end");
    assert_eq!(output.exit, Exit::Status(127));

    let small = Limits {
        stdout: 100_000,
        ..limits()
    };
    let output = desk
        .exec(host, &["cat", "/dev/zero"], small)
        .await
        .expect("an end");
    assert!(output.truncated);
    assert!((90_000..=100_000).contains(&output.stdout.len()));

    // Long enough for a busy machine's login shell to come to the command.
    let short = Limits::within(Duration::from_secs(3));
    let fault = desk
        .exec(host, &["sleep", "600.25"], short)
        .await
        .expect_err("a timeout");
    assert_eq!((fault.kind, fault.connection), (FaultKind::TimedOut, None));

    let cat = ["cat", file];
    // More than the ten channels that sshd gives a connection.
    let all = join_all((0..24).map(|_| desk.exec(host, &cat, limits()))).await;
    for output in all {
        assert_eq!(text(&output.expect("an end").stdout), "ok\n");
    }
}

#[tokio::test]
async fn the_stand_in_holds_the_table() {
    let home = Home::new();
    let script = Script::new(home.key.public_key(), |command| match command {
        "cat /nowhere" => Answer::fails(1, "cat: /nowhere: No such file or directory\n"),
        "cat /dev/zero" => Answer::Endless,
        "sleep 600.25" => Answer::Hang,
        "coldstart-no-such-program" => Answer::fails(
            127,
            "timeout: failed to run command 'x': No such file or directory\n",
        ),
        _ => Answer::ok("ok\n"),
    });
    let server = Server::start(script).await;
    home.trust(&[&server]);
    table(&Desk::new(home), &host(server.address.port()), "/ok").await;
    assert_eq!(server.log.connections(), 1);
}

#[tokio::test]
async fn a_real_sshd_holds_the_table() {
    if left_out() {
        return;
    }
    let (sshd, desk, host) = real("");
    let file = sshd.dir.path().join("ok");
    std::fs::write(&file, "ok\n").expect("a file");
    table(&desk, &host, &file.display().to_string()).await;
    // The remote `timeout` ends what hangs: nothing is left on the host.
    within(async {
        while running("600.25") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let session = desk.pool.session(&host, desk.ledger()).await.expect("open");
    assert!(
        session.about().server.starts_with("SSH-2.0-OpenSSH_"),
        "{:?}",
        session.about()
    );
    desk.pool.close_all().await;
}

/// Whether a process with this argument runs here, which is the host, too.
fn running(argument: &str) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return false;
    };
    processes.flatten().any(|process| {
        std::fs::read(process.path().join("cmdline")).is_ok_and(|line| {
            line.split(|&byte| byte == 0)
                .any(|word| word == argument.as_bytes())
        })
    })
}

#[tokio::test]
async fn what_a_real_shell_prints_first_is_not_the_command_s() {
    if left_out() {
        return;
    }
    let home = Home::new();
    let noise = home.write("noise", "echo Welcome; echo 3 updates >&2\n");
    let sshd = Sshd::start(
        &accepted(&home),
        &format!("SetEnv BASH_ENV={}", noise.display()),
    );
    home.write("known_hosts", &sshd.known_hosts_line("ed25519"));
    let desk = Desk::new(home);
    let output = desk
        .exec(&host(sshd.port), &["echo", "hello"], limits())
        .await
        .expect("an end");
    assert_eq!(output.stdout, b"hello\n");
}

#[tokio::test]
async fn a_real_sshd_shows_the_key_that_is_known_also_when_hashed() {
    if left_out() {
        return;
    }
    for kind in ["ed25519", "rsa"] {
        let (sshd, desk, host) = real("");
        let file: PathBuf = desk.home.write("known_hosts", &sshd.known_hosts_line(kind));
        keygen(&["-q", "-H", "-f", &file.display().to_string()]);
        let hashed = std::fs::read_to_string(&file).expect("a file");
        assert!(hashed.starts_with("|1|"), "{hashed}");
        desk.exec(&host, &["true"], limits()).await.expect("trust");
    }
}

#[tokio::test]
async fn an_rsa_key_logs_in_at_a_real_sshd() {
    if left_out() {
        return;
    }
    let home = Home::new();
    let path = home.dir.path().join(".ssh/id_rsa").display().to_string();
    keygen(&["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", &path]);
    let public = std::fs::read_to_string(format!("{path}.pub")).expect("a key");
    let sshd = Sshd::start(&public, "");
    home.write("known_hosts", &sshd.known_hosts_line("ed25519"));
    let desk = Desk::new(home);
    desk.exec(&host(sshd.port), &["true"], limits())
        .await
        .expect("the second key is let in");
}

#[tokio::test]
async fn a_real_sshd_denies_a_stranger() {
    if left_out() {
        return;
    }
    let (_sshd, desk, host) = real("");
    let stranger = servers::ssh::new_key();
    desk.home.write("id_ed25519", &private(&stranger));
    let fault = desk
        .exec(&host, &["true"], limits())
        .await
        .expect_err("a denial");
    assert_eq!(fault.kind, FaultKind::Denied, "{fault:?}");
    assert!(fault.seen.contains("does not let"), "{}", fault.seen);
}

#[tokio::test]
async fn a_real_sshd_with_another_key_is_not_trusted() {
    if left_out() {
        return;
    }
    let (sshd, desk, host) = real("");
    let other = servers::ssh::new_key()
        .public_key()
        .to_openssh()
        .expect("a key is text");
    desk.home.write(
        "known_hosts",
        &format!("[127.0.0.1]:{} {other}\n", sshd.port),
    );
    let fault = desk
        .exec(&host, &["true"], limits())
        .await
        .expect_err("no trust");
    assert_eq!(fault.kind, FaultKind::HostKey);
    assert!(fault.hopeless);
}

#[tokio::test]
async fn a_real_sshd_s_forced_command_is_told() {
    if left_out() {
        return;
    }
    let (_sshd, desk, host) = real("ForceCommand echo backups only");
    let fault = desk
        .exec(&host, &["true"], limits())
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::Protocol);
    assert!(
        fault.seen.ends_with("it printed \"backups only\""),
        "{}",
        fault.seen
    );
}

#[tokio::test]
async fn goes_through_a_real_sshd() {
    if left_out() {
        return;
    }
    let (sshd, desk, host) = real("");
    let session = desk.pool.session(&host, desk.ledger()).await.expect("open");
    let open = session.open_tcp("127.0.0.1", sshd.port, Duration::from_secs(10));
    let mut stream = within(open).await.expect("a tunnel");
    let mut banner = [0; 8];
    within(stream.read_exact(&mut banner))
        .await
        .expect("a banner");
    assert_eq!(&banner, b"SSH-2.0-");
    let fault = within(session.open_tcp("127.0.0.1", 1, Duration::from_secs(10)))
        .await
        .err()
        .expect("a refusal");
    assert_eq!(fault.kind, FaultKind::Refused);

    let mut behind = Arc::unwrap_or_clone(Arc::clone(&host));
    behind.id = "k3s120".to_owned();
    behind.ssh.jump = Some(host);
    let output = desk
        .exec(&Arc::new(behind), &["echo", "through"], limits())
        .await
        .expect("an end");
    assert_eq!(output.stdout, b"through\n");
}

#[tokio::test]
async fn a_real_sshd_that_forwards_nothing_denies() {
    if left_out() {
        return;
    }
    let (sshd, desk, host) = real("AllowTcpForwarding no");
    let session = desk.pool.session(&host, desk.ledger()).await.expect("open");
    let fault = within(session.open_tcp("127.0.0.1", sshd.port, Duration::from_secs(10)))
        .await
        .err()
        .expect("a denial");
    assert_eq!(fault.kind, FaultKind::Denied);
}

/// What no other sees of a secret: neither sshd's line, nor the list of
/// processes, nor a file.
#[tokio::test]
async fn a_real_sshd_s_shell_hands_a_secret_to_its_program() {
    use coldstart::transport::command::{Values, Variable};
    if left_out() {
        return;
    }
    let (_sshd, desk, host) = real("");
    let folder = tempfile::tempdir().expect("a folder");
    let repository = folder.path().join("repo");
    let repository = repository.to_str().expect("UTF-8");
    let made = Command::new("restic")
        .args(["--no-cache", "--repo", repository, "init"])
        .env("RESTIC_PASSWORD", "it's a $(secret) \\ !")
        .stdin(Stdio::null())
        .output()
        .expect("restic, of Debian's package");
    assert!(made.status.success(), "{made:?}");
    let args = [
        "restic",
        "snapshots",
        "--json",
        "--no-lock",
        "--no-cache",
        "--repo",
        repository,
    ];
    let variable = Variable::of("restic", "RESTIC_PASSWORD").expect("known");
    let command = ReadOnlyCommand::from_args(&Policy::default(), args)
        .and_then(|command| command.taking(vec![variable]))
        .expect("allowed");
    let mut values = Values::default();
    values
        .give(variable, "it's a $(secret) \\ !".into())
        .expect("one line");
    let audit = Audit::off();
    let ledger = Ledger {
        audit: &audit,
        check: "test",
    };
    let session = desk.pool.session(&host, ledger).await.expect("a login");
    let output = within(session.exec_with(&command, &values, limits(), ledger))
        .await
        .expect("an end");
    assert_eq!(output.exit, Exit::Status(0), "{output:?}");
    assert_eq!(output.stdout.trim_ascii(), b"[]");
}
