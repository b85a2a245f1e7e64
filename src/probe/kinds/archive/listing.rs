//! The files of a folder that are of a pattern, without reading them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::answer;
use super::super::dated::Dated;
use crate::probe::{Context, Fault, FaultKind, Host};
use crate::transport::command::{Exit, Output};

/// A file as its folder has it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::probe::kinds) struct Found {
    pub(in crate::probe::kinds) name: String,
    pub(in crate::probe::kinds) bytes: u64,
    pub(in crate::probe::kinds) modified: Timestamp,
    /// What its name tells, with the help of `modified`.
    pub(in crate::probe::kinds) at: Timestamp,
}

/// Where files of a pattern are looked for.
#[derive(Debug)]
pub(in crate::probe::kinds) struct Shelf {
    pub(in crate::probe::kinds) folder: String,
    pub(in crate::probe::kinds) dated: Dated,
    pub(in crate::probe::kinds) sudo: bool,
}

/// As much of names as one command is given: a shell takes 128 KiB.
const NAMES: usize = 32 << 10;

impl Shelf {
    /// `path` is that of the files; the last part of it is the pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(in crate::probe::kinds) fn new(
        path: &str,
        format: &str,
        sudo: bool,
    ) -> Result<Self, String> {
        if !path.starts_with('/') {
            return Err(format!("{path:?} is not an absolute path"));
        }
        if path.contains(['\n', '\r', '\0']) {
            return Err("a path is one line".to_owned());
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or_default();
        if name.is_empty() {
            return Err(format!("{path:?} names a folder, and no file in it"));
        }
        if folder.contains('*') || folder.contains("{date}") {
            return Err(format!(
                "{path:?}: `*` and `{{date}}` may only be in the last part of a path"
            ));
        }
        let folder = if folder.is_empty() { "/" } else { folder };
        Ok(Self {
            folder: folder.to_owned(),
            dated: Dated::new(name, format)?,
            sudo,
        })
    }

    /// The path of a file in the folder.
    pub(in crate::probe::kinds) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder.trim_end_matches('/'))
    }

    fn with_rights(&self, args: &[&str]) -> Vec<String> {
        with_rights(self.sudo, args)
    }

    fn find(&self) -> Vec<String> {
        // `-H`: the folder itself may be a link.
        self.with_rights(&[
            "find",
            "-H",
            &self.folder,
            "-maxdepth",
            "1",
            "-type",
            "f",
            "-name",
            self.dated.glob(),
        ])
    }

    /// Size, seconds of the last change, name: GNU's `find`.
    pub(in crate::probe::kinds) fn list(&self) -> Vec<String> {
        let mut args = self.find();
        args.extend(["-printf", "%s %T@ %f\\n"].map(str::to_owned));
        args
    }

    fn stat(&self, bsd: bool, paths: &[String]) -> Vec<String> {
        let mut args = self.with_rights(&if bsd {
            ["stat", "-f", "%z %m %N"]
        } else {
            ["stat", "-c", "%s %Y %n"]
        });
        args.extend(paths.iter().cloned());
        args
    }

    /// The files, the oldest first; nothing when there is no such folder.
    ///
    /// # Errors
    /// The fault of the host's connection, `Denied` for a folder that may not
    /// be looked at, `Protocol` for what cannot be understood.
    pub(in crate::probe::kinds) async fn look(
        &self,
        context: &Context,
        zone: &TimeZone,
    ) -> Result<Option<Vec<Found>>, Fault> {
        let host = context.host()?;
        let listed = self.listed(context, self.list()).await?;
        let printed = if answer::stderr(&listed).contains("-printf") {
            let found = self.listed(context, self.find()).await?;
            if !self.is_there(&found, host)? {
                return Ok(None);
            }
            self.stats(context, &answer::stdout(&found)).await?
        } else if self.is_there(&listed, host)? {
            answer::stdout(&listed)
        } else {
            return Ok(None);
        };
        let mut copies = printed
            .lines()
            .map(|line| self.read(line, zone))
            .collect::<Option<Vec<Option<Found>>>>()
            .ok_or_else(|| {
                Fault::new(
                    FaultKind::Protocol,
                    format!("what lists {} printed no sizes and times", self.folder),
                )
                .hint("a file there whose name has a line break in it has to be renamed: `ls -b` shows it")
            })?
            .into_iter()
            .flatten()
            .collect::<Vec<Found>>();
        copies.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
        Ok(Some(copies))
    }

    /// What a list prints, all of it.
    async fn listed(&self, context: &Context, args: Vec<String>) -> Result<Output, Fault> {
        let command = answer::command(&context.transports.policy, args)?;
        let output = context.exec_capped(&command).await?;
        if output.exit == Exit::Unknown && output.truncated {
            let seen = format!(
                "{} on {} has more files of the pattern than the 1 MiB of their names that are kept",
                self.folder,
                answer::place(context.host()?)
            );
            return Err(Fault::new(FaultKind::Protocol, seen)
                .hint("make the pattern narrower: `backup_{date}.sql.gz` in the place of `*`; or remove what is too old"));
        }
        Ok(output)
    }

    /// For a `find` that cannot print what we ask: busybox's and the BSDs'.
    async fn stats(&self, context: &Context, paths: &str) -> Result<String, Fault> {
        let policy = &context.transports.policy;
        let host = context.host()?;
        let mut chunks: Vec<Vec<String>> = Vec::new();
        let mut room = 0;
        let is_ours = |path: &&str| {
            let name = path.rsplit('/').next().unwrap_or_default();
            self.dated.read(name, &TimeZone::UTC).is_some()
        };
        for path in paths.lines().filter(is_ours) {
            if path.len() + 1 > room {
                chunks.push(Vec::new());
                room = NAMES;
            }
            room = room.saturating_sub(path.len() + 3);
            if let Some(chunk) = chunks.last_mut() {
                chunk.push(path.to_owned());
            }
        }
        let (mut printed, mut bsd) = (String::new(), false);
        for chunk in chunks {
            let mut output = context
                .exec(&answer::command(policy, self.stat(bsd, &chunk))?)
                .await?;
            let status = answer::status(&output, self.program("stat"), host)?;
            if !bsd && status != 0 && output.stdout.is_empty() {
                bsd = true;
                output = context
                    .exec(&answer::command(policy, self.stat(bsd, &chunk))?)
                    .await?;
            }
            // One that was removed meanwhile is no trouble: the others are told.
            if answer::status(&output, self.program("stat"), host)? != 0 && output.stdout.is_empty()
            {
                return Err(unseen(&self.folder, &output, self.sudo));
            }
            printed.push_str(&answer::stdout(&output));
        }
        Ok(printed)
    }

    fn program<'a>(&self, program: &'a str) -> &'a str {
        if self.sudo { "sudo" } else { program }
    }

    /// Whether there is a folder that could be looked at.
    fn is_there(&self, output: &Output, host: &Host) -> Result<bool, Fault> {
        if answer::status(output, self.program("find"), host)? == 0 {
            return Ok(true);
        }
        let complaint = answer::stderr(output);
        let absent = ["No such file or directory", "Not a directory"];
        if absent.iter().any(|words| complaint.contains(words)) && output.stdout.is_empty() {
            return Ok(false);
        }
        Err(unseen(&self.folder, output, self.sudo))
    }

    /// A line of the list. The outer option is none for a line that is no such
    /// line, the inner for a file of another name.
    fn read(&self, line: &str, zone: &TimeZone) -> Option<Option<Found>> {
        let mut fields = line.splitn(3, ' ');
        let (bytes, modified, path) = (fields.next()?, fields.next()?, fields.next()?);
        let bytes = bytes.parse().ok()?;
        let seconds = modified.split('.').next()?.parse().ok()?;
        let modified = Timestamp::from_second(seconds).ok()?;
        let name = path.rsplit('/').next().unwrap_or(path);
        Some(self.dated.read(name, zone).map(|moment| Found {
            name: name.to_owned(),
            bytes,
            modified,
            at: moment.with_change(modified),
        }))
    }
}

/// The arguments, by `sudo -n` where that is asked for.
pub(in crate::probe::kinds) fn with_rights(sudo: bool, args: &[&str]) -> Vec<String> {
    let before: &[&str] = if sudo { &["sudo", "-n"] } else { &[] };
    before.iter().chain(args).map(ToString::to_string).collect()
}

/// Why `path` cannot be looked at.
pub(in crate::probe::kinds) fn unseen(path: &str, output: &Output, sudo: bool) -> Fault {
    let complaint = answer::complaint(output);
    if answer::stderr(output).contains("ermission denied") {
        let fault = Fault::new(
            FaultKind::Denied,
            format!("{path} may not be looked at: {complaint}"),
        );
        return if sudo {
            fault
        } else {
            fault.hint("give the login the right to read it, or write `sudo: true`")
        };
    }
    Fault::new(
        FaultKind::Protocol,
        format!("{path} cannot be looked at: {complaint}"),
    )
}
