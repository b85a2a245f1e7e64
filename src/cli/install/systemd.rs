//! A service that runs the monitor once, and the timer that starts it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Monitor;
use crate::cli::args::{Every, Units};
use crate::cli::exit::Exit;
use crate::cli::output::{print, tell};
use crate::cli::{environment, whole};
use crate::engine::SecretRef;

/// The first line of each file: without it, a file is somebody's own.
const MARK: &str = "# Written by `coldstart install systemd`; --remove takes it away.\n";

/// From the deadline to the moment when systemd ends what the program's own
/// watchdog did not.
const MARGIN: Duration = Duration::from_secs(60);

pub(super) fn install(arguments: &Units) -> Result<Exit, Exit> {
    let installation = &arguments.installation;
    let service = format!("coldstart-{}.service", installation.name);
    let timer = format!("coldstart-{}.timer", installation.name);
    if installation.remove {
        return remove(arguments, &service, &timer);
    }
    if let Some(user) = &arguments.run_as
        && installation.state.state.is_none()
    {
        // The one that is built in is below the home of whoever installs.
        return Err(super::usage(&format!(
            "with --as, say by --state where {user} may remember runs"
        )));
    }
    let monitor = Monitor::new(installation)?;
    warn_of_secrets(&monitor, &service);
    let files = [
        (&service, service_unit(arguments, &monitor)),
        (&timer, timer_unit(installation.every, &monitor)),
    ];
    if !installation.apply {
        let [(_, service_text), (_, timer_text)] = &files;
        let text = format!("# {service}\n{service_text}\n# {timer}\n{timer_text}");
        return Ok(print(&text, Exit::Done));
    }
    // Where the service is shut in, it cannot even make the folder of its state.
    monitor.require_folders(installation, true)?;
    let folder = folder(arguments)?;
    for (name, _) in &files {
        own(&folder.join(name))?;
    }
    let mut is_new = false;
    for (name, text) in &files {
        let path = folder.join(name);
        if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
            continue;
        }
        is_new = true;
        let written = fs::create_dir_all(&folder)
            .map_err(|error| error.to_string())
            .and_then(|()| whole::replace(&path, text, Some(0o644)));
        if let Err(problem) = written {
            tell(&format!(
                "coldstart: {} was not written: {problem}",
                path.display()
            ));
            return Err(Exit::Failed);
        }
    }
    if arguments.units.is_none() {
        if is_new {
            systemctl(arguments, &["daemon-reload"])?;
        }
        systemctl(arguments, &["enable", "--now", &timer])?;
    }
    let text = if is_new {
        format!("{timer} and its service are in {}\n", folder.display())
    } else {
        format!(
            "{timer} and its service are in {} already\n",
            folder.display()
        )
    };
    Ok(print(&text, Exit::Done))
}

fn remove(arguments: &Units, service: &str, timer: &str) -> Result<Exit, Exit> {
    let folder = folder(arguments)?;
    let mut there = Vec::new();
    for name in [timer, service] {
        let path = folder.join(name);
        if own(&path)? {
            there.push(path);
        }
    }
    if there.is_empty() {
        let text = format!("{} has no such units\n", folder.display());
        return Ok(print(&text, Exit::Done));
    }
    if arguments.units.is_none() {
        systemctl(arguments, &["disable", "--now", timer])?;
    }
    for path in there {
        if let Err(error) = fs::remove_file(&path) {
            tell(&format!(
                "coldstart: {} was not removed: {error}",
                path.display()
            ));
            return Err(Exit::Failed);
        }
    }
    if arguments.units.is_none() {
        systemctl(arguments, &["daemon-reload"])?;
    }
    let text = format!("{timer} and its service are out of {}\n", folder.display());
    Ok(print(&text, Exit::Done))
}

fn folder(arguments: &Units) -> Result<PathBuf, Exit> {
    if let Some(folder) = &arguments.units {
        return Ok(folder.clone());
    }
    if !arguments.user {
        return Ok(PathBuf::from("/etc/systemd/system"));
    }
    environment::user_units().ok_or_else(|| {
        tell("coldstart: no home is known for units of this user: name a folder by --units");
        Exit::Failed
    })
}

/// Whether there is a file of ours at `path`.
fn own(path: &Path) -> Result<bool, Exit> {
    let problem = match fs::read(path) {
        Ok(text) if text.starts_with(MARK.as_bytes()) => return Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Ok(_) => "was not written by coldstart: give the monitor another --name".to_owned(),
        Err(error) => format!("cannot be read: {error}"),
    };
    tell(&format!(
        "coldstart: {} {problem}; it is left as it is",
        path.display()
    ));
    Err(Exit::Failed)
}

fn systemctl(arguments: &Units, command: &[&str]) -> Result<(), Exit> {
    let scope: &[&str] = if arguments.user { &["--user"] } else { &[] };
    let shown = format!("systemctl {}", [scope, command].concat().join(" "));
    let problem = match environment::program("systemctl") {
        None => "there is no such program in PATH".to_owned(),
        Some(program) => match Command::new(program).args(scope).args(command).output() {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        },
    };
    tell(&format!("coldstart: `{shown}` failed: {problem}"));
    Err(Exit::Failed)
}

fn warn_of_secrets(monitor: &Monitor, service: &str) {
    for secret in monitor.secrets() {
        let (kind, name, setting) = match secret {
            SecretRef::Env(name) => ("env", name, "EnvironmentFile="),
            SecretRef::Credential(name) => ("credential", name, "LoadCredential="),
            SecretRef::File(_) => continue,
        };
        tell(&format!(
            "coldstart: warning: the baseline wants the secret `{kind}:{name}`, which the service \
             does not have: give it by `{setting}` in `systemctl edit {service}`"
        ));
    }
}

fn service_unit(arguments: &Units, monitor: &Monitor) -> String {
    let words: Vec<String> = monitor.command.iter().map(|word| quoted(word)).collect();
    let timeout = (monitor.deadline + MARGIN).as_secs();
    let mut unit = format!(
        "{MARK}[Unit]\n\
         Description=coldstart monitor of {}\n",
        monitor.plan.name
    );
    if !arguments.user {
        unit += "Wants=network-online.target\nAfter=network-online.target\n";
    }
    unit += &format!(
        "\n[Service]\n\
         Type=oneshot\n\
         ExecStart={}\n\
         # DEGRADED, BLOCKED, and another run under way are no failures of the service.\n\
         SuccessExitStatus=1 2 75\n\
         TimeoutStartSec={timeout}\n\
         UMask=0022\n\
         Nice=5\n\
         NoNewPrivileges=yes\n\
         LockPersonality=yes\n\
         MemoryDenyWriteExecute=yes\n\
         RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK\n\
         RestrictNamespaces=yes\n\
         RestrictRealtime=yes\n\
         RestrictSUIDSGID=yes\n\
         SystemCallArchitectures=native\n",
        words.join(" ")
    );
    if let Some(user) = &arguments.run_as {
        // For ping, where the kernel lets nobody else.
        unit += &format!(
            "User={user}\n\
             AmbientCapabilities=CAP_NET_RAW\n\
             CapabilityBoundingSet=CAP_NET_RAW\n"
        );
    }
    if monitor.plan.hosts.iter().any(|host| host.local) {
        unit += "# No ProtectSystem= and the like: checks of this machine would see the service's\n\
                 # own read-only mounts instead of the machine's.\n";
    } else if !arguments.user {
        unit += "ProtectSystem=strict\n\
                 ProtectHome=read-only\n\
                 ProtectKernelTunables=yes\n\
                 ProtectKernelModules=yes\n\
                 ProtectControlGroups=yes\n\
                 PrivateDevices=yes\n";
        for folder in &monitor.folders {
            let folder = folder.display().to_string();
            unit += &format!("ReadWritePaths={}\n", quoted(&folder));
        }
    }
    unit
}

fn timer_unit(every: Every, monitor: &Monitor) -> String {
    let calendar = match every {
        Every::Minutes(minutes) => format!("*-*-* *:00/{minutes}:00"),
        Every::Hours(24) => "*-*-* 00:00:00".to_owned(),
        Every::Hours(hours) => format!("*-*-* 00/{hours}:00:00"),
    };
    format!(
        "{MARK}[Unit]\n\
         Description=coldstart monitor of {}\n\
         \n\
         [Timer]\n\
         OnBootSec=2min\n\
         OnCalendar={calendar}\n\
         Persistent=yes\n\
         AccuracySec=1s\n\
         \n\
         [Install]\n\
         WantedBy=timers.target\n",
        monitor.plan.name
    )
}

/// One word of `ExecStart=`.
fn quoted(word: &str) -> String {
    let word = word
        // It begins a specifier.
        .replace('%', "%%")
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('$', "$$");
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=,+@%$".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word
    } else {
        format!("\"{word}\"")
    }
}

#[cfg(test)]
mod tests;
