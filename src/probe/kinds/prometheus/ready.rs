//! Whether Prometheus is up, and how far it is when it is not; and whom it sends alerts.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{self, Told};
use crate::probe::kinds::alerts::{list, time};
use crate::probe::kinds::api::{Asking, READY};
use crate::probe::{Defaults, Facts, Fault, FaultKind};

const BUILD: &str = "api/v1/status/buildinfo";
pub(super) const RUNTIME: &str = "api/v1/status/runtimeinfo";
const REPLAY: &str = "api/v1/status/walreplay";
const ALERTMANAGERS: &str = "api/v1/alertmanagers";

/// Nothing further to say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ready {}

/// The Alertmanagers that Prometheus sends to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Alertmanagers {
    /// Their addresses, as far as `host:port`; each has to be among them.
    #[serde(default)]
    expect: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Build {
    #[serde(default)]
    version: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Runtime {
    start_time: Option<String>,
    last_config_time: Option<String>,
    reload_config_success: Option<bool>,
    corruption_count: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Replay {
    min: f64,
    max: f64,
    current: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    #[serde(default)]
    active_alertmanagers: Vec<Address>,
}

#[derive(Debug, Deserialize)]
struct Address {
    #[serde(default)]
    url: String,
}

impl Ready {
    pub(super) fn questions() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
        [READY, BUILD, RUNTIME]
            .map(|path| (path, Vec::new()))
            .to_vec()
    }

    pub(super) fn defaults() -> Defaults {
        Defaults {
            require: vec!["ready".to_owned()],
            prefer: ["config_ok", "corruptions == 0"]
                .into_iter()
                .zip(["config_ok", "corruptions"])
                .map(|(holds, fact)| format!("!has({fact}) || {holds}"))
                .collect(),
        }
    }

    pub(super) async fn facts(asking: &Asking<'_>) -> Result<Facts, Fault> {
        let (is_ready, reply) = asking.is_ready().await?;
        let mut facts = Facts::new();
        if !is_ready {
            facts.set("ready", false);
            reply.set_clock(&mut facts);
            // It answers this while it answers nothing else.
            if let Ok(told) = answer::ask::<Replay>(asking, REPLAY, &[]).await {
                told.data.set(&mut facts);
            }
            return Ok(facts);
        }
        // This one only Prometheus answers.
        let told: Told<Build> = answer::ask(asking, BUILD, &[]).await?;
        facts.set("ready", true);
        facts.set("version", told.data.version);
        told.reply.set_clock(&mut facts);
        if let Some(told) = runtime(asking).await? {
            facts.set_some("started_at", told.started_at());
            facts.set_some("config_ok", told.reload_config_success);
            facts.set_some("corruptions", told.corruption_count);
        }
        Ok(facts)
    }
}

/// What it tells of its run. None of others that speak its language, which do not have it.
///
/// # Errors
/// Those of [`answer::ask`].
pub(super) async fn runtime(asking: &Asking<'_>) -> Result<Option<Runtime>, Fault> {
    match answer::ask::<Runtime>(asking, RUNTIME, &[]).await {
        Ok(told) => Ok(Some(told.data)),
        Err(fault) if fault.kind == FaultKind::Protocol => Ok(None),
        Err(fault) => Err(fault),
    }
}

impl Runtime {
    /// When it was started, before it replayed its log.
    pub(super) fn started_at(&self) -> Option<Timestamp> {
        self.start_time.as_deref().and_then(time)
    }

    /// When it last read its configuration, and the rules with it, to whole seconds.
    pub(super) fn loaded_at(&self) -> Option<Timestamp> {
        self.last_config_time.as_deref().and_then(time)
    }
}

impl Replay {
    fn set(&self, facts: &mut Facts) {
        let whole = [self.min, self.max, self.current];
        // It has not begun to count.
        if self.max <= 0.0 || whole.iter().any(|number| !(0.0..1e12).contains(number)) {
            return;
        }
        facts.set("replay_segments", (self.max - self.min + 1.0).max(0.0));
        facts.set("replayed_segments", (self.current - self.min).max(0.0));
    }
}

impl Alertmanagers {
    pub(super) fn questions() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
        vec![(ALERTMANAGERS, Vec::new())]
    }

    pub(super) fn defaults() -> Defaults {
        Defaults::require(["size(alertmanagers) > 0", "size(missing) == 0"])
    }

    pub(super) async fn facts(&self, asking: &Asking<'_>) -> Result<Facts, Fault> {
        let told: Told<Known> = answer::ask(asking, ALERTMANAGERS, &[]).await?;
        let mut facts = Facts::new();
        let known = &told.data.active_alertmanagers;
        let known: Vec<&str> = known.iter().map(|known| known.url.as_str()).collect();
        let is_known = |address: &&String| {
            let parsed = known.iter().filter_map(|url| url::Url::parse(url).ok());
            let mut parsed = parsed.filter_map(|url| {
                let port = url.port_or_known_default()?;
                Some(format!("{}:{port}", url.host_str()?))
            });
            parsed.any(|known| known == **address)
        };
        let absent = self.expect.iter().filter(|address| !is_known(address));
        facts.set("missing", list(absent.cloned()));
        facts.set("alertmanagers", list(known));
        told.reply.set_clock(&mut facts);
        Ok(facts)
    }
}
