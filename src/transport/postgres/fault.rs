//! PostgreSQL's errors as faults, by SQLSTATE
//! (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).

use std::io;

use tokio_postgres::error::SqlState;

use super::wire::Cleartext;
use crate::transport::{Fault, FaultKind};

pub(super) fn protocol(seen: String) -> Fault {
    Fault::new(FaultKind::Protocol, seen)
}

pub(super) fn source_of<E: std::error::Error + 'static>(
    error: &tokio_postgres::Error,
) -> Option<&E> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        source = cause.source();
    }
    None
}

pub(super) fn is_tls(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
}

pub(super) fn is_no_tls(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error)
        .is_some_and(|cause| cause.to_string().contains("server does not support TLS"))
}

pub(super) fn fault(error: &tokio_postgres::Error) -> Fault {
    let Some(answer) = error.as_db_error() else {
        return wire_fault(error);
    };
    let message = answer.message().to_owned();
    let code = answer.code().code();
    match *answer.code() {
        SqlState::CANNOT_CONNECT_NOW => Fault::new(FaultKind::Refused, message)
            .hint("it is starting, recovering or shutting down: its log tells how far it is"),
        SqlState::TOO_MANY_CONNECTIONS => Fault::new(FaultKind::Refused, message).hint(
            "find who holds them, as a superuser, for whom some are kept: `SELECT usename, \
             client_addr, count(*) FROM pg_stat_activity GROUP BY 1, 2`",
        ),
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN => {
            Fault::new(FaultKind::Closed, message).hint(
                "PostgreSQL is shutting down, or somebody ended this session: its log says which",
            )
        }
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION if message.contains("pg_hba.conf") => {
            Fault::new(FaultKind::Denied, message).hint(
                "the first line of pg_hba.conf that fits address, user and database decides; \
                 the view pg_hba_file_rules shows what the server has read",
            )
        }
        SqlState::QUERY_CANCELED => Fault::new(FaultKind::TimedOut, message),
        SqlState::INVALID_PASSWORD
        | SqlState::INVALID_AUTHORIZATION_SPECIFICATION
        | SqlState::INSUFFICIENT_PRIVILEGE
        | SqlState::READ_ONLY_SQL_TRANSACTION
        | SqlState::ACTIVE_SQL_TRANSACTION => Fault::new(FaultKind::Denied, message),
        SqlState::UNDEFINED_DATABASE
        | SqlState::UNDEFINED_TABLE
        | SqlState::UNDEFINED_COLUMN
        | SqlState::UNDEFINED_FUNCTION
        | SqlState::INVALID_SCHEMA_NAME
        | SqlState::UNDEFINED_OBJECT => Fault::new(FaultKind::Missing, message),
        SqlState::SYNTAX_ERROR => Fault::new(
            FaultKind::LocalSetup,
            format!("the statement is not one: {message}"),
        ),
        SqlState::PROTOCOL_VIOLATION if message.contains("startup parameter") => protocol(message)
            .hint("a PgBouncer in between needs `ignore_startup_parameters = options`"),
        _ => protocol(format!("{message} (SQLSTATE {code})")),
    }
}

fn wire_fault(error: &tokio_postgres::Error) -> Fault {
    if let Some(io) = source_of::<io::Error>(error) {
        let cleartext = io.get_ref().and_then(|cause| cause.downcast_ref());
        if let Some(cleartext @ Cleartext) = cleartext {
            return Fault::new(FaultKind::Denied, format!("{cleartext}: it was not sent"))
                .hint("give `sslmode=require`, or have the server ask by scram-sha-256");
        }
        return match io.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                protocol(format!("the answer is not PostgreSQL: {io}"))
            }
            _ => Fault::new(FaultKind::Closed, "the connection was cut off"),
        };
    }
    if error.is_closed() {
        return Fault::new(FaultKind::Closed, "the connection was cut off");
    }
    let cause = std::error::Error::source(error)
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    let seen = format!(
        "{error}{}",
        if error.to_string().contains(&cause) {
            ""
        } else {
            &cause
        }
    );
    if seen.contains("password missing") {
        return Fault::new(FaultKind::Denied, "the server asks for a password")
            .hint("give one by `password: env:NAME`");
    }
    protocol(format!("the answer is not PostgreSQL: {seen}"))
}
