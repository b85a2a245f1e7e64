//! TLS with the certificates that it is tried with, also behind STARTTLS.

use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::tcp::Server;

/// Which certificate a TLS server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// For `localhost` and 127.0.0.1, of the authority.
    Good,
    /// As `Good`, until 2020.
    Expired,
    /// As `Good`, from 2199.
    NotYet,
    /// For another name.
    OtherName,
    /// As `Good`, but the authority's own.
    Authority,
    /// As `Good`, and wants one of the client, by TLS 1.2, whose handshake ends with it.
    WantsOurs,
    /// For a name that would clear a terminal's screen, and from `gnp` on hide
    /// its end; the subject likewise.
    Hostile,
}

/// What ends a handshake as told, and the PEM text of the authority that signed
/// its certificate.
pub fn acceptor(shows: Shows) -> (TlsAcceptor, String) {
    let names = match shows {
        Shows::OtherName => vec!["other.test".to_owned()],
        Shows::Good
        | Shows::Expired
        | Shows::NotYet
        | Shows::Authority
        | Shows::WantsOurs
        | Shows::Hostile => {
            vec!["localhost".to_owned(), "127.0.0.1".to_owned()]
        }
    };
    let mut authority = CertificateParams::new(match shows {
        Shows::Authority => names.clone(),
        _ => Vec::new(),
    })
    .expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(rcgen::DnType::CommonName, "coldstart test authority");
    let authority_key = KeyPair::generate().expect("a key");
    let own_key = authority_key.serialize_der();
    let authority = CertifiedIssuer::self_signed(authority, authority_key).expect("signed");
    let mut leaf = CertificateParams::new(names).expect("parameters");
    leaf.distinguished_name
        .push(rcgen::DnType::CommonName, "coldstart test server");
    leaf.not_before = rcgen::date_time_ymd(2019, 1, 1);
    leaf.not_after = rcgen::date_time_ymd(2299, 1, 1);
    match shows {
        Shows::Expired => leaf.not_after = rcgen::date_time_ymd(2020, 1, 2),
        Shows::NotYet => leaf.not_before = rcgen::date_time_ymd(2199, 1, 2),
        Shows::Hostile => {
            let name = "bad\u{1b}[2J\u{7}\rgnp\u{7f}.test"
                .try_into()
                .expect("ASCII");
            leaf.subject_alt_names = vec![rcgen::SanType::DnsName(name)];
            let name = "bad\u{1b}[2J\u{9b}31m\u{202e}gnp\u{200b}";
            leaf.distinguished_name
                .push(rcgen::DnType::CommonName, name);
        }
        Shows::Good | Shows::OtherName | Shows::Authority | Shows::WantsOurs => {}
    }
    let key = KeyPair::generate().expect("a key");
    let certificate = leaf.signed_by(&key, &authority).expect("signed");
    let (chain, key) = match shows {
        Shows::Authority => (vec![authority.der().clone()], own_key),
        _ => (vec![certificate.der().clone()], key.serialize_der()),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = match shows {
        Shows::WantsOurs => vec![&rustls::version::TLS12],
        _ => rustls::ALL_VERSIONS.to_vec(),
    };
    let config = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions)
        .expect("versions");
    let config = if shows == Shows::WantsOurs {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.der().clone()).expect("a root");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        config.with_client_cert_verifier(verifier.build().expect("a verifier"))
    } else {
        config.with_no_client_auth()
    };
    let config = config
        .with_single_cert(chain, PrivateKeyDer::Pkcs8(key.into()))
        .expect("a certificate and its key");
    (TlsAcceptor::from(Arc::new(config)), authority.pem())
}

/// What precedes the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// SMTP as Postfix speaks it.
    Smtp,
    /// PostgreSQL's answer to an `SSLRequest`.
    Postgres,
}

/// A server that shakes hands and notes what it is sent, in plain and then
/// over TLS, until the client hangs up; and its authority as PEM.
pub async fn start(shows: Shows, before: Before) -> (Server, String) {
    let (acceptor, authority) = acceptor(shows);
    let server = Server::start(move |stream, received| {
        let acceptor = acceptor.clone();
        async move { drop(serve(stream, &received, &acceptor, before).await) }
    })
    .await;
    (server, authority)
}

async fn serve(
    mut stream: TcpStream,
    received: &Mutex<Vec<u8>>,
    acceptor: &TlsAcceptor,
    before: Before,
) -> std::io::Result<()> {
    let note = |bytes: &[u8]| received.lock().expect("the lock").extend_from_slice(bytes);
    match before {
        Before::Nothing => {}
        Before::Smtp => {
            stream.write_all(b"220 mx.test ESMTP\r\n").await?;
            for answer in ["250-mx.test\r\n250 STARTTLS\r\n", "220 ready\r\n"] {
                let mut line = Vec::new();
                while !line.ends_with(b"\r\n") {
                    line.push(stream.read_u8().await?);
                }
                note(&line);
                stream.write_all(answer.as_bytes()).await?;
            }
        }
        Before::Postgres => {
            let mut request = [0; 8];
            stream.read_exact(&mut request).await?;
            note(format!("{request:?}").as_bytes());
            stream.write_all(b"S").await?;
        }
    }
    let mut stream = acceptor.accept(stream).await?;
    let mut buffer = [0; 1024];
    while let read @ 1.. = stream.read(&mut buffer).await? {
        note(&buffer[..read]);
    }
    note(b"<end>");
    Ok(())
}
