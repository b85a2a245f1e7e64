//! `sqlite`: an SQLite file of a host is sound.

mod answers;
mod facts;

use schemars::JsonSchema;
use serde::Deserialize;

use self::answers::{Beside, Header, Opened, integrity, rows};
use super::archive::listing::{Found, Shelf, with_rights};
use super::dated::{self, Dated, HostClock};
use super::{answer, file};
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target,
};
use crate::transport::command::{Output, ReadOnlyCommand};
use crate::transport::postgres::statement;

/// Asks SQLite for the integrity of a file, on its own host, by `sqlite3` 3.37 or
/// newer (`-readonly -safe`): it can neither write nor run what is no SQL. With
/// `{date}` in the path it is the newest of such files, as of `archive`.
///
/// No way to open an SQLite file only reads in every state of it, so that the state
/// decides:
///
/// - with a rollback journal, `mode=ro`: it waits for writers and writes nothing. With
///   the journal of a change that was cut off, SQLite refuses to read;
/// - with a write-ahead log that somebody has open, or that a crash has left,
///   `mode=ro&readonly_shm=1`: it sees what is in the log. `mode=ro` alone would make
///   `-shm` and `-wal` files where there are none, and write into them;
/// - with a write-ahead log that nobody has open, `immutable=1`: there is no `-wal` to
///   see, at most a `-shm` that a crash or a copy left, and no other way leaves no files
///   behind. It takes no locks, which is why it
///   is not used for a file that is in use: pages change while they are read.
///
/// A log without its `-shm` beside it, as in a copy, can only be read by one who may
/// write: that is a fault.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sqlite {
    /// The file, or `/backup/db-{date}.sqlite` for the newest of several. Links are
    /// passed over.
    #[schemars(extend("pattern" = "^/"))]
    path: String,
    /// How the date is written, as `date` has it: `%Y %y %m %d %j %H %M %S %s %F %R %T`.
    #[serde(default = "usual_date")]
    date: String,
    /// The time zone of the dates in names: `Asia/Taipei`. The host's own, as far as
    /// it is from UTC now, when left out.
    #[serde(default)]
    zone: Option<String>,
    /// `full` also holds the indexes against their tables and looks at unique values;
    /// `quick` leaves that out, and takes time in proportion to the file.
    #[serde(default)]
    check: Check,
    /// A statement that reads: it begins with SELECT, WITH or VALUES. At most 100 rows
    /// of its answer are looked at.
    #[serde(default)]
    query: Option<String>,
    /// Look and read by `sudo -n`.
    #[serde(default)]
    sudo: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "SqliteCheck")]
enum Check {
    /// `PRAGMA integrity_check`.
    #[default]
    Full,
    /// `PRAGMA quick_check`.
    Quick,
}

impl Check {
    fn statement(self) -> &'static str {
        match self {
            Self::Full => "PRAGMA integrity_check",
            Self::Quick => "PRAGMA quick_check",
        }
    }
}

fn usual_date() -> String {
    "%Y%m%d".to_owned()
}

/// As much of a file as has its header.
const HEADER: usize = 100;
/// Rows that are looked at.
const MOST_ROWS: usize = 100;

/// `?` and `#` end the path of such an address, and `%` begins a byte.
fn address(path: &str, opened: Opened) -> String {
    let path = path
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    format!("file:{path}?{}", opened.options())
}

impl Sqlite {
    fn shelf(&self) -> Result<Shelf, String> {
        Shelf::new(&self.path, &self.date, self.sudo)
    }

    fn header(&self, path: &str) -> Vec<String> {
        with_rights(self.sudo, &["head", "-c", &HEADER.to_string(), path])
    }

    /// Prints those that are there once, and those that are not empty once more.
    fn companions(&self, path: &str) -> Vec<String> {
        let [wal, shm] = ["-wal", "-shm"].map(|end| format!("{path}{end}"));
        let tests = [
            "-maxdepth",
            "0",
            "-type",
            "f",
            "-print",
            "-size",
            "+0",
            "-print",
        ];
        let args = [&["find", &wal, &shm][..], &tests].concat();
        with_rights(self.sudo, &args)
    }

    /// What SQLite gets. Settings of the login (`~/.sqliterc`) are left out.
    fn ask(&self, path: &str, opened: Opened, statement: &str) -> Vec<String> {
        let address = address(path, opened);
        let args = [
            "sqlite3",
            "-readonly",
            "-safe",
            "-json",
            "-init",
            "/dev/null",
        ];
        let args = [&args[..], &[&address, statement]].concat();
        with_rights(self.sudo, &args)
    }

    /// One row more than is looked at, so that more are noticed.
    fn query(&self) -> Option<String> {
        let query = self.query.as_deref()?.trim().trim_end_matches(';');
        let line: Vec<&str> = query.lines().map(str::trim).collect();
        Some(format!(
            "SELECT * FROM ({}) LIMIT {}",
            line.join(" "),
            MOST_ROWS + 1
        ))
    }

    /// What is sent, with the pattern in the place of the newest file's name.
    fn commands(&self) -> Vec<Vec<String>> {
        let mut all = vec![dated::clock()];
        all.extend(self.shelf().ok().map(|shelf| shelf.list()));
        all.extend([self.header(&self.path), self.companions(&self.path)]);
        all.push(self.ask(&self.path, Opened::Locked, self.check.statement()));
        let query = self.query();
        all.extend(query.map(|query| self.ask(&self.path, Opened::Locked, &query)));
        all
    }

    async fn exec(&self, context: &Context, args: Vec<String>) -> Result<Output, Fault> {
        context
            .exec(&answer::command(&context.transports.policy, args)?)
            .await
    }

    /// How the file can be read without a trace.
    async fn opened(
        &self,
        context: &Context,
        path: &str,
        header: &Header,
    ) -> Result<Opened, Fault> {
        let found = self.exec(context, self.companions(path)).await?;
        let program = if self.sudo { "sudo" } else { "find" };
        if answer::status(&found, program, context.host()?)? != 0 && !file::is_absent(&found) {
            return Err(Fault::new(
                FaultKind::Denied,
                format!(
                    "what is beside {path} may not be looked at: {}",
                    answer::complaint(&found)
                ),
            ));
        }
        let there = answer::stdout(&found);
        let beside = |end: &str| Beside::of(&there, &format!("{path}{end}"));
        Opened::of(header, beside("-wal"), beside("-shm")).map_err(|why| {
            Fault::new(
                FaultKind::Protocol,
                format!("{path} cannot be read without writing: {why}"),
            )
            .hint("open it once by the program that writes it, or check a backup made by `.backup`")
        })
    }

    async fn look_inside(
        &self,
        context: &Context,
        newest: &Found,
        path: &str,
        facts: &mut Facts,
    ) -> Result<(), Fault> {
        let head = self.exec(context, self.header(path)).await?;
        let host = context.host()?;
        let program = if self.sudo { "sudo" } else { "head" };
        if answer::status(&head, program, host)? != 0 {
            return Err(super::archive::listing::unseen(path, &head, self.sudo));
        }
        let Some(header) = Header::read(&head.stdout) else {
            facts.set("integrity", "it begins like no SQLite file");
            facts.set("errors", 1.0);
            return Ok(());
        };
        facts.set_some("pages", header.pages.map(f64::from));
        let opened = self.opened(context, path, &header).await?;
        facts.set("journal", header.journal());
        facts.set("opened", opened.name());
        let checked = self
            .exec(context, self.ask(path, opened, self.check.statement()))
            .await?;
        let told = integrity(&checked, &newest.name, self.sudo, host)?;
        // Who began to write meanwhile changes pages under a reader without locks.
        if !told.is_empty() && opened == Opened::Immutable {
            let now = self.opened(context, path, &header).await?;
            if now != opened {
                return Err(Fault::new(
                    FaultKind::Closed,
                    format!("{path} was opened by another program while it was read"),
                ));
            }
        }
        facts.set("integrity", told.first().map_or("ok", String::as_str));
        facts::set_errors(&told, facts);
        if let Some(query) = self.query().filter(|_| told.is_empty()) {
            let answered = self.exec(context, self.ask(path, opened, &query)).await?;
            let rows = rows(&answered, self.sudo, host)?;
            facts::set_rows(rows, MOST_ROWS, facts);
        }
        Ok(())
    }
}

fn problem(path: &str, message: impl Into<String>, suggestion: Option<&str>) -> OptionProblem {
    OptionProblem {
        path: if path.is_empty() {
            Vec::new()
        } else {
            vec![path.to_owned()]
        },
        message: message.into(),
        suggestion: suggestion.map(str::to_owned),
    }
}

/// What is wrong with a statement. SQLite reads other quotes and comments than
/// PostgreSQL, whose rules hold as well: rather one too many is refused.
fn statement_problem(query: &str) -> Option<String> {
    if let Err(message) = statement::check(query) {
        return Some(message);
    }
    let body = query.trim().trim_end_matches(';');
    let first = body.split(|next: char| !next.is_ascii_alphabetic()).next();
    let first = first.unwrap_or_default().to_ascii_uppercase();
    if !["SELECT", "WITH", "VALUES"].contains(&first.as_str()) {
        return Some("a statement must begin with SELECT, WITH or VALUES".to_owned());
    }
    [";", "--", "/*"]
        .iter()
        .find(|part| body.contains(**part))
        .map(|part| format!("`{part}` is not sent, neither in a text nor as a comment"))
}

impl Kind for Sqlite {
    const NAME: &'static str = "sqlite";
    const SUMMARY: &'static str = "an SQLite file of a host is sound";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = facts::FACTS;
    const EXAMPLE: &'static str = "title: the copy of the vault's database is sound\non: data188\nsqlite: { path: '/mnt/main/vaultwarden-backup/db-{date}.sqlite', date: '%Y%m%d%H%M' }\n";

    fn problems(&self, _: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        if let Err(message) = Dated::new("{date}", &self.date) {
            problems.push(problem("date", message, None));
        } else if let Err(message) = self.shelf() {
            problems.push(problem("path", message, None));
        }
        if let Some(Err(message)) = self.zone.as_deref().map(dated::zone) {
            problems.push(problem("zone", message, Some(dated::ZONES)));
        }
        if let Some(message) = self.query.as_deref().and_then(statement_problem) {
            problems.push(problem("query", message, None));
        }
        if problems.is_empty() {
            let refused = self
                .commands()
                .into_iter()
                .find_map(|args| ReadOnlyCommand::from_args(policy, args).err());
            problems.extend(refused.map(|refused| problem("", refused.message, None)));
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        Defaults::require(["exists", "integrity == 'ok'"])
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        format!("the integrity of {} on {host}", self.path)
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        target.exec_requests(self.commands(), policy)
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let setup = |message| Fault::new(FaultKind::LocalSetup, message);
        let shelf = self.shelf().map_err(setup)?;
        let date = self.exec(context, dated::clock()).await?;
        let clock = HostClock::parse(&answer::stdout(&date));
        let zone = match (&self.zone, &clock) {
            (Some(zone), _) => dated::zone(zone).map_err(setup)?,
            (None, Some(clock)) => clock.zone.clone(),
            // Without a date in the name, no zone is needed.
            (None, None) => jiff::tz::TimeZone::UTC,
        };
        let found = shelf.look(context, &zone).await?.unwrap_or_default();
        let mut facts = Facts::new();
        facts.set("exists", !found.is_empty());
        let Some(newest) = found.last() else {
            return Ok(facts);
        };
        let now = clock.as_ref().map(|clock| clock.now);
        facts::set_file(newest, now, &mut facts);
        self.look_inside(context, newest, &shelf.path(&newest.name), &mut facts)
            .await?;
        Ok(facts)
    }
}

#[cfg(test)]
mod tests;
