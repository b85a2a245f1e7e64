//! A network of its own, in which all addresses of a stand are on the loopback
//! interface, and a view of the file system with its own name tables.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};

use super::programs;

/// No test hangs; nothing is measured by it.
pub(crate) const HANG: Duration = Duration::from_secs(120);

type Job = Box<dyn FnOnce() + Send>;

/// One thread is in the network and the mount namespace, and whatever it starts
/// or binds is so, too. The namespaces end with the last of it.
pub(crate) struct World {
    jobs: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl World {
    /// `names` is what `/etc/hosts` is in this world.
    pub(crate) fn new(folder: &Path, names: &str) -> Arc<Self> {
        std::fs::write(folder.join("hosts"), names).expect("a file");
        // Nobody answers there: what is not in the table above has no address.
        std::fs::write(folder.join("resolv.conf"), "nameserver 127.0.0.1\n").expect("a file");
        let (jobs, waiting) = channel::<Job>();
        let thread = std::thread::spawn(move || {
            for job in waiting {
                job();
            }
        });
        let world = Arc::new(Self {
            jobs: Mutex::new(Some(jobs)),
            thread: Mutex::new(Some(thread)),
        });
        let folder = folder.display().to_string();
        world.run(move || {
            unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).expect(
                "namespaces of its own, which root may make; COLDSTART_TEST_NO_BACKUPS=1 leaves this out",
            );
            shell(&format!(
                "mount --make-rprivate /\n\
                 mount --bind {folder}/hosts /etc/hosts\n\
                 mount --bind {folder}/resolv.conf \"$(readlink -f /etc/resolv.conf)\"\n\
                 ip link set lo up\n\
                 echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range\n"
            ));
        });
        world
    }

    /// Does `job` in this world.
    pub(crate) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, outcome) = channel();
        let job: Job = Box::new(move || {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            drop(done.send(result));
        });
        let jobs = self.jobs.lock().expect("the lock").clone();
        jobs.expect("a world").send(job).expect("its thread");
        match outcome.recv().expect("an outcome") {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// A script of `sh` in this world, which has to succeed.
    pub(crate) fn shell(&self, script: &str) {
        let script = script.to_owned();
        self.run(move || shell(&script));
    }

    /// Starts a program that ends with this world, also when the test is killed.
    pub(crate) fn start(&self, program: &[&str], log: &Path) -> Running {
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .args(program)
            .stdin(Stdio::null());
        let output = std::fs::File::create(log).expect("a log");
        command.stderr(output.try_clone().expect("a log"));
        command.stdout(output);
        let child = self.run(move || command.spawn().expect("setpriv (Debian: util-linux)"));
        Running {
            child,
            log: log.to_owned(),
        }
    }

    /// Runs a program to its end.
    pub(crate) fn output(&self, mut command: Command, input: Vec<u8>) -> std::process::Output {
        self.run(move || {
            command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            let mut child = command.spawn().expect("a program");
            let mut stdin = child.stdin.take().expect("its input");
            let feeding = std::thread::spawn(move || drop(stdin.write_all(&input)));
            let output = child.wait_with_output().expect("its end");
            drop(feeding.join());
            output
        })
    }

    /// Writes an executable file.
    pub(crate) fn program(&self, path: &Path, text: &str) {
        let (path, text) = (path.to_owned(), text.to_owned());
        self.run(move || programs::program(&path, &text));
    }

    /// Waits until the address takes a connection.
    pub(crate) fn answers(&self, address: SocketAddr, by: &Running) {
        let begun = Instant::now();
        while !self.run(move || TcpStream::connect(address).is_ok()) {
            by.assert_within(begun, &format!("nothing listens on {address}"));
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.jobs.lock().expect("the lock").take());
        if let Some(thread) = self.thread.lock().expect("the lock").take() {
            drop(thread.join());
        }
    }
}

fn shell(script: &str) {
    let done = Command::new("sh")
        .args(["-e", "-c", script])
        .stdin(Stdio::null())
        .output()
        .expect("sh");
    assert!(
        done.status.success(),
        "{script}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// A program that runs until this value ends.
pub(crate) struct Running {
    pub(crate) child: Child,
    log: std::path::PathBuf,
}

impl Running {
    /// What it printed.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Fails with the log when that much time is over since `begun`.
    pub(crate) fn assert_within(&self, begun: Instant, what: &str) {
        assert!(begun.elapsed() < HANG, "{what}: {}", self.log());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
