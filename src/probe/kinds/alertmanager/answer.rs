//! Alertmanager's answers, version 2 of its API
//! (<https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>).

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::probe::kinds::alerts::Labels;
use crate::probe::kinds::api::{Asking, Reply};
use crate::probe::{Fault, FaultKind};

/// Asks for `path`.
///
/// # Errors
/// Those of [`Asking::get`]; `Refused` while it starts or stops, `Protocol` for an answer
/// that is an error, or of another server.
pub(super) async fn ask<T: DeserializeOwned>(
    asking: &Asking<'_>,
    path: &str,
    parameters: &[(&str, &str)],
) -> Result<(T, Reply), Fault> {
    let reply = asking.get(path, parameters).await?;
    let what = || format!("status {} ({})", reply.status, reply.quoted(asking));
    match reply.status {
        200 => Ok((asking.api.json(&reply)?, reply)),
        503 if !reply.is_html() => {
            let seen = format!("{} from {}", what(), reply.url);
            Err(Fault::new(FaultKind::Refused, seen)
                .hint("it starts or stops: its log tells which"))
        }
        _ => Err(asking.api.another(&what(), &reply.url)),
    }
}

/// `GET /api/v2/status`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) cluster: Cluster,
    pub(super) version_info: Version,
    /// Since when it runs.
    #[serde(default)]
    pub(super) uptime: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Cluster {
    pub(super) status: String,
    #[serde(default)]
    pub(super) peers: Option<Vec<Peer>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Peer {
    #[serde(default)]
    pub(super) address: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Version {
    #[serde(default)]
    pub(super) version: String,
}

/// Of `GET /api/v2/alerts`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    pub(super) labels: Labels,
    #[serde(default)]
    pub(super) starts_at: String,
    #[serde(default)]
    pub(super) updated_at: String,
    pub(super) status: State,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    #[serde(default)]
    silenced_by: Vec<String>,
    #[serde(default)]
    inhibited_by: Vec<String>,
    /// Intervals of time in which nobody is told. Left out before 0.28.
    #[serde(default)]
    muted_by: Vec<String>,
}

impl Alert {
    /// Whether nothing keeps it quiet. So is one whose state is `unprocessed`: nobody was told
    /// of it yet, and it fires.
    pub(super) fn is_active(&self) -> bool {
        !self.is_silenced() && !self.is_inhibited() && !self.is_muted()
    }

    pub(super) fn is_muted(&self) -> bool {
        !self.status.muted_by.is_empty()
    }

    pub(super) fn is_silenced(&self) -> bool {
        !self.status.silenced_by.is_empty()
    }

    pub(super) fn is_inhibited(&self) -> bool {
        !self.status.inhibited_by.is_empty()
    }
}

/// Of `GET /api/v2/silences`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Silence {
    #[serde(default)]
    pub(super) created_by: String,
    #[serde(default)]
    pub(super) comment: String,
    #[serde(default)]
    pub(super) ends_at: String,
    #[serde(default)]
    pub(super) matchers: Vec<Condition>,
    status: SilenceState,
}

#[derive(Debug, Deserialize)]
struct SilenceState {
    state: String,
}

impl Silence {
    pub(super) fn is(&self, state: &str) -> bool {
        self.status.state == state
    }
}

/// A condition of a silence.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Condition {
    pub(super) name: String,
    pub(super) value: String,
    #[serde(default)]
    pub(super) is_regex: bool,
    /// Left out by versions before 0.22, which had no other.
    #[serde(default = "equal")]
    pub(super) is_equal: bool,
}

fn equal() -> bool {
    true
}
