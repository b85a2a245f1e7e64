//! `postgres`: a PostgreSQL server lets us in and answers.

mod address;
mod facts;
mod state;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use self::address::Address;
use self::state::Part;
use super::aim;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, SecretRef, Target, Value,
};
use crate::transport::postgres::{self, Answer, statement};
use crate::transport::tls::TlsOptions;

/// Logs in to PostgreSQL and runs one statement that reads.
///
/// The statement runs in a read-only transaction that is never committed; it
/// must begin with SELECT, WITH, TABLE, VALUES, SHOW or EXPLAIN. Functions that
/// are known to act all the same (`pg_terminate_backend`, `dblink`) are refused;
/// there may be others on a server: give the check a role without rights to them.
/// What PostgreSQL does for any reader it does for this one: at the first login to
/// a database since its catalog changed it writes a cache of it
/// (`pg_internal.init`), and on a page that is read for the first time it notes
/// which rows are committed (hint bits).
///
/// A server that asks for the password as it is (`password` in `pg_hba.conf`)
/// gets it only by TLS, on this machine, or by `via`; over a network in plain it
/// is not sent. `md5` and `scram-sha-256` never tell it. Whoever listens can
/// try passwords on what `md5` sends, so give `sslmode=require`, or
/// `verify-full`, which alone makes sure of whom it tells.
///
/// `state` asks the server about itself. Any role may see all of it but
/// `wal_streaming`, `standbys` and `standby_lag_bytes`: without the rights of
/// `pg_read_all_stats` (`GRANT pg_monitor TO checker`) these are absent as soon as
/// there is something to see. With `connections` it prefers that less than 90 %
/// are in use, with `replication` that a standby streams and that its replay is
/// not paused, with `transaction_ids` that less than half of them are used up.
///
/// Without a statement the check tells whether the server accepts
/// connections, as `pg_isready` does, but also whether login and the first
/// query work.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    /// `postgres://USER@HOST:PORT/DATABASE?sslmode=MODE`. The port is 5432 and
    /// the database the user's name when left out. Modes: `disable`, `prefer`
    /// (when none is given), `require`, `verify-full`.
    url: String,
    /// The password, by reference: `env:NAME`, `file:/path`, `credential:NAME`.
    #[serde(default)]
    password: Option<SecretRef>,
    /// A statement that reads. At most 100 rows of its answer are looked at.
    #[serde(default)]
    query: Option<String>,
    /// What else to ask the server about itself, by one statement more. See the
    /// facts, and what of them needs rights.
    #[serde(default)]
    state: Vec<Part>,
    /// A PEM file of authorities to trust besides this machine's, for `sslmode=verify-full`; a relative path
    /// starts at the folder of the baseline's file.
    #[serde(default)]
    ca: Option<PathBuf>,
}

impl Postgres {
    fn aim(&self) -> (String, String) {
        match self.url.parse::<Address>() {
            Ok(Address {
                host,
                port,
                user,
                database,
                ..
            }) => (
                aim::shown(&host, port),
                format!("login {user} to {database}"),
            ),
            Err(_) => ("PostgreSQL".to_owned(), "login".to_owned()),
        }
    }

    /// Each part once.
    fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        for &part in &self.state {
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        parts
    }

    fn facts(answer: Answer) -> Facts {
        let mut facts = Facts::new();
        let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1000.0;
        facts.set("accepts", true);
        facts.set("connect_ms", milliseconds(answer.connect));
        facts.set("login_ms", milliseconds(answer.login));
        facts.set("encrypted", answer.encrypted);
        facts.set_some("server_version", answer.server_version);
        facts.set("in_recovery", answer.in_recovery);
        if let Some(rows) = answer.state {
            state::read(rows, &mut facts);
        }
        let Some(rows) = answer.rows else {
            return facts;
        };
        facts.set("query_ms", milliseconds(rows.elapsed));
        if !rows.more {
            #[expect(clippy::cast_precision_loss, reason = "at most 100")]
            facts.set("rows", rows.rows.len() as f64);
        }
        facts.set("rows_whole", !rows.more);
        facts.set(
            "columns",
            Value::List(
                rows.columns
                    .iter()
                    .map(|name| Value::Text(name.clone()))
                    .collect(),
            ),
        );
        if let Some(first) = rows.rows.into_iter().next() {
            if let Some(Some(cell)) = first.first() {
                facts.set("value", Value::Json(cell.json.clone()));
                facts.set_some("value_time", cell.time);
                facts.set_some("value_duration", cell.span.map(Value::Duration));
            }
            let row: BTreeMap<String, Value> = rows
                .columns
                .into_iter()
                .zip(first)
                .filter_map(|(name, cell)| Some((name, Value::Json(cell?.json))))
                .collect();
            facts.set("row", Value::Map(row));
        }
        facts
    }
}

fn problem(path: &str, message: String, suggestion: Option<&str>) -> OptionProblem {
    OptionProblem {
        path: vec![path.to_owned()],
        message,
        suggestion: suggestion.map(str::to_owned),
    }
}

impl Kind for Postgres {
    const NAME: &'static str = "postgres";
    const SUMMARY: &'static str = "a PostgreSQL server accepts a login and answers a query";
    const PLACE: Place = Place::Network;
    const FACTS: &'static [FactSpec] = &facts::FACTS;
    const EXAMPLE: &'static str = "title: PostgreSQL accepts queries\n\
        postgres:\n  url: postgres://checker@192.168.0.188/k3s_datastore\n  password: env:CHECKER_PASSWORD\n";

    fn beside(&mut self, folder: &Path) {
        self.ca = self.ca.take().map(|file| folder.join(file));
    }

    fn problems(&self, target: &Target, _: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        match self.url.parse::<Address>() {
            Ok(address) => problems.extend(aim::loopback("url", &address.host, target)),
            Err(wrong) => problems.push(problem("url", wrong.message, wrong.suggestion)),
        }
        if let Some(Err(message)) = self.query.as_deref().map(statement::check) {
            problems.push(problem("query", message, None));
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        let preferred = self.parts().into_iter().flat_map(Part::preferred);
        Defaults {
            require: vec!["accepts".to_owned()],
            prefer: preferred.map(|&text| text.to_owned()).collect(),
        }
    }

    fn goal(&self, _: &Target) -> String {
        let (server, _) = self.aim();
        let what = if self.query.is_some() {
            "rows"
        } else {
            "an accepted login"
        };
        format!("{what} from {server}")
    }

    fn requests(&self, target: &Target, _: &Policy) -> Vec<Request> {
        let (_, login) = self.aim();
        let [begin, first] = postgres::preamble(target.timeout);
        let connection = self
            .url
            .parse()
            .map(|Address { host, port, .. }| aim::connection(target, &host, port));
        let statements = [
            Some(login),
            Some(begin),
            Some(first),
            state::statement(&self.parts()),
            self.query.clone(),
            Some("ROLLBACK".to_owned()),
        ];
        let statements = statements.into_iter().flatten();
        connection
            .into_iter()
            .chain(statements.map(|text| Request::new("postgres", text)))
            .collect()
    }

    fn secrets(&self) -> Vec<&SecretRef> {
        self.password.iter().collect()
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let address: Address = self
            .url
            .parse()
            .map_err(|wrong: address::Wrong| Fault::new(FaultKind::LocalSetup, wrong.message))?;
        let password = self
            .password
            .as_ref()
            .map(|reference| context.secret(reference))
            .transpose()?;
        let ask = postgres::Ask {
            host: address.host,
            port: address.port,
            user: address.user,
            password: password.cloned(),
            database: address.database,
            encryption: address.encryption,
            tls: TlsOptions {
                authorities: self.ca.iter().cloned().collect(),
                verify: true,
            },
            state: state::statement(&self.parts()),
            query: self.query.clone(),
            timeout: context.target.timeout,
        };
        let answer = postgres::ask(context, &context.transports.tls, &ask).await;
        context.scrubbed(answer.map(Self::facts))
    }
}

#[cfg(test)]
mod tests;
