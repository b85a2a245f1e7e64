//! The API of a Kubernetes cluster that answers from recorded lists.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::tcp::Server;

/// Its clock: the recorded lists are of that time.
const DATE: &str = "Fri, 05 Jun 2026 10:55:04 GMT";

/// The token that the server knows.
pub const TOKEN: &str = "token-of-the-viewer-1f2e3d";

/// A server, and what a client needs to be let in.
pub struct Cluster {
    pub server: Server,
    /// PEM texts.
    pub authority: String,
    pub certificate: String,
    pub key: String,
}

/// Status and body to a path instead of the recorded list.
type Instead = dyn Fn(&str) -> Option<(u16, String)> + Send + Sync;

/// A cluster that answers from the lists in `folder`; `instead` goes before them. Whoever
/// shows neither its token nor a certificate of its authority gets a 401.
pub async fn start(
    folder: PathBuf,
    instead: impl Fn(&str) -> Option<(u16, String)> + Send + Sync + 'static,
) -> Cluster {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = KeyPair::generate()
        .and_then(|key| CertifiedIssuer::self_signed(authority, key))
        .expect("an authority");
    let signed = |names: Vec<String>| {
        let key = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new(names).expect("parameters");
        let certificate = parameters.signed_by(&key, &authority).expect("signed");
        (certificate, key)
    };
    let (own, own_key) = signed(vec!["127.0.0.1".to_owned(), "kubernetes".to_owned()]);
    let (client, client_key) = signed(vec!["viewer".to_owned()]);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.der().clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .expect("a verifier");
    let der = PrivateKeyDer::Pkcs8(own_key.serialize_der().into());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![own.der().clone()], der)
        .expect("a configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let instead: Arc<Instead> = Arc::new(instead);
    let server = Server::start(move |stream, received| {
        let (acceptor, instead, folder) = (acceptor.clone(), Arc::clone(&instead), folder.clone());
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else {
                    return;
                };
                request.push(byte);
            }
            received
                .lock()
                .expect("the lock")
                .extend_from_slice(&request);
            let request = String::from_utf8_lossy(&request).into_owned();
            let known = stream.get_ref().1.peer_certificates().is_some()
                || request.contains(&format!("authorization: Bearer {TOKEN}\r\n"));
            let path = request.split(' ').nth(1).unwrap_or_default();
            let (status, body) = if known {
                instead(path).unwrap_or_else(|| answer(&folder, path))
            } else {
                failure(401, "Unauthorized", "Unauthorized")
            };
            let length = body.len();
            let text = format!(
                "HTTP/1.1 {status} X\r\ndate: {DATE}\r\ncontent-type: application/json\r\n\
                 content-length: {length}\r\n\r\n{body}"
            );
            drop(stream.write_all(text.as_bytes()).await);
            drop(stream.shutdown().await);
        }
    })
    .await;
    Cluster {
        server,
        authority: authority.pem(),
        certificate: client.pem(),
        key: client_key.serialize_pem(),
    }
}

/// As an API server says no.
pub fn failure(status: u16, reason: &str, message: &str) -> (u16, String) {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": status,
    });
    (status, body.to_string())
}

fn answer(folder: &Path, path: &str) -> (u16, String) {
    let mut parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let named = match parts.as_slice() {
        [.., "namespaces", name] => Some(*name),
        _ => None,
    };
    if named.is_some() {
        parts.pop();
    }
    let resource = parts.last().copied().unwrap_or_default();
    let not_found = || {
        failure(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
    };
    let Ok(text) = std::fs::read_to_string(folder.join(format!("{resource}.json"))) else {
        return not_found();
    };
    let mut list: Value = serde_json::from_str(&text).expect("JSON");
    // A resource is at its own version, and at no other.
    let version = list["items"][0]["apiVersion"]
        .as_str()
        .unwrap_or("v1")
        .to_owned();
    let group = parts
        .iter()
        .skip(1)
        .take_while(|part| **part != "namespaces" && **part != resource);
    if group.copied().collect::<Vec<_>>().join("/") != version {
        return not_found();
    }
    let place = parts.iter().position(|part| *part == "namespaces");
    if let Some(namespace) = place.and_then(|at| parts.get(at + 1))
        && let Some(items) = list["items"].as_array_mut()
    {
        items.retain(|item| item["metadata"]["namespace"] == *namespace);
    }
    if let Some(name) = named {
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let mut items = items.into_iter();
        return match items.find(|item| item["metadata"]["name"] == name) {
            Some(one) => (200, one.to_string()),
            None => failure(404, "NotFound", &format!("namespaces {name:?} not found")),
        };
    }
    (200, list.to_string())
}
