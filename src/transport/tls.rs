//! TLS with this machine's roots plus the baseline's authorities. What the
//! other side showed is kept even when it is not trusted, so that a fault can
//! say what is wrong with it.

mod certificate;
mod recorder;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, ClientConfig, PeerIncompatible, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub use certificate::{Certificate, certificates};

use self::recorder::Recorder;
use super::{Fault, FaultKind, files};

/// Bytes of a PEM file; the authorities of a whole system have a quarter MiB.
const LARGEST_AUTHORITIES: u64 = 4 << 20;

/// Whom to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsOptions {
    /// PEM files of authorities to trust besides this machine's own.
    pub authorities: Vec<PathBuf>,
    /// Whether the certificate must be trusted, and name the server.
    pub verify: bool,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            authorities: Vec::new(),
            verify: true,
        }
    }
}

/// Whom to trust and who to be, for a server that wants to know.
pub struct Credentials {
    /// Only these; this machine's own where there is none.
    pub authorities: Option<Vec<CertificateDer<'static>>>,
    /// Whether the certificate must be trusted, and name the server.
    pub verify: bool,
    /// What to show when the server asks for a certificate.
    pub identity: Option<Identity>,
}

/// A certificate of our own, with what signed it, and its key.
pub struct Identity {
    /// The certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the first.
    pub key: PrivateKeyDer<'static>,
}

/// The certificates that the other side showed, and what became of them.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// The chain, the server's own certificate first; empty when it showed
    /// none, or when none of it can be read.
    pub chain: Vec<Certificate>,
    /// When it was shown, by the clock that verification used.
    pub at: Option<jiff::Timestamp>,
    /// Why it is not trusted; also kept when trust was not asked for.
    pub distrust: Option<Fault>,
    /// Whether the chain leads to a trusted authority and is valid by `at`,
    /// whatever server it is for.
    pub trusted: bool,
    /// Whether the server's own certificate is for the name asked for, whoever
    /// signed it.
    pub names_match: bool,
}

/// An open TLS connection.
#[derive(Debug)]
pub struct Secured<S> {
    /// The plain bytes.
    pub stream: TlsStream<S>,
    /// What the other side showed.
    pub shown: Shown,
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: Option<&'static str>,
}

/// A handshake that failed, with what was seen before it did.
#[derive(Debug, Clone)]
pub struct Insecure {
    /// Why.
    pub fault: Fault,
    /// What the other side had shown by then.
    pub shown: Shown,
    /// Whether the other side ended it by an alert. When `shown` has a chain,
    /// the other side had proven by then that it holds the key.
    pub refused: bool,
}

/// The roots of this machine, read once for a run.
#[derive(Debug, Default)]
pub struct Tls {
    system: OnceLock<Arc<RootCertStore>>,
}

/// A client configuration and the place where it leaves what it was shown.
#[derive(Debug)]
pub struct Setup {
    /// For a connector of any protocol.
    pub config: Arc<ClientConfig>,
    recorder: Arc<Recorder>,
}

impl Setup {
    /// What the other side has shown so far.
    #[must_use]
    pub fn shown(&self) -> Shown {
        self.recorder
            .shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Tls {
    /// A configuration for one connection.
    ///
    /// # Errors
    /// `LocalSetup` when an authority's file cannot be read or holds no certificate.
    pub async fn setup(&self, options: &TlsOptions) -> Result<Setup, Fault> {
        let roots = self.roots(&options.authorities).await?;
        configured(roots, options.verify, None)
    }

    /// The same with what the credentials say.
    fn setup_as(&self, credentials: &Credentials) -> Result<Setup, Fault> {
        let roots = match &credentials.authorities {
            None => self.system(),
            Some(authorities) => {
                let mut roots = RootCertStore::empty();
                for certificate in authorities {
                    roots
                        .add(certificate.clone())
                        .map_err(|error| local(format!("an authority cannot be used: {error}")))?;
                }
                Arc::new(roots)
            }
        };
        configured(roots, credentials.verify, credentials.identity.as_ref())
    }

    fn system(&self) -> Arc<RootCertStore> {
        let system = self.system.get_or_init(|| {
            let mut roots = RootCertStore::empty();
            // What cannot be read is not trusted: a server that needs it fails
            // its own check, and no other.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            Arc::new(roots)
        });
        Arc::clone(system)
    }

    /// Shakes hands over `stream` with the server named `name`.
    ///
    /// # Errors
    /// `HostKey` when the certificate is not trusted or not for `name`,
    /// `TimedOut` after `budget`, `Closed`, `Protocol` when the other side does
    /// not speak TLS, `LocalSetup` (see [`Tls::setup`]).
    pub async fn secure<S>(
        &self,
        stream: S,
        name: &str,
        options: &TlsOptions,
        budget: Duration,
    ) -> Result<Secured<S>, Box<Insecure>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let setup = self.setup(options).await.map_err(unshown)?;
        shake(stream, name, setup, budget).await
    }

    /// The same, with the credentials' authorities, and with a certificate of our own
    /// for the server that asks for one.
    ///
    /// # Errors
    /// As [`Tls::secure`].
    pub async fn secure_as<S>(
        &self,
        stream: S,
        name: &str,
        credentials: &Credentials,
        budget: Duration,
    ) -> Result<Secured<S>, Box<Insecure>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let setup = self.setup_as(credentials).map_err(unshown)?;
        shake(stream, name, setup, budget).await
    }

    async fn roots(&self, authorities: &[PathBuf]) -> Result<Arc<RootCertStore>, Fault> {
        let system = self.system();
        if authorities.is_empty() {
            return Ok(system);
        }
        let mut roots = RootCertStore::clone(&system);
        for path in authorities {
            for certificate in read_authority(path).await? {
                roots.add(certificate).map_err(|error| {
                    local(format!(
                        "{} holds a certificate that cannot be used: {error}",
                        path.display()
                    ))
                })?;
            }
        }
        Ok(Arc::new(roots))
    }
}

/// A configuration for one connection, which trusts `roots`.
fn configured(
    roots: Arc<RootCertStore>,
    verify: bool,
    identity: Option<&Identity>,
) -> Result<Setup, Fault> {
    let provider = Arc::new(ring::default_provider());
    let trust = if roots.is_empty() {
        None
    } else {
        let built = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
        Some(
            built.map_err(|error| {
                local(format!("the trusted authorities cannot be used: {error}"))
            })?,
        )
    };
    let recorder = Arc::new(Recorder {
        trust,
        provider: provider.clone(),
        verify,
        shown: Mutex::default(),
    });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| local(format!("TLS cannot be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(recorder.clone());
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(Identity { chain, key }) => builder
            .with_client_auth_cert(chain.clone(), key.clone_key())
            .map_err(|error| local(format!("our own certificate cannot be shown: {error}")))?,
    };
    Ok(Setup {
        config: Arc::new(config),
        recorder,
    })
}

/// A handshake that failed before anything was shown.
fn unshown(fault: Fault) -> Box<Insecure> {
    Box::new(Insecure {
        fault,
        shown: Shown::default(),
        refused: false,
    })
}

async fn shake<S>(
    stream: S,
    name: &str,
    setup: Setup,
    budget: Duration,
) -> Result<Secured<S>, Box<Insecure>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let server = server_name(name).map_err(unshown)?;
    let handshake = TlsConnector::from(setup.config.clone()).connect(server, stream);
    match timeout(budget, handshake).await {
        Ok(Ok(stream)) => {
            let version = stream
                .get_ref()
                .1
                .protocol_version()
                .and_then(|version| version.as_str());
            let version = version.map(|version| {
                if version == "TLSv1_3" {
                    "TLSv1.3"
                } else {
                    "TLSv1.2"
                }
            });
            Ok(Secured {
                stream,
                shown: setup.shown(),
                version,
            })
        }
        Ok(Err(error)) => {
            let shown = setup.shown();
            let fault = handshake_fault(&error, &shown);
            let refused = matches!(tls_error(&error), Some(rustls::Error::AlertReceived(_)));
            Err(Box::new(Insecure {
                fault,
                shown,
                refused,
            }))
        }
        Err(_) => Err(Box::new(Insecure {
            fault: Fault::new(
                FaultKind::TimedOut,
                format!(
                    "the TLS handshake did not end within {:.1} s",
                    budget.as_secs_f64()
                ),
            ),
            shown: setup.shown(),
            refused: false,
        })),
    }
}

/// The name to verify, from a host name or an address (`::1` also as `[::1]`).
///
/// # Errors
/// `LocalSetup` when no certificate could be for such a name.
pub fn server_name(name: &str) -> Result<ServerName<'static>, Fault> {
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name);
    ServerName::try_from(bare.to_owned()).map_err(|_| {
        local(format!(
            "{name} is not a name that a certificate can be for"
        ))
    })
}

/// Why a handshake failed: what the certificates showed, else the error itself.
#[must_use]
pub fn handshake_fault(error: &std::io::Error, shown: &Shown) -> Fault {
    match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(_)) => shown.distrust.clone().unwrap_or_else(|| {
            Fault::new(
                FaultKind::HostKey,
                format!("the certificate is not acceptable: {error}"),
            )
        }),
        Some(rustls::Error::InvalidMessage(_)) => {
            Fault::new(FaultKind::Protocol, "the answer is not TLS")
                .hint("does this port expect a plain connection?")
        }
        Some(
            error @ (rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
            | rustls::Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            )),
        ) => Fault::new(
            FaultKind::Protocol,
            format!("the server speaks neither TLS 1.2 nor 1.3: {error}"),
        ),
        Some(rustls::Error::AlertReceived(alert)) => Fault::new(
            FaultKind::Protocol,
            format!("the server refused the TLS handshake: {alert:?}"),
        ),
        Some(other) => Fault::new(
            FaultKind::Protocol,
            format!("the TLS handshake failed: {other}"),
        ),
        None => Fault::new(
            FaultKind::Closed,
            "the connection was cut off during the TLS handshake",
        ),
    }
}

/// Whether an error of a stream comes from TLS, and not from what carries it.
#[must_use]
pub fn is_of_tls(error: &std::io::Error) -> bool {
    tls_error(error).is_some()
}

fn tls_error(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn local(seen: String) -> Fault {
    Fault::new(FaultKind::LocalSetup, seen)
}

async fn read_authority(path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let text = files::read(path, LARGEST_AUTHORITIES)
        .await
        .map_err(|error| local(format!("{} cannot be read: {error}", path.display())))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(local(format!(
            "{} holds no PEM certificate",
            path.display()
        ))),
        Err(error) => Err(local(format!("{} is not PEM: {error}", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn authorities_are_regular_files_of_some_size() {
        let folder = tempfile::tempdir().expect("a folder");
        let large = folder.path().join("large");
        std::fs::write(&large, vec![b'\n'; (4 << 20) + 1]).expect("a file");
        for (path, why) in [
            (files::fifo(folder.path()), "it is no regular file"),
            (large, "it is larger than 4194304 bytes"),
        ] {
            let fault = read_authority(&path).await.expect_err("refused");
            assert_eq!(fault.kind, FaultKind::LocalSetup);
            assert!(fault.seen.ends_with(why), "{}", fault.seen);
        }
    }
}
