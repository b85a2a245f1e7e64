//! The login: with TLS or without, as asked.

use std::io;

use secrecy::ExposeSecret;
use tokio::task::JoinSet;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault::{fault, is_no_tls, is_tls, source_of};
use super::wire::Wire;
use super::{Encryption, Session};
use crate::transport::tls::{self, TlsOptions};
use crate::transport::{Fault, FaultKind};

/// A session that is open.
pub(super) struct Login {
    pub(super) client: Client,
    pub(super) server_version: Option<String>,
    pub(super) encrypted: bool,
}

impl<O> Session<'_, O> {
    /// Logs in over `stream`; what moves the session's bytes goes to `tasks`.
    pub(super) async fn login(
        &self,
        stream: Wire,
        tasks: &mut JoinSet<()>,
    ) -> Result<Login, Fault> {
        let mut config = Config::new();
        config
            .user(&self.ask.user)
            .dbname(&self.ask.database)
            .application_name("coldstart")
            .options("-c default_transaction_read_only=on");
        if let Some(password) = &self.ask.password {
            config.password(password.expose_secret());
        }
        let (mode, verify) = match self.ask.encryption {
            Encryption::Disable => {
                config.ssl_mode(SslMode::Disable);
                let (client, server_version, task) = establish(config, stream, NoTls)
                    .await
                    .map_err(|error| fault(&error))?;
                tasks.spawn(task);
                return Ok(Login {
                    client,
                    server_version,
                    encrypted: false,
                });
            }
            Encryption::Prefer => (SslMode::Prefer, false),
            Encryption::Require => (SslMode::Require, false),
            Encryption::VerifyFull => (SslMode::Require, true),
        };
        config.ssl_mode(mode);
        let options = TlsOptions {
            verify,
            ..self.ask.tls.clone()
        };
        let setup = self.tls.setup(&options).await?;
        tls::server_name(&self.ask.host)?;
        let bare = self.ask.host.trim_start_matches('[').trim_end_matches(']');
        let mut maker = MakeRustlsConnect::new(rustls::ClientConfig::clone(&setup.config));
        let connector = match MakeTlsConnect::<Wire>::make_tls_connect(&mut maker, bare) {
            Ok(connector) => connector,
            Err(never) => match never {},
        };
        let (client, server_version, task) =
            establish(config, stream, connector)
                .await
                .map_err(|error| {
                    if mode == SslMode::Require && is_no_tls(&error) {
                        return Fault::new(FaultKind::Protocol, "the server does not offer TLS")
                            .hint("sslmode=prefer or sslmode=disable connects without");
                    }
                    match source_of::<io::Error>(&error) {
                        Some(io) if is_tls(io) => tls::handshake_fault(io, &setup.shown()),
                        Some(_) | None => fault(&error),
                    }
                })?;
        tasks.spawn(task);
        Ok(Login {
            client,
            server_version,
            encrypted: setup.shown().at.is_some(),
        })
    }
}

/// Logs in; gives the session, the server's version, and the task that moves
/// the session's bytes.
async fn establish<T>(
    config: Config,
    stream: Wire,
    tls: T,
) -> Result<(Client, Option<String>, impl Future<Output = ()> + Send), tokio_postgres::Error>
where
    T: TlsConnect<Wire> + Send + 'static,
    T::Stream: Send,
{
    let (client, connection) = config.connect_raw(stream, tls).await?;
    let version = connection.parameter("server_version").map(str::to_owned);
    // Its error reaches the request that waits for it, if only as an end.
    Ok((client, version, async move { drop(connection.await) }))
}
