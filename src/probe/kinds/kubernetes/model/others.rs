//! Objects beside nodes and pods.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Condition, Meta, Moment, condition, or_default};

/// A deployment, stateful set or daemon set.
#[derive(Debug, Deserialize)]
pub(in super::super) struct Workload {
    pub(in super::super) metadata: Meta,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) spec: WorkloadSpec,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) status: WorkloadStatus,
}

#[derive(Debug, Default, Deserialize)]
pub(in super::super) struct WorkloadSpec {
    #[serde(default)]
    pub(in super::super) replicas: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct WorkloadStatus {
    #[serde(default)]
    pub(in super::super) observed_generation: Option<i64>,
    #[serde(default)]
    pub(in super::super) available_replicas: Option<u32>,
    #[serde(default)]
    pub(in super::super) ready_replicas: Option<u32>,
    #[serde(default)]
    pub(in super::super) updated_replicas: Option<u32>,
    #[serde(default)]
    pub(in super::super) desired_number_scheduled: Option<u32>,
    #[serde(default)]
    pub(in super::super) number_available: Option<u32>,
    #[serde(default)]
    pub(in super::super) updated_number_scheduled: Option<u32>,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) conditions: Vec<Condition>,
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct CronJob {
    pub(in super::super) metadata: Meta,
    pub(in super::super) spec: CronJobSpec,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) status: CronJobStatus,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct CronJobSpec {
    pub(in super::super) schedule: String,
    #[serde(default)]
    pub(in super::super) time_zone: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) suspend: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct CronJobStatus {
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) active: Vec<IgnoredAny>,
    #[serde(default)]
    pub(in super::super) last_schedule_time: Moment,
    /// Since Kubernetes 1.21.
    #[serde(default)]
    pub(in super::super) last_successful_time: Moment,
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct Job {
    pub(in super::super) metadata: Meta,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) status: JobStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct JobStatus {
    #[serde(default)]
    pub(in super::super) start_time: Moment,
    #[serde(default)]
    pub(in super::super) completion_time: Moment,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) active: u32,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) conditions: Vec<Condition>,
}

impl Job {
    /// The condition of that type, where it is true.
    pub(in super::super) fn is(&self, of: &str) -> Option<&Condition> {
        condition(&self.status.conditions, of).filter(|condition| condition.status == "True")
    }

    /// When it ended well.
    pub(in super::super) fn succeeded(&self) -> Option<Timestamp> {
        self.is("Complete")?;
        self.status.completion_time.0
    }
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct Service {
    pub(in super::super) metadata: Meta,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) spec: ServiceSpec,
}

#[derive(Debug, Default, Deserialize)]
pub(in super::super) struct ServiceSpec {
    #[serde(default, rename = "type")]
    pub(in super::super) of: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct EndpointSlice {
    pub(in super::super) metadata: Meta,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) endpoints: Vec<Endpoint>,
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct Endpoint {
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) addresses: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) conditions: EndpointConditions,
}

#[derive(Debug, Default, Deserialize)]
pub(in super::super) struct EndpointConditions {
    /// Nobody knows otherwise where it is not told: it counts as ready then.
    #[serde(default)]
    pub(in super::super) ready: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct Endpoints {
    pub(in super::super) metadata: Meta,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) subsets: Vec<Subset>,
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct Subset {
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) addresses: Vec<SubsetAddress>,
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct SubsetAddress {
    pub(in super::super) ip: String,
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct Volume {
    pub(in super::super) metadata: Meta,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) spec: VolumeSpec,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) status: VolumeStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct VolumeSpec {
    #[serde(default)]
    pub(in super::super) claim_ref: Option<ClaimRef>,
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct ClaimRef {
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) namespace: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) name: String,
}

#[derive(Debug, Default, Deserialize)]
pub(in super::super) struct VolumeStatus {
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) phase: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) reason: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) message: String,
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct Claim {
    pub(in super::super) metadata: Meta,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) status: ClaimStatus,
}

#[derive(Debug, Default, Deserialize)]
pub(in super::super) struct ClaimStatus {
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) phase: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Event {
    pub(in super::super) metadata: Meta,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) involved_object: Involved,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) reason: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) message: String,
    #[serde(default, rename = "type", deserialize_with = "or_default")]
    pub(in super::super) of: String,
    #[serde(default)]
    pub(in super::super) count: Option<u32>,
    #[serde(default)]
    last_timestamp: Moment,
    #[serde(default)]
    event_time: Moment,
    #[serde(default)]
    series: Option<Series>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    #[serde(default)]
    count: Option<u32>,
    #[serde(default)]
    last_observed_time: Moment,
}

#[derive(Debug, Default, Deserialize)]
pub(in super::super) struct Involved {
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) kind: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(in super::super) namespace: String,
}

impl Event {
    /// When it happened last: old and new reporters tell it in different places.
    pub(in super::super) fn last(&self) -> Option<Timestamp> {
        let series = self.series.as_ref();
        let series = series.and_then(|series| series.last_observed_time.0);
        series.or(self.last_timestamp.0).or(self.event_time.0)
    }

    /// How often it happened.
    pub(in super::super) fn times(&self) -> u32 {
        let series = self.series.as_ref().and_then(|series| series.count);
        series.or(self.count).unwrap_or(1)
    }
}
