//! The repository of a plan, opened with the credentials that Redis has.

use secrecy::SecretString;

use super::Hash;
use crate::probe::kinds::restic::{Access, Seen};
use crate::probe::{Context, Fault};
use crate::transport::command::{Values, Variable, address};

/// What restic is asked: the least that takes the place and the password.
pub(super) const QUESTION: [&str; 2] = ["cat", "config"];

/// The fields whose values restic takes from its environment.
const FIELDS: &[(&str, &str)] = &[
    ("aws_access_key_id", "AWS_ACCESS_KEY_ID"),
    ("aws_default_region", "AWS_DEFAULT_REGION"),
    ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"),
    ("azure_account_key", "AZURE_ACCOUNT_KEY"),
    ("azure_account_name", "AZURE_ACCOUNT_NAME"),
    ("b2_account_id", "B2_ACCOUNT_ID"),
    ("b2_account_key", "B2_ACCOUNT_KEY"),
    ("password", "RESTIC_PASSWORD"),
    ("rclone_config", "RCLONE_CONFIG"),
];

/// Fields that say where something is, and not by what it opens.
const PLAIN: &[&str] = &[
    "aws_default_region",
    "name",
    "path",
    "provider",
    "rclone_config",
    "url",
];

/// Hides what is secret in it from now on, wherever it could be shown.
pub(super) fn hide(repository: &Hash, context: &Context) {
    let secrets = &context.transports.secrets;
    for (field, value) in repository {
        if PLAIN.contains(&field.as_str()) {
            let found = address::secrets_in(value).into_iter();
            found.for_each(|secret| secrets.meet(secret));
        } else {
            secrets.meet(SecretString::from(value.as_str()));
        }
    }
    // The contents of a configuration in the place of its path.
    if let Some(config) = repository.get("rclone_config")
        && !config.starts_with('/')
    {
        let lines = config.lines().filter_map(|line| line.split_once('='));
        for (_, value) in lines {
            secrets.meet(SecretString::from(value.trim()));
        }
    }
}

/// What restic is given of the repository, and nothing of it on its command line.
pub(super) fn values(repository: &Hash, folder: Option<&str>) -> Result<Values, String> {
    let location = location(repository, folder)?;
    let needed: &[&str] = match location.split(':').next() {
        Some("s3") => &["aws_access_key_id", "aws_secret_access_key"],
        Some("b2") => &["b2_account_id", "b2_account_key"],
        Some("azure") => &["azure_account_name", "azure_account_key"],
        _ => &[],
    };
    let has = |field: &str| repository.get(field).is_some_and(|value| !value.is_empty());
    if let Some(absent) = needed.iter().chain(&["password"]).find(|field| !has(field)) {
        return Err(format!("Redis has no {absent} for the repository"));
    }
    let mut values = Values::default();
    let mut give = |name: &str, value: &str| match Variable::of("restic", name) {
        Some(variable) => values
            .give(variable, SecretString::from(value))
            .map_err(|refused| format!("the repository in Redis: {}", refused.message)),
        None => Ok(()),
    };
    give("RESTIC_REPOSITORY", &location)?;
    for (field, name) in FIELDS {
        let Some(value) = repository.get(*field).filter(|value| !value.is_empty()) else {
            continue;
        };
        if *field == "rclone_config" {
            if !value.starts_with('/') {
                return Err(
                    "rclone_config in Redis is no path of a file, and to write one would change the host"
                        .to_owned(),
                );
            }
            // The cluster's restic is root's, and in a home somebody else says what rclone runs.
            if !["/etc/", "/root/"]
                .iter()
                .any(|folder| value.starts_with(folder))
            {
                return Err(
                    "rclone_config in Redis is no file of root's: its file can name a program to run; \
                     name one below /etc or /root/.config/rclone"
                        .to_owned(),
                );
            }
        }
        give(name, value)?;
    }
    Ok(values)
}

/// The repository as restic spells it.
fn location(repository: &Hash, folder: Option<&str>) -> Result<String, String> {
    let field = |name: &str| repository.get(name).filter(|value| !value.is_empty());
    let url = field("url")
        .or_else(|| field("path"))
        .ok_or("Redis has no url for the repository")?;
    let provider = field("provider").map_or("", String::as_str);
    let scheme = match provider {
        "s3" | "aws" => "s3:",
        "b2" | "backblaze" => "b2:",
        "sftp" => "sftp:",
        "rclone" => "rclone:",
        "azure" => "azure:",
        _ => "",
    };
    let schemes = [
        "s3:", "b2:", "sftp:", "rclone:", "azure:", "rest:", "gs:", "swift:",
    ];
    let url = url
        .strip_prefix("file://")
        .or_else(|| url.strip_prefix("local:"))
        .unwrap_or(url);
    let spelled = schemes.iter().any(|scheme| url.starts_with(scheme));
    let mut location = if spelled {
        url.to_owned()
    } else {
        format!("{scheme}{url}")
    };
    if let Some(folder) = folder {
        let bucket_alone = ["b2:", "azure:", "rclone:"]
            .iter()
            .filter_map(|scheme| location.strip_prefix(scheme))
            .any(|rest| !rest.contains(':'));
        let ends = location.ends_with([':', '/']);
        location.push_str(match (bucket_alone, ends) {
            (_, true) => "",
            (true, false) => ":",
            (false, false) => "/",
        });
        location.push_str(folder);
    }
    Ok(location)
}

/// The folder of a module's repository.
pub(super) fn folder(path: &str, module: &str, environment: &Hash) -> Result<String, String> {
    let absent = |name: &str| format!("the environment of {module} in Redis has no {name}");
    let mut folder = path.replace("{module}", module);
    if folder.contains("{uuid}") {
        let uuid = environment
            .get("MODULE_UUID")
            .ok_or_else(|| absent("MODULE_UUID"))?;
        folder = folder.replace("{uuid}", uuid);
    }
    if folder.contains("{image}") {
        let url = environment
            .get("IMAGE_URL")
            .ok_or_else(|| absent("IMAGE_URL"))?;
        // `ghcr.io/nethserver/samba:v1` and `…/samba@sha256:…` are `samba`.
        let last = url.rsplit('/').next().unwrap_or(url);
        let image = last.split([':', '@']).next().unwrap_or(last);
        folder = folder.replace("{image}", image);
    }
    Ok(folder.trim_matches('/').to_owned())
}

/// A `{part}` that [`folder`] does not know.
pub(super) fn unknown_part(path: &str) -> Option<String> {
    let known = ["{module}", "{uuid}", "{image}"];
    let rest = known
        .iter()
        .fold(path.to_owned(), |rest, part| rest.replace(part, ""));
    let at = rest.find(['{', '}'])?;
    let tail = rest.get(at..)?;
    let end = tail.find('}').map_or(tail.len(), |end| end + 1);
    tail.get(..end).map(str::to_owned)
}

/// How restic is asked.
pub(super) fn access(variables: Vec<Variable>, sudo: bool) -> Access {
    Access {
        sudo,
        flags: Vec::new(),
        variables,
    }
}

/// Opens the repository: the inner error is what keeps it closed.
pub(super) async fn open(
    context: &Context,
    values: &Values,
    sudo: bool,
) -> Result<Result<(), String>, Fault> {
    let access = access(values.variables(), sudo);
    match access.open(context, values, &QUESTION).await? {
        Seen::Open => Ok(Ok(())),
        Seen::Closed(fault) => Ok(Err(match fault.hint {
            Some(hint) => format!("{}; {hint}", fault.seen),
            None => fault.seen,
        })),
    }
}
