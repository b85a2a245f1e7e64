//! The API of a Kubernetes cluster, as a kubeconfig file leads there. It is asked by GET
//! alone, over a connection for each question. No program is run for a login, no proxy
//! is used.

mod kubeconfig;
mod yaml;

use std::path::Path;
use std::time::Duration;

use hyper::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use url::Url;

use super::http::{self, Ask, Header, Method};
use super::open::Opener;
use super::secret;
use super::tls::{Credentials, Identity, Tls, TlsOptions};
use super::{Fault, FaultKind, Stream, files};
use kubeconfig::{Login, Material};

/// Bytes of a kubeconfig, and of a file that it names.
const LARGEST_FILE: u64 = 1 << 20;

/// An API server and who we are to it.
pub struct Api {
    server: Url,
    name: Option<String>,
    token: Option<SecretString>,
    credentials: Credentials,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api")
            .field("server", &self.server.as_str())
            .finish_non_exhaustive()
    }
}

/// What the API server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Status code of HTTP.
    pub status: u16,
    /// The body, whole.
    pub body: Vec<u8>,
    /// The server's clock, of the header `date`.
    pub date: Option<Timestamp>,
}

fn local(seen: String) -> Fault {
    Fault::new(FaultKind::LocalSetup, seen)
}

/// The addresses of an API server, read from a kubeconfig without its secrets: for
/// those who tell what would be sent. None where the file cannot be read or says
/// otherwise than it should: who looks is told why.
#[must_use]
pub fn requests(
    path: &Path,
    context: Option<&str>,
    paths: &[String],
) -> Option<(Url, Vec<String>)> {
    let is_file = std::fs::metadata(path).ok()?.is_file();
    let text = is_file.then(|| std::fs::read(path).ok())??;
    let small = u64::try_from(text.len()).is_ok_and(|size| size <= LARGEST_FILE);
    let login = kubeconfig::read(small.then_some(&text)?, path, context).ok()?;
    let has_token = login.token.is_some();
    let lines = paths.iter().map(|path| {
        let headers = headers(has_token.then_some("token")).ok()?;
        let url = at(&login.server, path);
        Some(http::request_line(Method::Get, &url, headers.iter(), false))
    });
    let lines: Option<Vec<String>> = lines.collect();
    Some((login.server, lines?))
}

/// The address of a path of the API; a server may be somewhere below its own.
fn at(server: &Url, path: &str) -> Url {
    let mut url = server.clone();
    let prefix = server.path().trim_end_matches('/');
    url.set_path(&format!("{prefix}/{path}"));
    url.set_query(None);
    url.set_fragment(None);
    url
}

fn headers(token: Option<&str>) -> Result<Vec<Header>, Fault> {
    let mut headers = vec![Header {
        name: ACCEPT,
        value: HeaderValue::from_static("application/json"),
    }];
    if let Some(token) = token {
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
            local("the token of the kubeconfig cannot be sent in a header".to_owned())
        })?;
        value.set_sensitive(true);
        headers.push(Header {
            name: AUTHORIZATION,
            value,
        });
    }
    Ok(headers)
}

impl Api {
    /// Reads the kubeconfig at `path`, and the files that it names; with `unverified` its
    /// token is also for a server whose certificate it does not have checked.
    ///
    /// # Errors
    /// `LocalSetup`: a file that cannot be read or is none, a context that it has not,
    /// whatever would have a program run, a proxy asked or somebody else played, and a token
    /// for anybody to take.
    pub async fn from_kubeconfig(
        path: &Path,
        context: Option<&str>,
        unverified: bool,
    ) -> Result<Self, Fault> {
        let text = read(path).await?;
        let Login {
            server,
            name,
            verify,
            authority,
            certificate,
            token,
        } = kubeconfig::read(&text, path, context)?;
        let authorities = match &authority {
            None => None,
            Some(material) => Some(certificates(material).await?),
        };
        let identity = match &certificate {
            None => None,
            Some((certificate, key)) => Some(Identity {
                chain: certificates(certificate).await?,
                key: private_key(key).await?,
            }),
        };
        let token = match &token {
            None => None,
            Some(material) => {
                let bytes = bytes(material).await?;
                let text = String::from_utf8_lossy(&bytes).trim().to_owned();
                Some(SecretString::from(text))
            }
        };
        if server.scheme() == "http" && token.is_some() {
            return Err(local(format!(
                "the token in {} would go to {server} for everyone to read",
                path.display()
            ))
            .hint("a server with https, or without a token"));
        }
        // After a power cut the address may be another machine's.
        if !verify && !unverified && token.is_some() {
            return Err(local(format!(
                "{} has the token sent to whoever answers at {server} (`insecure-skip-tls-verify`)",
                path.display()
            ))
            .hint(
                "`certificate-authority` in the kubeconfig, with the cluster's; or \
                 `unverified: true` in the check",
            ));
        }
        Ok(Self {
            server,
            name,
            token,
            credentials: Credentials {
                authorities,
                verify,
                identity,
            },
        })
    }

    /// `https://192.168.0.120:6443/`
    #[must_use]
    pub fn server(&self) -> &Url {
        &self.server
    }

    /// Whether it is checked that the server is the one that is meant.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.server.scheme() == "https" && self.credentials.verify
    }

    /// `text` without the token, should the server repeat it.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        match &self.token {
            Some(token) => secret::hide(text, token.expose_secret()),
            None => text.to_owned(),
        }
    }

    /// Asks for `path` of the API, `api/v1/nodes`, and reads at most `body_max` bytes.
    ///
    /// # Errors
    /// Those of the connection, of TLS and of HTTP; `Protocol` for a larger answer.
    pub async fn get(
        &self,
        opener: &impl Opener,
        tls: &Tls,
        path: &str,
        body_max: usize,
        timeout: Duration,
    ) -> Result<Answered, Fault> {
        let url = at(&self.server, path);
        let host = url.host_str().unwrap_or_default().to_owned();
        let port = url.port_or_known_default().unwrap_or(443);
        let token = self.token.as_ref().map(ExposeSecret::expose_secret);
        let headers = headers(token)?;
        let connection = opener.open(&host, port).await?;
        let opened = Instant::now();
        let line = http::request_line(Method::Get, &url, headers.iter(), false);
        opener.note(&connection.peer, "http", &line);
        let stream: Box<dyn Stream> = if url.scheme() == "https" {
            let name = self.name.as_deref().unwrap_or(&host);
            let secured = tls.secure_as(connection.stream, name, &self.credentials, timeout);
            Box::new(secured.await.map_err(|insecure| insecure.fault)?.stream)
        } else {
            connection.stream
        };
        let ask = Ask {
            url,
            method: Method::Get,
            websocket: false,
            headers,
            tls: TlsOptions::default(),
            redirects: 0,
            body_max,
            timeout,
        };
        let left = timeout.saturating_sub(opened.elapsed());
        let answer = http::ask_over(&ask, stream, left).await?;
        if !answer.body_whole {
            return Err(Fault::new(
                FaultKind::Protocol,
                format!(
                    "the answer to GET {} is larger than {} MiB",
                    ask.url,
                    body_max >> 20
                ),
            ));
        }
        let date = answer.headers.iter().find(|(name, _)| name == "date");
        let date = date.and_then(|(_, text)| jiff::fmt::rfc2822::parse(text).ok());
        Ok(Answered {
            status: answer.status,
            body: answer.body,
            date: date.map(|date| date.timestamp()),
        })
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    files::read(path, LARGEST_FILE)
        .await
        .map_err(|error| local(format!("{} cannot be read: {error}", path.display())))
}

async fn bytes(material: &Material) -> Result<Vec<u8>, Fault> {
    match material {
        Material::Data { bytes, .. } => Ok(bytes.clone()),
        Material::File(path) => read(path).await,
    }
}

async fn certificates(material: &Material) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let text = bytes(material).await?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(local(format!("{material} holds no PEM certificate"))),
    }
}

async fn private_key(material: &Material) -> Result<PrivateKeyDer<'static>, Fault> {
    let text = bytes(material).await?;
    // What is wrong with a key is not told: it could quote it.
    PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| local(format!("{material} holds no PEM private key")))
}
