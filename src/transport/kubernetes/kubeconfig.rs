//! What a kubeconfig file says of a context: the server, whom to trust there, and who
//! we are.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{Fault, local, yaml};

/// Something that stands in the kubeconfig, or in a file that it names.
pub(super) enum Material {
    Data { key: &'static str, bytes: Vec<u8> },
    File(PathBuf),
}

impl fmt::Display for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data { key, .. } => write!(f, "`{key}` of the kubeconfig"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// A context, made out.
pub(super) struct Login {
    pub(super) server: Url,
    /// The name that the server's certificate has to be for, where it is another one.
    pub(super) name: Option<String>,
    pub(super) verify: bool,
    /// Whom to trust; this machine's authorities where none is named.
    pub(super) authority: Option<Material>,
    /// Certificate and key.
    pub(super) certificate: Option<(Material, Material)>,
    pub(super) token: Option<Material>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default, rename = "current-context")]
    current: Option<String>,
    #[serde(default)]
    clusters: Option<Vec<NamedCluster>>,
    #[serde(default)]
    users: Option<Vec<NamedUser>>,
    #[serde(default)]
    contexts: Option<Vec<NamedContext>>,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    #[serde(default)]
    certificate_authority: Option<String>,
    #[serde(default)]
    certificate_authority_data: Option<String>,
    #[serde(default)]
    insecure_skip_tls_verify: Option<bool>,
    #[serde(default)]
    tls_server_name: Option<String>,
    #[serde(default)]
    proxy_url: Option<String>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    #[serde(default)]
    user: Option<User>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    #[serde(default)]
    client_certificate: Option<String>,
    #[serde(default)]
    client_certificate_data: Option<String>,
    #[serde(default)]
    client_key: Option<String>,
    #[serde(default)]
    client_key_data: Option<String>,
    #[serde(default)]
    token: Option<String>,
    #[serde(default, rename = "tokenFile")]
    token_file: Option<String>,
    #[serde(default)]
    exec: Option<Value>,
    #[serde(default)]
    auth_provider: Option<Value>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default, rename = "as")]
    impersonated: Option<Value>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Deserialize)]
struct Context {
    cluster: String,
    #[serde(default)]
    user: Option<String>,
}

/// What the context, or else the current one, says.
///
/// # Errors
/// `LocalSetup`, without a word of what may be secret.
pub(super) fn read(text: &[u8], path: &Path, context: Option<&str>) -> Result<Login, Fault> {
    let place = path.display();
    let text = std::str::from_utf8(text)
        .map_err(|_| local(format!("{place} is no kubeconfig: it is no text")))?;
    let value =
        yaml::read(text).map_err(|why| local(format!("{place} is no kubeconfig: {why}")))?;
    // The error of a wrong type would quote it.
    let config: Config = serde_path_to_error::deserialize(value).map_err(|error| {
        local(format!(
            "{place} is no kubeconfig: `{}` is not what it should be, or lacks something",
            error.path()
        ))
    })?;
    let contexts = config.contexts.unwrap_or_default();
    let wanted = context.or(config.current.as_deref().filter(|name| !name.is_empty()));
    let wanted = wanted.ok_or_else(|| {
        let names = names(contexts.iter().map(|one| one.name.as_str()));
        local(format!("{place} has no current context"))
            .hint(format!("`context:` with one of: {names}"))
    })?;
    let found = contexts.iter().find(|one| one.name == wanted);
    let found = found.ok_or_else(|| {
        let names = names(contexts.iter().map(|one| one.name.as_str()));
        local(format!("{place} has no context {wanted:?}")).hint(format!("it has: {names}"))
    })?;
    let Context { cluster, user } = &found.context;
    let clusters = config.clusters.unwrap_or_default();
    let known = clusters.into_iter().find(|one| one.name == *cluster);
    let known = known.ok_or_else(|| {
        local(format!(
            "{place} has no cluster {cluster:?}, of the context {wanted:?}"
        ))
    })?;
    let user = match user.as_deref().filter(|name| !name.is_empty()) {
        None => User::default(),
        Some(name) => {
            let users = config.users.unwrap_or_default();
            let known = users.into_iter().find(|one| one.name == name);
            let known = known.ok_or_else(|| {
                local(format!(
                    "{place} has no user {name:?}, of the context {wanted:?}"
                ))
            })?;
            known.user.unwrap_or_default()
        }
    };
    refuse(&known.cluster, &user, path)?;
    made_out(known.cluster, user, path)
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// What is not done, though kubectl does it.
fn refuse(cluster: &Cluster, user: &User, path: &Path) -> Result<(), Fault> {
    let place = path.display();
    let plugin = user.exec.as_ref().or(user.auth_provider.as_ref());
    if let Some(plugin) = plugin.filter(|plugin| !plugin.is_null()) {
        let named = ["command", "name"]
            .iter()
            .find_map(|key| plugin.get(key)?.as_str());
        let named = named.map_or_else(String::new, |name| format!(", {name:?}"));
        return Err(local(format!(
            "{place} has a program run for its login{named}, and none is run from here"
        ))
        .hint("a context with a token or a certificate, or `on: HOST` with kubectl, which runs it there"));
    }
    if user.username.is_some() {
        return Err(local(format!(
            "{place} has a password for its login, which API servers no longer take"
        ))
        .hint("a context with a token or a certificate"));
    }
    if user.impersonated.as_ref().is_some_and(|one| !one.is_null()) {
        return Err(local(format!("{place} plays somebody else by `as`"))
            .hint("a context of a user with rights of its own"));
    }
    if cluster
        .proxy_url
        .as_deref()
        .is_some_and(|url| !url.is_empty())
    {
        return Err(
            local(format!("{place} leads through a proxy, and none is used"))
                .hint("`via: HOST` goes through that host's SSH connection"),
        );
    }
    Ok(())
}

fn made_out(cluster: Cluster, user: User, path: &Path) -> Result<Login, Fault> {
    let place = path.display();
    let server: Url = cluster
        .server
        .parse()
        .map_err(|error| local(format!("{place} has a server that is no address: {error}")))?;
    if !matches!(server.scheme(), "https" | "http")
        || server.host_str().is_none()
        || !server.username().is_empty()
        || server.password().is_some()
    {
        return Err(local(format!(
            "{place} has a server that is no plain address with https"
        )));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let material =
        |key, data: Option<String>, file: Option<String>| -> Result<Option<Material>, Fault> {
            // As kubectl has it: what stands in the file itself comes first.
            if let Some(data) = data.filter(|data| !data.is_empty()) {
                let packed: String = data.split_whitespace().collect();
                let bytes = STANDARD
                    .decode(packed)
                    .map_err(|_| local(format!("`{key}` in {place} is not base64")))?;
                return Ok(Some(Material::Data { key, bytes }));
            }
            let file = file.filter(|file| !file.is_empty());
            Ok(file.map(|file| Material::File(folder.join(file))))
        };
    let authority = material(
        "certificate-authority-data",
        cluster.certificate_authority_data,
        cluster.certificate_authority,
    )?;
    let certificate = material(
        "client-certificate-data",
        user.client_certificate_data,
        user.client_certificate,
    )?;
    let key = material("client-key-data", user.client_key_data, user.client_key)?;
    let certificate = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => return Err(local(format!("{place} has a certificate without its key"))),
        (None, Some(_)) => return Err(local(format!("{place} has a key without its certificate"))),
    };
    let file = user.token_file.filter(|file| !file.is_empty());
    let token = match (file, user.token.filter(|token| !token.is_empty())) {
        (Some(file), _) => Some(Material::File(folder.join(file))),
        (None, Some(token)) => Some(Material::Data {
            key: "token",
            bytes: token.into_bytes(),
        }),
        (None, None) => None,
    };
    Ok(Login {
        server,
        name: cluster.tls_server_name.filter(|name| !name.is_empty()),
        verify: !cluster.insecure_skip_tls_verify.unwrap_or(false),
        authority,
        certificate,
        token,
    })
}
