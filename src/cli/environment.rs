//! What the environment of the program says about the operator.

use std::env;
use std::path::{Path, PathBuf};

use crate::engine::SshEnvironment;

/// What SSH needs to know of this machine; `config` replaces the user's and
/// the system's configuration.
pub(super) fn ssh(config: Option<PathBuf>) -> SshEnvironment {
    SshEnvironment {
        home: env::home_dir().filter(|home| home.is_absolute()),
        user: env::var("USER")
            .or_else(|_| env::var("LOGNAME"))
            .ok()
            .filter(|user| !user.is_empty()),
        agent: env::var_os("SSH_AUTH_SOCK")
            .filter(|socket| !socket.is_empty())
            .map(PathBuf::from),
        known_hosts: ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"]
            .map(PathBuf::from)
            .into(),
        program: program("ssh"),
        config,
    }
}

/// Where runs are remembered when nobody says where; nothing without a home.
pub(super) fn state() -> Option<PathBuf> {
    let home = || env::home_dir().filter(|home| home.is_absolute());
    let folder = if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library/Application Support"))
    } else {
        // The standard wants what is not absolute to be passed over.
        env::var_os("XDG_STATE_HOME")
            .map(PathBuf::from)
            .filter(|folder| folder.is_absolute())
            .or_else(|| home().map(|home| home.join(".local/state")))
    };
    folder.map(|folder| folder.join("coldstart/state.db"))
}

/// Whether terminals of this kind can be drawn on: a cursor can be moved.
pub(super) fn can_draw() -> bool {
    env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// Where the steps of a GitHub Actions job add to its summary.
pub(super) fn step_summary() -> Option<PathBuf> {
    env::var_os("GITHUB_STEP_SUMMARY")
        .filter(|file| !file.is_empty())
        .map(PathBuf::from)
}

/// Where systemd finds the units of this user; nothing without a home.
pub(super) fn user_units() -> Option<PathBuf> {
    env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(|| {
            let home = env::home_dir().filter(|home| home.is_absolute())?;
            Some(home.join(".config"))
        })
        .map(|folder| folder.join("systemd/user"))
}

/// Where `$PATH` has a program of that name.
pub(super) fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
