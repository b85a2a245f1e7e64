//! The table of processes, as each `ps` prints it.

use crate::probe::{Fault, FaultKind};

/// As many characters as Linux keeps of a name.
pub(super) const KERNELS: usize = 15;

/// Programs called `ps` differ in options, columns and units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Of Linux distributions.
    Procps,
    /// Knows neither `-e` nor widths.
    Busybox,
    /// Built without times, as Debian's.
    SmallBusybox,
    /// Of macOS.
    Mac,
}

const PROCPS: &[&str] = &[
    "ps", "-e", "-ww", "-o", "pid=", "-o", "ppid=", "-o", "stat=", "-o", "etime=", "-o", "rss=",
    "-o", "comm:64=", "-o", "args=",
];
const BUSYBOX: &[&str] = &["ps", "-o", "pid,ppid,stat,etime,rss,comm,args"];
const SMALL_BUSYBOX: &[&str] = &["ps", "-o", "pid,ppid,stat,rss,comm,args"];
const MAC: &[&str] = &[
    "ps", "-A", "-ww", "-o", "pid=", "-o", "ppid=", "-o", "stat=", "-o", "etime=", "-o", "rss=",
    "-o", "ucomm=", "-o", "command=",
];

impl Dialect {
    pub(super) fn args(self) -> &'static [&'static str] {
        match self {
            Self::Procps => PROCPS,
            Self::Busybox => BUSYBOX,
            Self::SmallBusybox => SMALL_BUSYBOX,
            Self::Mac => MAC,
        }
    }

    /// Width of the column with the name. Names hold blanks, so that only the
    /// width tells where the command line begins.
    fn width(self) -> usize {
        match self {
            Self::Procps => 64,
            // As MAXCOMLEN of macOS.
            Self::Busybox | Self::SmallBusybox | Self::Mac => 16,
        }
    }

    fn has_heading(self) -> bool {
        matches!(self, Self::Busybox | Self::SmallBusybox)
    }
}

/// A process.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row<'a> {
    pub(super) pid: u32,
    pub(super) ppid: u32,
    /// The state's letter, further ones after it.
    pub(super) state: &'a str,
    /// Absent where this `ps` does not tell it.
    pub(super) age_s: Option<f64>,
    pub(super) rss_bytes: Option<f64>,
    pub(super) name: &'a str,
    pub(super) command_line: &'a str,
}

impl Row<'_> {
    /// Whether coldstart runs it to look, or is it: `own` is its process where
    /// the host is its own. Over SSH the shell, `env` and `timeout` have the
    /// call of `ps` in their command lines; those of other checks look alike.
    pub(super) fn is_ours(&self, own: Option<u32>) -> bool {
        if own.is_some_and(|own| own == self.pid || own == self.ppid && self.name == "ps") {
            return true;
        }
        // The shell's has the words in quotes.
        let line = self.command_line.replace('\'', "");
        [PROCPS, BUSYBOX, SMALL_BUSYBOX, MAC]
            .iter()
            .any(|call| line.contains(&call.join(" ")))
    }
}

/// Every process of a table.
pub(super) fn parse(dialect: Dialect, text: &str) -> Result<Vec<Row<'_>>, Fault> {
    let odd = |line: &str| {
        // Not the rest of it, which is a command line.
        let shown: String = line.chars().take(24).collect();
        Fault::new(FaultKind::Protocol, format!("ps printed {shown:?}…"))
    };
    let mut lines = text.lines();
    if dialect.has_heading() {
        match lines.next() {
            Some(heading) if heading.trim_start().starts_with("PID") => {}
            first => return Err(odd(first.unwrap_or_default())),
        }
    }
    let rows: Vec<Row<'_>> = lines
        .filter(|line| !line.trim().is_empty())
        .map(|line| row(dialect, line).ok_or_else(|| odd(line)))
        .collect::<Result<_, Fault>>()?;
    // It is a process itself, so that no table is empty.
    if rows.is_empty() || !text.ends_with('\n') {
        return Err(Fault::new(
            FaultKind::Protocol,
            "ps printed no whole table of processes",
        ));
    }
    Ok(rows)
}

fn row(dialect: Dialect, line: &str) -> Option<Row<'_>> {
    let mut rest = line;
    let pid = word(&mut rest)?.parse().ok()?;
    let ppid = word(&mut rest)?.parse().ok()?;
    let state = word(&mut rest)?;
    if !state.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        return None;
    }
    // A nice process of busybox is `S <` or `S N`.
    if dialect.has_heading() {
        for nice in [" < ", " N "] {
            let after = rest.trim_start_matches(' ');
            if after.starts_with(nice.trim_start()) {
                rest = &after[1..];
            }
        }
    }
    let age_s = match dialect {
        Dialect::SmallBusybox => None,
        Dialect::Procps | Dialect::Busybox | Dialect::Mac => {
            let told = word(&mut rest)?;
            if told != "-" && seconds(told).is_none() {
                return None;
            }
            seconds(told)
        }
    };
    let told = word(&mut rest)?;
    let rss_bytes = kibibytes(told);
    if told != "-" && rss_bytes.is_none() {
        return None;
    }
    // One blank between two columns.
    let rest = rest.get(1..)?;
    let (name, command_line) = match rest.get(..dialect.width()) {
        Some(name) => (name, rest.get(dialect.width() + 1..).unwrap_or_default()),
        None => (rest, ""),
    };
    let name = name.trim_end();
    Some(Row {
        pid,
        ppid,
        state,
        age_s,
        rss_bytes,
        name: name.strip_suffix(" <defunct>").unwrap_or(name),
        command_line: command_line.trim_end(),
    })
}

fn word<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let text = rest.trim_start_matches(' ');
    let end = text.find(' ').unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    *rest = after;
    (!word.is_empty()).then_some(word)
}

/// `[[days-]hours:]minutes:seconds`; busybox: `minutes:seconds`, `3h07`, `12d03`.
fn seconds(told: &str) -> Option<f64> {
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse::<u32>().ok().map(f64::from))?
    };
    if let Some((days, hours)) = told.split_once('d') {
        return Some(number(days)? * 86_400.0 + number(hours)? * 3600.0);
    }
    if let Some((hours, minutes)) = told.split_once('h') {
        return Some(number(hours)? * 3600.0 + number(minutes)? * 60.0);
    }
    let (days, clock) = match told.split_once('-') {
        Some((days, clock)) => (number(days)?, clock),
        None => (0.0, told),
    };
    let parts: Vec<f64> = clock.split(':').map(number).collect::<Option<_>>()?;
    let clock = match parts[..] {
        [hours, minutes, seconds] => hours * 3600.0 + minutes * 60.0 + seconds,
        [minutes, seconds] => minutes * 60.0 + seconds,
        _ => return None,
    };
    Some(days * 86_400.0 + clock)
}

/// Bytes of `1824`, which counts kibibytes, and of busybox's `16m` and `1.2g`.
fn kibibytes(told: &str) -> Option<f64> {
    let (digits, scale) = match told.as_bytes().last()? {
        b'm' => (told.get(..told.len() - 1)?, 1024.0 * 1024.0),
        b'g' => (told.get(..told.len() - 1)?, 1024.0 * 1024.0 * 1024.0),
        b't' => (
            told.get(..told.len() - 1)?,
            1024.0 * 1024.0 * 1024.0 * 1024.0,
        ),
        _ => (told, 1024.0),
    };
    let plain = digits.starts_with(|first: char| first.is_ascii_digit())
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    plain
        .then(|| digits.parse::<f64>().ok())?
        .map(|number| number * scale)
}
