//! What a certificate says, and why one is not trusted, in words.

use jiff::Timestamp;
use rustls::CertificateError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::transport::{Fault, FaultKind};

/// The parts of a certificate that a reader asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// `CN=db.lan`; empty when it has none.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The DNS names and addresses that it is for.
    pub names: Vec<String>,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// SHA-256 of the whole certificate, as lower-case hex digits.
    pub sha256: String,
}

impl Certificate {
    /// `None` when the bytes are not a certificate.
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_der(der).ok()?.tbs_certificate;
        let names = certificate
            .get::<SubjectAltName>()
            .ok()
            .flatten()
            .map(|(_, names)| names.0.iter().filter_map(name).collect())
            .unwrap_or_default();
        Some(Self {
            subject: certificate.subject.to_string(),
            issuer: certificate.issuer.to_string(),
            names,
            not_before: timestamp(certificate.validity.not_before.to_unix_duration().as_secs())?,
            not_after: timestamp(certificate.validity.not_after.to_unix_duration().as_secs())?,
            sha256: format!("{:x}", Sha256::digest(der)),
        })
    }

    /// Days from `at` until it expires, negative after that.
    #[must_use]
    pub fn days_left(&self, at: Timestamp) -> f64 {
        self.not_after.duration_since(at).as_secs_f64() / 86_400.0
    }
}

/// The certificates of a file, in its order: PEM, of which other sections are
/// passed over, or one certificate as DER.
///
/// # Errors
/// What is wrong with the file, to be read after its name: `holds no certificate`.
pub fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, String> {
    if let Some(only) = Certificate::read(&CertificateDer::from(bytes)) {
        return Ok(vec![only]);
    }
    let mut all = Vec::new();
    for section in CertificateDer::pem_slice_iter(bytes) {
        let number = all.len() + 1;
        // The error of a section would quote it, and it may be of a key.
        let der = section.map_err(|_| "is not whole PEM".to_owned())?;
        let read = Certificate::read(&der);
        all.push(read.ok_or_else(|| format!("cannot be read: its certificate {number} is none"))?);
    }
    if all.is_empty() {
        return Err("holds no certificate".to_owned());
    }
    Ok(all)
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => match bytes.as_bytes() {
            [a, b, c, d] => Some(std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string()),
            other => <[u8; 16]>::try_from(other)
                .ok()
                .map(|octets| std::net::Ipv6Addr::from(octets).to_string()),
        },
        _ => None,
    }
}

pub(super) fn timestamp(seconds: u64) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// Why verification said no. `leaf` is the server's own certificate.
pub(super) fn distrust(error: &rustls::Error, leaf: Option<&Certificate>, server: &str) -> Fault {
    let fault = |seen: String| Fault::new(FaultKind::HostKey, seen);
    let rustls::Error::InvalidCertificate(error) = error else {
        return fault(format!("the certificate cannot be verified: {error}"));
    };
    match (error, leaf) {
        (CertificateError::Expired | CertificateError::ExpiredContext { .. }, Some(leaf)) => {
            // The leaf may be valid and an intermediate expired.
            let when = match error {
                CertificateError::ExpiredContext { not_after, .. } => {
                    timestamp(not_after.as_secs())
                }
                _ => None,
            };
            fault(format!(
                "certificate expired on {}",
                day(when.unwrap_or(leaf.not_after))
            ))
        }
        (
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
            Some(leaf),
        ) => fault(format!(
            "certificate is not valid before {}",
            day(leaf.not_before)
        ))
        .hint("after a power cut, look at the clocks of both machines first"),
        (
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            Some(leaf),
        ) => {
            let names = if leaf.names.is_empty() {
                "no name at all".to_owned()
            } else {
                leaf.names.join(", ")
            };
            fault(format!(
                "certificate is not valid for {server}, only for {names}"
            ))
        }
        (CertificateError::UnknownIssuer, Some(leaf)) if leaf.issuer == leaf.subject => {
            fault(format!(
                "certificate is self-signed ({}) and not among the trusted ones",
                leaf.subject
            ))
            .hint("name its file in `ca`, if it is the right one")
        }
        (CertificateError::UnknownIssuer, Some(leaf)) => fault(format!(
            "certificate has an unknown issuer: {}",
            leaf.issuer
        ))
        .hint(
            "name the issuer's file in `ca`, or let the server send its intermediate certificates",
        ),
        // What `openssl req -x509` makes, unless told otherwise.
        (CertificateError::Other(why), Some(leaf))
            if why.to_string().contains("CaUsedAsEndEntity") =>
        {
            fault(format!(
                "certificate is an authority's own ({}, CA:TRUE), not a server's",
                leaf.subject
            ))
            .hint("make one for the server, signed by it or with basicConstraints CA:FALSE")
        }
        (CertificateError::Revoked, _) => fault("certificate is revoked".to_owned()),
        (CertificateError::BadSignature, _) => {
            fault("certificate has a wrong signature".to_owned())
        }
        (other, _) => fault(format!("certificate is not acceptable: {other}")),
    }
}
