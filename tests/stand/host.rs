//! A host of a stand: a root folder, a process namespace, and a real sshd.

use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::world::{Running, World};

/// The first of the users' numbers.
const USERS: u32 = 1000;

/// Where the answers of the shims are.
const ANSWERS: &str = "/var/lib/stand";

const SHIMS: &[(&str, &str)] = &[
    ("docker", include_str!("shims/docker")),
    ("iscsiadm", include_str!("shims/iscsiadm")),
    ("k3s", include_str!("shims/k3s")),
    ("kubectl", include_str!("shims/kubectl")),
    ("systemctl", include_str!("shims/systemctl")),
    ("zfs", include_str!("shims/zfs")),
    ("zpool", include_str!("shims/zpool")),
];

/// A host of the baseline.
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    /// Its `/`, as this machine sees it.
    root: PathBuf,
    state: PathBuf,
    users: Vec<String>,
    world: Arc<World>,
    /// Folders of this machine that are mounted on the host, by where.
    mounts: Mutex<Vec<(String, PathBuf)>>,
    power: Mutex<Option<Power>>,
    services: Mutex<Vec<(String, Running)>>,
}

/// A host that is on.
struct Power {
    sshd: Running,
    /// The first process of the host, as this machine counts.
    init: u32,
}

impl Drop for Power {
    /// With its first process all of a host ends, and `unshare` goes when that is over:
    /// whatever comes next finds its port free and its connections shut. Were `unshare`
    /// killed, as [`Running`] does, they would go on for a moment.
    fn drop(&mut self) {
        let has_ended = self.sshd.child.try_wait().is_ok_and(|end| end.is_some());
        if let Ok(init) = i32::try_from(self.init)
            && !has_ended
        {
            let _ = kill(Pid::from_raw(init), Signal::SIGKILL);
            drop(self.sshd.child.wait());
        }
    }
}

/// How a host is made.
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) address: IpAddr,
    pub(super) port: u16,
    /// The login of the baseline.
    pub(super) user: String,
}

impl Host {
    pub(super) fn new(world: &Arc<World>, folder: &Path, plan: Plan, keys: &Path) -> Self {
        let state = folder.join(&plan.name);
        let host = Self {
            name: plan.name,
            address: plan.address,
            port: plan.port,
            root: state.join("root"),
            state,
            users: vec!["root".to_owned(), plan.user],
            world: Arc::clone(world),
            mounts: Mutex::default(),
            power: Mutex::default(),
            services: Mutex::default(),
        };
        host.furnish(keys);
        host
    }

    /// All of `/` that is not the machine's own `/usr`.
    fn furnish(&self, keys: &Path) {
        for folder in [
            "usr",
            "proc",
            "dev",
            "sys",
            "run/sshd",
            "run/lock",
            "var/log",
            "root",
            "home",
            "mnt",
            "srv",
            "opt",
            "var/lib/stand/units",
            "etc/ssh",
            "etc/alternatives",
            "etc/pam.d",
            "etc/cron.d",
            "var/spool/cron/crontabs",
        ] {
            std::fs::create_dir_all(self.root.join(folder)).expect("a folder");
        }
        for folder in ["tmp", "var/tmp"] {
            let folder = self.root.join(folder);
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::set_permissions(folder, PermissionsExt::from_mode(0o1777)).expect("a mode");
        }
        for folder in ["bin", "sbin", "lib", "lib64"] {
            std::os::unix::fs::symlink(format!("usr/{folder}"), self.root.join(folder))
                .expect("a link");
        }
        let mut passwd = "root:*:0:0:root:/root:/bin/bash\nsshd:*:103:65534::/run/sshd:/usr/sbin/nologin\n\
            redis:*:105:105::/var/lib/redis:/usr/sbin/nologin\nnobody:*:65534:65534::/nonexistent:/usr/sbin/nologin\n"
            .to_owned();
        // The machine's groups, because programs of /usr belong to them.
        let mut group = std::fs::read_to_string("/etc/group").expect("groups");
        for (user, id) in self
            .users
            .iter()
            .zip(USERS - 1..)
            .filter(|(user, _)| *user != "root")
        {
            passwd.push_str(&format!("{user}:*:{id}:{id}::/home/{user}:/bin/bash\n"));
            group.push_str(&format!("{user}:*:{id}:\n"));
            let home = self.root.join("home").join(user);
            std::fs::create_dir_all(&home).expect("a home");
            chown(home, Some(id), Some(id)).expect("its owner");
        }
        let accepted = std::fs::read_to_string(keys.join("id_ed25519.pub")).expect("a key");
        for (path, text) in [
            ("/etc/passwd", passwd.as_str()),
            ("/etc/group", &group),
            (
                "/etc/nsswitch.conf",
                "passwd: files\ngroup: files\nhosts: files\n",
            ),
            (
                "/etc/hosts",
                &format!("127.0.0.1 localhost\n127.0.1.1 {}\n", self.name),
            ),
            ("/etc/hostname", &format!("{}\n", self.name)),
            (
                "/etc/crontab",
                "SHELL=/bin/sh\n17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly\n",
            ),
            (
                "/etc/pam.d/sudo",
                "auth sufficient pam_permit.so\naccount sufficient pam_permit.so\nsession sufficient pam_permit.so\n",
            ),
            ("/etc/ssh/authorized_keys", &accepted),
            (
                "/etc/ssh/sshd_config",
                &format!(
                    "ListenAddress {}\nPort {}\nHostKey /etc/ssh/host\nAuthorizedKeysFile /etc/ssh/authorized_keys\n\
                 StrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\n\
                 PermitRootLogin prohibit-password\nUseDNS no\n\
                 SetEnv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n",
                    self.address, self.port,
                ),
            ),
        ] {
            self.write(path, text);
        }
        self.sudoers("ALL");
        let key = self.root.join("etc/ssh/host");
        std::fs::copy(keys.join("host"), &key).expect("a key");
        std::fs::set_permissions(key, PermissionsExt::from_mode(0o600)).expect("a mode");
        let spool = self.root.join("var/spool/cron/crontabs");
        let group = group
            .lines()
            .find_map(|line| line.strip_prefix("crontab:x:"));
        let group = group.and_then(|line| line.trim_end_matches(':').parse().ok());
        chown(&spool, None, group).expect("its group");
        std::fs::set_permissions(spool, PermissionsExt::from_mode(0o1730)).expect("a mode");
        let local = self.state.join("local");
        for folder in ["bin", "sbin", "lib", "share"] {
            std::fs::create_dir_all(local.join(folder)).expect("a folder");
        }
        // What the kernel tells of the host, as files that are mounted over its own.
        self.booted(Duration::from_secs(2 * 86_400));
        let id = format!(
            "{:08x}-0000-4000-8000-{:012x}\n",
            std::process::id(),
            u64::from(self.port)
        );
        std::fs::write(self.state.join("boot_id"), id).expect("a file");
        std::fs::write(self.state.join("loadavg"), "0.20 0.20 0.20 1/200 1000\n").expect("a file");
        for unit in ["cron.service", "ssh.service"] {
            self.unit(unit, "active");
        }
    }

    /// Turns it on; returns before its sshd answers.
    pub(super) fn power_on(&self) {
        let (root, state) = (self.root.display(), self.state.display());
        let mounts = self.mounts.lock().expect("the lock");
        let mounts: String = mounts
            .iter()
            .map(|(at, from)| format!("mount --bind {} {root}{at}\n", from.display()))
            .collect();
        let script = format!(
            "mount --make-rprivate /\n\
             mount --bind {root} {root}\n\
             mount --bind /usr {root}/usr\n\
             mount -o remount,bind,ro {root}/usr\n\
             mount --bind {state}/local {root}/usr/local\n\
             mount --bind /etc/alternatives {root}/etc/alternatives\n\
             mount --bind /etc/ld.so.cache {root}/etc/ld.so.cache\n\
             mount --rbind /dev {root}/dev\n\
             mount --rbind /sys {root}/sys\n\
             mount -t proc proc {root}/proc\n\
             mount --bind {state}/boot_id {root}/proc/sys/kernel/random/boot_id\n\
             mount --bind {state}/uptime {root}/proc/uptime\n\
             mount --bind {state}/loadavg {root}/proc/loadavg\n\
             {mounts}\
             hostname {name}\n\
             exec chroot {root} /usr/sbin/sshd -D -e -f /etc/ssh/sshd_config\n",
            name = self.name,
        );
        drop(std::fs::File::create(self.root.join("etc/ld.so.cache")));
        let world = format!(
            "ip route del unreachable {0} 2>/dev/null || true\nip addr replace {0} dev lo\n",
            self.address
        );
        self.world.shell(&world);
        let sshd = self.world.start(
            &[
                "unshare",
                "--mount",
                "--pid",
                "--uts",
                "--ipc",
                "--fork",
                "--kill-child=KILL",
                "sh",
                "-e",
                "-c",
                &script,
            ],
            &self.state.join("sshd.log"),
        );
        let unshare = sshd.child.id();
        let children = format!("/proc/{unshare}/task/{unshare}/children");
        let begun = Instant::now();
        let init = loop {
            let text = std::fs::read_to_string(&children).unwrap_or_default();
            if let Some(init) = text.split(' ').next().and_then(|id| id.parse().ok()) {
                break init;
            }
            sshd.assert_within(begun, "a host has no first process");
            std::thread::sleep(Duration::from_millis(2));
        };
        *self.power.lock().expect("the lock") = Some(Power { sshd, init });
    }

    /// Waits until its sshd answers.
    pub(super) fn ready(&self) {
        let power = self.power.lock().expect("the lock");
        let power = power.as_ref().expect("a host that is on");
        self.world
            .answers(SocketAddr::new(self.address, self.port), &power.sshd);
    }

    /// A power cut: everything on it ends, and its neighbours say that nobody is at
    /// its address.
    pub(crate) fn power_off(&self) {
        self.services.lock().expect("the lock").clear();
        drop(self.power.lock().expect("the lock").take());
        self.world.shell(&format!(
            "ip addr del {0}/32 dev lo\nip route add unreachable {0}\n",
            self.address
        ));
    }

    /// Stops its sshd alone: connections are refused.
    pub(crate) fn stop_sshd(&self) {
        drop(self.power.lock().expect("the lock").take());
    }

    /// Where a path of the host is on this machine.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        assert!(path.starts_with('/'), "{path} is no path of a host");
        let mounts = self.mounts.lock().expect("the lock");
        for (at, from) in mounts.iter().rev() {
            if let Some(rest) = path.strip_prefix(at.as_str())
                && (rest.is_empty() || rest.starts_with('/'))
            {
                return from.join(rest.trim_start_matches('/'));
            }
        }
        self.root.join(path.trim_start_matches('/'))
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, content).expect("a file");
        self
    }

    /// Writes an executable file.
    pub(crate) fn script(&self, path: &str, content: &str) -> &Self {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        self.world.program(&path, content);
        self
    }

    /// What is in a file.
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).expect("a file")
    }

    /// Changes a file's text; it has to have been in it.
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) -> &Self {
        let text = self.read(path);
        assert!(text.contains(from), "{path} has no {from:?}: {text}");
        self.write(path, text.replace(from, to))
    }

    pub(crate) fn mode(&self, path: &str, mode: u32) -> &Self {
        std::fs::set_permissions(self.path(path), PermissionsExt::from_mode(mode)).expect("a mode");
        self
    }

    /// Gives a file, or a folder with all in it, to a user of the host.
    pub(crate) fn owner(&self, path: &str, user: &str) -> &Self {
        let done = self.run(&["chown", "-R", user, path]);
        assert!(done.status.success(), "{done:?}");
        self
    }

    /// Says when a file was last changed.
    pub(crate) fn changed(&self, path: &str, at: Timestamp) -> &Self {
        let file = std::fs::File::options().write(true).open(self.path(path));
        file.and_then(|file| file.set_modified(SystemTime::from(at)))
            .expect("a file of that age");
        self
    }

    /// Removes a file, or a folder with all in it.
    pub(crate) fn remove(&self, path: &str) -> &Self {
        let path = self.path(path);
        if path.is_dir() {
            std::fs::remove_dir_all(path).expect("a folder");
        } else {
            std::fs::remove_file(path).expect("a file");
        }
        self
    }

    /// The names in a folder, in order.
    pub(crate) fn list(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(path)).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    /// Since when it is up: what `/proc/uptime` tells.
    pub(crate) fn booted(&self, ago: Duration) -> &Self {
        let seconds = ago.as_secs();
        std::fs::write(
            self.state.join("uptime"),
            format!("{seconds}.00 {seconds}.00\n"),
        )
        .expect("a file");
        self
    }

    /// The host's own time zone: `Europe/Paris`. UTC when not told.
    pub(crate) fn zone(&self, name: &str) -> &Self {
        let at = self.root.join("etc/localtime");
        drop(std::fs::remove_file(&at));
        std::os::unix::fs::symlink(format!("/usr/share/zoneinfo/{name}"), at).expect("a link");
        self.write("/etc/timezone", format!("{name}\n"))
    }

    /// Mounts a folder of this machine, made when it is not there, on the host:
    /// two hosts that mount the same one share it.
    pub(crate) fn mount(&self, at: &str, from: &Path) -> &Self {
        std::fs::create_dir_all(from).expect("a folder");
        std::fs::create_dir_all(self.root.join(at.trim_start_matches('/'))).expect("a folder");
        self.in_mounts(&[
            "mount",
            "--bind",
            &from.display().to_string(),
            &format!("{}{at}", self.root.display()),
        ]);
        self.mounts
            .lock()
            .expect("the lock")
            .push((at.to_owned(), from.to_owned()));
        self
    }

    /// Takes a mount away; what was below it is there again.
    pub(crate) fn unmount(&self, at: &str) -> &Self {
        self.mounts
            .lock()
            .expect("the lock")
            .retain(|(known, _)| known != at);
        self.in_mounts(&["umount", &format!("{}{at}", self.root.display())]);
        self
    }

    fn in_mounts(&self, command: &[&str]) {
        let mut line = Command::new("nsenter");
        line.args(["--mount", "--target", &self.init().to_string()])
            .args(command);
        let done = self.world.output(line, Vec::new());
        assert!(done.status.success(), "{done:?}");
    }

    fn init(&self) -> u32 {
        self.power
            .lock()
            .expect("the lock")
            .as_ref()
            .expect("a host that is on")
            .init
    }

    /// Runs a program on the host, as root.
    pub(crate) fn run(&self, command: &[&str]) -> Output {
        self.run_with(&[], command, "")
    }

    /// The same with variables and an input.
    pub(crate) fn run_with(
        &self,
        variables: &[(&str, &str)],
        command: &[&str],
        input: impl Into<Vec<u8>>,
    ) -> Output {
        let mut line = Command::new("nsenter");
        line.args([
            "--mount",
            "--pid",
            "--uts",
            "--target",
            &self.init().to_string(),
            "chroot",
        ])
        .arg(&self.root)
        .args(command)
        .env_clear()
        .env("HOME", "/root")
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .envs(variables.iter().copied());
        self.world.output(line, input.into())
    }

    /// Runs a line of `sh` as a user of the host.
    pub(crate) fn run_as(&self, user: &str, line: &str) -> Output {
        let home = format!("HOME={}", Self::home(user));
        self.run(&[
            "setpriv",
            "--reuid",
            user,
            "--regid",
            user,
            "--init-groups",
            "env",
            &home,
            "sh",
            "-c",
            line,
        ])
    }

    pub(super) fn home(user: &str) -> String {
        match user {
            "root" => "/root".to_owned(),
            user => format!("/home/{user}"),
        }
    }

    /// Runs a program on the host that has to succeed, for what it prints.
    pub(crate) fn say(&self, command: &[&str]) -> String {
        let done = self.run(command);
        assert!(done.status.success(), "{command:?}: {done:?}");
        String::from_utf8(done.stdout).expect("text")
    }

    /// Starts a server on the host that runs until it is stopped, or the host is off.
    pub(crate) fn serve(&self, name: &str, command: &[&str]) {
        let init = self.init().to_string();
        let root = self.root.display().to_string();
        let line = [
            &["nsenter", "--mount", "--target", &init, "chroot", &root],
            command,
        ]
        .concat();
        let running = self
            .world
            .start(&line, &self.state.join(format!("{name}.log")));
        self.services
            .lock()
            .expect("the lock")
            .push((name.to_owned(), running));
    }

    /// Waits until a server of [`Self::serve`] takes connections there.
    pub(crate) fn served(&self, name: &str, port: u16) {
        let services = self.services.lock().expect("the lock");
        let (_, running) = services
            .iter()
            .find(|(known, _)| known == name)
            .expect("a server");
        self.world
            .answers(SocketAddr::new(self.address, port), running);
    }

    /// Waits until `met`; fails with the server's log.
    pub(crate) fn until(&self, name: &str, what: &str, met: impl Fn() -> bool) {
        let begun = Instant::now();
        while !met() {
            let services = self.services.lock().expect("the lock");
            let (_, running) = services
                .iter()
                .find(|(known, _)| known == name)
                .expect("a server");
            running.assert_within(begun, what);
            drop(services);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends a server.
    pub(crate) fn stop(&self, name: &str) {
        let mut services = self.services.lock().expect("the lock");
        let before = services.len();
        services.retain(|(known, _)| known != name);
        assert!(
            services.len() < before,
            "no server {name} runs on {}",
            self.name
        );
    }

    pub(super) fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// Puts one of the programs that are not real on the host: `docker`, `iscsiadm`, `k3s`,
    /// `kubectl`, `podman`, `zfs`, `zpool`.
    pub(crate) fn shim(&self, name: &str) -> &Self {
        let source = if name == "podman" { "docker" } else { name };
        let (_, text) = SHIMS
            .iter()
            .find(|(known, _)| *known == source)
            .expect("a shim");
        self.program(name, text);
        // Those of ZFS are called by their full names, and `/usr/sbin` is this machine's.
        if name.starts_with('z') {
            let sbin = self.root.join("sbin");
            if sbin.is_symlink() {
                std::fs::remove_file(&sbin).expect("a link");
                std::fs::create_dir(&sbin).expect("a folder");
            }
            let link = sbin.join(name);
            if !link.is_symlink() {
                std::os::unix::fs::symlink(format!("/usr/local/bin/{name}"), link).expect("a link");
            }
        }
        self
    }

    /// Puts a program of the test's own before those of `/usr/bin`.
    pub(crate) fn program(&self, name: &str, text: &str) -> &Self {
        let path = self.state.join("local/bin").join(name);
        self.world.program(&path, text);
        self
    }

    /// Takes a program of `/usr/local/bin` away.
    pub(crate) fn unshim(&self, name: &str) -> &Self {
        std::fs::remove_file(self.state.join("local/bin").join(name)).expect("a program");
        self
    }

    /// Writes what a shim answers from.
    pub(crate) fn answer(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        self.write(&format!("{ANSWERS}/{name}"), content)
    }

    /// A unit of systemd in a state of `ActiveState`: `active`, `inactive`, `failed`.
    pub(crate) fn unit(&self, name: &str, state: &str) -> &Self {
        let sub = match state {
            "active" => "running",
            "inactive" => "dead",
            other => other,
        };
        let result = if state == "failed" {
            "exit-code"
        } else {
            "success"
        };
        self.shim("systemctl").answer(
            &format!("units/{name}"),
            format!(
                "Id={name}\nNames={name}\nDescription={name}\nLoadState=loaded\nActiveState={state}\nSubState={sub}\n\
                 UnitFileState=enabled\nResult={result}\nNRestarts=0\nMainPID=0\nExecMainStatus=0\n"
            ),
        )
    }

    /// The crontab of a user, which `crontab -l` prints.
    pub(crate) fn crontab(&self, user: &str, lines: &str) -> &Self {
        let path = format!("/var/spool/cron/crontabs/{user}");
        self.write(&path, lines)
            .mode(&path, 0o600)
            .owner(&path, user)
    }

    /// What the login may do by `sudo`: `ALL`, or full names of programs. Nothing
    /// when empty.
    pub(crate) fn sudoers(&self, commands: &str) -> &Self {
        let line = match (commands, &self.users[1][..]) {
            ("", _) | (_, "root") => String::new(),
            (commands, user) => format!("{user} ALL=(ALL) NOPASSWD: {commands}\n"),
        };
        let text = format!("Defaults !lecture\nroot ALL=(ALL) NOPASSWD: ALL\n{line}");
        self.write("/etc/sudoers", text).mode("/etc/sudoers", 0o440)
    }
}
