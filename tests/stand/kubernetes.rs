//! The API of Kubernetes over TLS: list and get, from the objects of a cluster, for those with a
//! client certificate of its authority or with the token.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value as Json, json};

use super::Stand;
use super::cluster::Cluster;

/// The token that is let in.
const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.stand.token";

/// How somebody may come to the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ApiAccess {
    /// A client certificate of its authority.
    Certificate,
    /// The token.
    Token,
    /// Another token, which it does not know.
    WrongToken,
    /// Nothing at all.
    Nobody,
}

/// An API server. It ends with its process; its world ends before.
pub(crate) struct Api {
    address: IpAddr,
    port: u16,
    ca: String,
    certificate: String,
    key: String,
    folder: PathBuf,
    requests: Arc<Mutex<Vec<String>>>,
    forbidden: Arc<Mutex<Vec<String>>>,
}

impl Stand {
    /// An API server of a cluster at an address of this world.
    pub(crate) fn kubernetes_api(&self, cluster: &Cluster<'_>, address: &str, port: u16) -> Api {
        let ip = self.address(address);
        let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority
            .distinguished_name
            .push(rcgen::DnType::CommonName, "k3s-server-ca");
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key"))
                .expect("signed");
        let signed = |names: Vec<String>, name: &str| {
            let mut leaf = CertificateParams::new(names).expect("parameters");
            leaf.distinguished_name
                .push(rcgen::DnType::CommonName, name);
            leaf.not_before = rcgen::date_time_ymd(2019, 1, 1);
            leaf.not_after = rcgen::date_time_ymd(2299, 1, 1);
            let key = KeyPair::generate().expect("a key");
            let certificate = leaf.signed_by(&key, &authority).expect("signed");
            (certificate, key)
        };
        let (server, server_key) = signed(vec![address.to_owned()], "k3s");
        let (client, client_key) = signed(Vec::new(), "system:admin");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.der().clone()).expect("a root");
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .allow_unauthenticated()
                .build()
                .expect("a verifier");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![server.der().clone()],
                PrivateKeyDer::Pkcs8(server_key.serialize_der().into()),
            )
            .expect("a certificate and its key");
        let listener = self
            .world()
            .run(move || TcpListener::bind((ip, port)).expect("the port"));
        let port = listener.local_addr().expect("its port").port();
        let api = Api {
            address: ip,
            port,
            ca: authority.pem(),
            certificate: client.pem(),
            key: client_key.serialize_pem(),
            folder: self.folder("kubernetes"),
            requests: Arc::default(),
            forbidden: Arc::default(),
        };
        let serving = Serving {
            objects: cluster.objects(),
            requests: Arc::clone(&api.requests),
            forbidden: Arc::clone(&api.forbidden),
        };
        let config = Arc::new(config);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let (config, serving) = (Arc::clone(&config), serving.clone());
                std::thread::spawn(move || drop(serving.serve(stream, config)));
            }
        });
        api
    }
}

impl Api {
    /// A kubeconfig for it, by its path on this machine.
    pub(crate) fn kubeconfig(&self, access: ApiAccess) -> PathBuf {
        let user = match access {
            ApiAccess::Certificate => {
                json!({"client-certificate-data": STANDARD.encode(&self.certificate), "client-key-data": STANDARD.encode(&self.key)})
            }
            ApiAccess::Token => json!({"token": TOKEN}),
            ApiAccess::WrongToken => json!({"token": "eyJhbGciOiJSUzI1NiJ9.another.token"}),
            ApiAccess::Nobody => json!({}),
        };
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "default", "preferences": {},
            "clusters": [{"name": "default", "cluster": {
                "server": format!("https://{}:{}", self.address, self.port),
                "certificate-authority-data": STANDARD.encode(&self.ca)}}],
            "contexts": [{"name": "default", "context": {"cluster": "default", "user": "default"}}],
            "users": [{"name": "default", "user": user}],
        });
        let path = self.folder.join(format!("{access:?}.kubeconfig"));
        // JSON is YAML.
        std::fs::write(&path, config.to_string()).expect("a file");
        path
    }

    /// The authority of its certificate, as PEM.
    pub(crate) fn ca(&self) -> &str {
        &self.ca
    }

    pub(crate) fn token(&self) -> &'static str {
        TOKEN
    }

    /// Every request so far: `GET /api/v1/nodes?limit=500`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("the lock").clone()
    }

    /// Refuses these resources, `nodes`, to everybody.
    pub(crate) fn forbid(&self, resources: &[&str]) {
        *self.forbidden.lock().expect("the lock") =
            resources.iter().map(ToString::to_string).collect();
    }
}

#[derive(Clone)]
struct Serving {
    objects: Arc<Mutex<Vec<Json>>>,
    requests: Arc<Mutex<Vec<String>>>,
    forbidden: Arc<Mutex<Vec<String>>>,
}

impl Serving {
    fn serve(&self, stream: TcpStream, config: Arc<ServerConfig>) -> std::io::Result<()> {
        let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
        let mut stream = BufReader::new(StreamOwned::new(connection, stream));
        loop {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                if stream.by_ref().take(16_384).read_until(b'\n', &mut head)? == 0 {
                    return Ok(());
                }
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let mut words = head.split(' ');
            let (method, target) = (
                words.next().unwrap_or_default(),
                words.next().unwrap_or_default(),
            );
            self.requests
                .lock()
                .expect("the lock")
                .push(format!("{method} {target}"));
            let certified = stream.get_ref().conn.peer_certificates().is_some();
            let bearer = head.lines().any(|line| {
                line.split_once(": ").is_some_and(|(name, value)| {
                    name.eq_ignore_ascii_case("authorization")
                        && value.trim() == format!("Bearer {TOKEN}")
                })
            });
            let (status, body) = if method != "GET" {
                failure(
                    405,
                    "MethodNotAllowed",
                    "the server does not allow this method on the requested resource",
                )
            } else if certified || bearer {
                self.answer(target)
            } else {
                failure(401, "Unauthorized", "Unauthorized")
            };
            let reason = body["reason"].as_str().unwrap_or("OK");
            let text = body.to_string();
            write!(
                stream.get_mut(),
                "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
                text.len()
            )?;
            stream.get_mut().flush()?;
        }
    }

    fn answer(&self, target: &str) -> (u16, Json) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        if path == "/version" {
            return (
                200,
                json!({"major": "1", "minor": "30", "gitVersion": "v1.30.4+k3s1"}),
            );
        }
        let (version, rest) = match &parts[..] {
            ["api", version, rest @ ..] => ((*version).to_owned(), rest),
            ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
            _ => {
                return failure(
                    404,
                    "NotFound",
                    "the server could not find the requested resource",
                );
            }
        };
        let (namespace, resource, name) = match rest {
            ["namespaces", namespace, resource] => (Some(*namespace), *resource, None),
            ["namespaces", namespace, resource, name] => (Some(*namespace), *resource, Some(*name)),
            [resource] => (None, *resource, None),
            [resource, name] => (None, *resource, Some(*name)),
            _ => {
                return failure(
                    404,
                    "NotFound",
                    "the server could not find the requested resource",
                );
            }
        };
        if self
            .forbidden
            .lock()
            .expect("the lock")
            .iter()
            .any(|known| known == resource)
        {
            return failure(
                403,
                "Forbidden",
                &format!(
                    "{resource} is forbidden: User \"system:admin\" cannot list resource \"{resource}\" at the cluster scope"
                ),
            );
        }
        let (mut limit, mut start, mut labels, mut fields) =
            (usize::MAX, 0_usize, Vec::new(), Vec::new());
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "limit" => limit = value.parse().expect("a number"),
                "continue" => start = value.parse().expect("what was given before"),
                "labelSelector" => labels = pairs(&value),
                "fieldSelector" => fields = pairs(&value),
                "timeoutSeconds" | "resourceVersion" => {}
                other => {
                    return failure(
                        400,
                        "BadRequest",
                        &format!("this stand does not know the parameter {other}"),
                    );
                }
            }
        }
        let objects = self.objects.lock().expect("the lock");
        let found: Vec<&Json> = objects
            .iter()
            .filter(|object| object["apiVersion"] == *version && plural(object) == resource)
            .filter(|object| {
                namespace.is_none_or(|namespace| object["metadata"]["namespace"] == namespace)
            })
            .filter(|object| {
                labels
                    .iter()
                    .all(|(key, value)| object["metadata"]["labels"][key] == *value)
            })
            .filter(|object| {
                fields.iter().all(|(key, value)| {
                    object[&format!("/{}", key.replace('.', "/"))[..]] == *value
                        || object
                            .pointer(&format!("/{}", key.replace('.', "/")))
                            .is_some_and(|seen| seen == value)
                })
            })
            .collect();
        let custom = version.contains('.') && !version.contains(".k8s.io/");
        let defined = objects.iter().any(|object| {
            object["kind"] == "CustomResourceDefinition"
                && object["spec"]["names"]["plural"] == resource
                && version.starts_with(object["spec"]["group"].as_str().unwrap_or("/"))
        });
        if custom && !defined {
            return failure(
                404,
                "NotFound",
                "the server could not find the requested resource",
            );
        }
        if let Some(name) = name {
            return match found
                .iter()
                .find(|object| object["metadata"]["name"] == name)
            {
                Some(object) => (200, (*object).clone()),
                None => failure(404, "NotFound", &format!("{resource} \"{name}\" not found")),
            };
        }
        let end = start.saturating_add(limit).min(found.len());
        let mut metadata = json!({"resourceVersion": "1"});
        if end < found.len() {
            metadata["continue"] = json!(end.to_string());
            metadata["remainingItemCount"] = json!(found.len() - end);
        }
        let items: Vec<Json> = found[start.min(end)..end]
            .iter()
            .map(|object| {
                // Items of a list do not tell what they are.
                let mut item = (*object).clone();
                item.as_object_mut()
                    .expect("an object")
                    .retain(|key, _| key != "kind" && key != "apiVersion");
                item
            })
            .collect();
        let kind = found
            .first()
            .and_then(|object| object["kind"].as_str())
            .unwrap_or("");
        (
            200,
            json!({"kind": format!("{kind}List"), "apiVersion": version, "metadata": metadata, "items": items}),
        )
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let each = text.split(',').filter_map(|pair| pair.split_once('='));
    each.map(|(key, value)| (key.to_owned(), value.trim_start_matches('=').to_owned()))
        .collect()
}

fn plural(object: &Json) -> String {
    let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
    if kind.ends_with('s') {
        kind
    } else {
        format!("{kind}s")
    }
}

fn failure(code: u16, reason: &str, message: &str) -> (u16, Json) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
        "reason": reason, "code": code});
    (code, status)
}
