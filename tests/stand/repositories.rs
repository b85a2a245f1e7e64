//! Real repositories of restic, and remotes of rclone.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex};
use std::time::Instant;

use jiff::Timestamp;

use super::host::Host;
use super::key;
use super::world::HANG;

/// A snapshot to be in a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Snapshot {
    pub(crate) at: Timestamp,
    pub(crate) host: String,
    /// What was backed up; made on the host when it is not there.
    pub(crate) path: String,
    pub(crate) tags: Vec<String>,
}

impl Snapshot {
    pub(crate) fn new(host: &str, path: &str, at: Timestamp) -> Self {
        Self {
            at,
            host: host.to_owned(),
            path: path.to_owned(),
            tags: Vec::new(),
        }
    }
}

/// Files by their path below a folder.
type Files = Vec<(PathBuf, Vec<u8>)>;

/// Repositories by password and what is in them. Making one costs a second or two; writing it
/// once more costs nothing.
static MADE: LazyLock<Mutex<HashMap<String, Files>>> = LazyLock::new(Mutex::default);

fn keep(folder: &Path) -> Files {
    let (mut files, mut waiting) = (Files::new(), vec![folder.to_owned()]);
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let below = path.strip_prefix(folder).expect("a file below").to_owned();
                files.push((below, std::fs::read(path).expect("a file")));
            }
        }
    }
    files
}

fn write(files: &Files, to: &Path) {
    // Folders that are empty in a fresh repository, and looked for nevertheless.
    for folder in ["data", "index", "keys", "locks", "snapshots"] {
        std::fs::create_dir_all(to.join(folder)).expect("a folder");
    }
    for (below, bytes) in files {
        let path = to.join(below);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }
}

impl Host {
    /// A repository at a path with these snapshots, the oldest first. The password is not
    /// written anywhere: that is the test's to do, as the baseline wants it.
    pub(crate) fn restic(&self, path: &str, password: &str, snapshots: &[Snapshot]) -> &Self {
        // To the minute, so that a stand made a second later takes the same one.
        let told = snapshots.iter().map(|each| {
            let minute = each.at.as_second() / 60;
            format!("{minute} {} {} {:?}\n", each.host, each.path, each.tags)
        });
        let key = format!("{password}\n{}", told.collect::<String>());
        let mut made = MADE.lock().expect("the lock");
        if let Some(known) = made.get(&key) {
            write(known, &self.path(path));
            return self;
        }
        let empty = format!("{password}\n");
        if let Some(known) = made.get(&empty) {
            write(known, &self.path(path));
        } else {
            self.restic_run(path, password, &["init", "-q"]);
            key::cheapen(&self.path(path), password);
            made.insert(empty.clone(), keep(&self.path(path)));
        }
        for snapshot in snapshots {
            if !self.path(&snapshot.path).exists() {
                self.write(&format!("{}/some", snapshot.path), "some data\n");
            }
            let at = snapshot.at.strftime("%Y-%m-%d %H:%M:%S").to_string();
            let mut args = vec![
                "backup",
                "-q",
                "--host",
                &snapshot.host,
                "--time",
                &at,
                &snapshot.path,
            ];
            for tag in &snapshot.tags {
                args.extend(["--tag", tag]);
            }
            self.restic_run(path, password, &args);
        }
        if key != empty {
            made.insert(key, keep(&self.path(path)));
        }
        self
    }

    fn restic_run(&self, path: &str, password: &str, args: &[&str]) {
        let line = [&["restic", "--no-cache", "-r", path], args].concat();
        let done = self.run_with(&[("RESTIC_PASSWORD", password), ("TZ", "UTC")], &line, "");
        assert!(done.status.success(), "{line:?}: {done:?}");
    }

    /// Leaves a lock in a repository, as a backup does that was killed.
    pub(crate) fn restic_lock(&self, path: &str, password: &str) -> &Self {
        let repository = self.path(path);
        let mut child = Command::new("restic")
            .args(["--no-cache", "-q", "backup", "--stdin", "-r"])
            .arg(&repository)
            .env("RESTIC_PASSWORD", password)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("restic");
        let begun = Instant::now();
        // Written under another name, and renamed when it is whole.
        let is_lock = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.is_ok_and(|entry| entry.file_name().len() == 64)
        };
        while !std::fs::read_dir(repository.join("locks"))
            .expect("a repository")
            .any(is_lock)
        {
            assert!(begun.elapsed() < HANG, "restic does not lock {path}");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        drop(child.kill());
        drop(child.wait());
        self
    }

    /// A remote of rclone by that name, which is a folder of the host, in the configuration
    /// of a user.
    pub(crate) fn rclone(&self, user: &str, remote: &str, folder: &str) -> &Self {
        let home = Self::home(user);
        let path = format!("{home}/.config/rclone/rclone.conf");
        std::fs::create_dir_all(self.path(folder)).expect("a folder");
        let before = std::fs::read_to_string(self.path(&path)).unwrap_or_default();
        self.write(
            &path,
            format!("{before}[{remote}]\ntype = alias\nremote = {folder}\n\n"),
        );
        self.owner(&format!("{home}/.config"), user)
    }
}
