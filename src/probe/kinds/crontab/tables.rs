//! All crontabs of a host, as far as they can be read.

use std::collections::BTreeMap;

use super::super::answer;
use super::lines::{Line, line};
use crate::transport::command::Output;

/// An entry, where it is, and whether cron takes the whole of that crontab.
pub(super) struct Entry {
    pub(super) place: String,
    pub(super) schedule: String,
    pub(super) command: String,
}

/// What all crontabs say, as far as they can be read.
#[derive(Default)]
pub(super) struct Read {
    pub(super) entries: Vec<Entry>,
    /// `/etc/cron.d/backup:3`
    pub(super) malformed: Vec<String>,
    pub(super) spoilt: Vec<String>,
    pub(super) unread: Vec<String>,
}

impl Read {
    pub(super) fn add(&mut self, place: &str, number: usize, text: &str, with_user: bool) {
        match line(text, with_user) {
            Line::Other => {}
            Line::Entry(schedule, command) => self.entries.push(Entry {
                place: place.to_owned(),
                schedule,
                command: command.to_owned(),
            }),
            Line::Malformed => {
                self.malformed.push(format!("{place}:{number}"));
                self.spoilt.push(place.to_owned());
            }
        }
    }

    pub(super) fn system(&mut self, status: u32, output: &Output) {
        let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
        for told in answer::stdout(output).lines() {
            let Some((place, text)) = told.split_once(':') else {
                self.unread.push(told.to_owned());
                continue;
            };
            if !is_crontab(place) {
                continue;
            }
            let number = numbers.entry(place.to_owned()).or_default();
            *number += 1;
            self.add(place, *number, text, true);
        }
        // A login shell may say something of its own.
        let told = answer::stderr(output);
        let complaints: Vec<&str> = told
            .lines()
            .filter(|line| line.contains("grep: "))
            .collect();
        if status > 1 && complaints.is_empty() {
            self.unread.push(format!("grep ended with status {status}"));
        }
        let absent = ["/etc/crontab: No such file", "/etc/cron.d: No such file"];
        let unread = complaints
            .into_iter()
            .filter(|complaint| !absent.iter().any(|words| complaint.contains(words)));
        self.unread.extend(unread.map(str::to_owned));
    }
}

/// What every cron reads: Debian's takes no other names, and none looks into
/// folders below.
fn is_crontab(path: &str) -> bool {
    let name = path.strip_prefix("/etc/cron.d/");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    path == "/etc/crontab" || name.is_some_and(|name| !name.is_empty() && name.bytes().all(plain))
}
