//! The parts of Kubernetes' objects that are looked at, as its API reference has
//! them. Whatever else an object holds, the values of its variables above all, is not
//! kept.

mod others;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

pub(super) use others::{
    Claim, CronJob, EndpointSlice, Endpoints, Event, Job, Service, Volume, Workload,
};

/// A list of objects of one kind.
#[derive(Debug, Deserialize)]
pub(super) struct List<T> {
    // A list that has nothing in it is `[]`, or Go's empty list, `null`.
    #[serde(deserialize_with = "or_empty", bound = "T: Deserialize<'de>")]
    pub(super) items: Vec<T>,
}

fn or_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}

/// The default where there is `null`, which Go writes for an empty list or map.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A moment; none when what stands there cannot be read as one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) Option<Timestamp>);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(Self(text.and_then(|text| text.parse().ok())))
    }
}

/// What every object has.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta {
    pub(super) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) namespace: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) generation: Option<i64>,
    #[serde(default)]
    pub(super) creation_timestamp: Moment,
    #[serde(default)]
    pub(super) deletion_timestamp: Moment,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) owner_references: Vec<Owner>,
}

impl Meta {
    /// The controllers and others of that kind that it belongs to.
    pub(super) fn owner(&self, kind: &str) -> Option<&str> {
        let mut owners = self.owner_references.iter();
        let owner = owners.find(|owner| owner.kind == kind)?;
        Some(&owner.name)
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Owner {
    pub(super) kind: String,
    pub(super) name: String,
}

/// Something that lives in a list and has a name.
pub(super) trait Object {
    fn meta(&self) -> &Meta;
}

macro_rules! objects {
    ($($object:ty),+) => {
        $(impl Object for $object {
            fn meta(&self) -> &Meta {
                &self.metadata
            }
        })+
    };
}

objects!(
    Node,
    Pod,
    Workload,
    CronJob,
    Job,
    Service,
    EndpointSlice,
    Endpoints,
    Volume,
    Claim,
    Event,
    Namespace
);

/// `status.conditions` of any object.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub(super) of: String,
    pub(super) status: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) reason: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) message: String,
    /// Of a node's: when its kubelet last told it.
    #[serde(default, rename = "lastHeartbeatTime")]
    pub(super) last_heartbeat: Moment,
}

/// The condition of that type.
pub(super) fn condition<'a>(conditions: &'a [Condition], of: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.of == of)
}

#[derive(Debug, Deserialize)]
pub(super) struct Namespace {
    pub(super) metadata: Meta,
}

#[derive(Debug, Deserialize)]
pub(super) struct Node {
    pub(super) metadata: Meta,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) spec: NodeSpec,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) status: NodeStatus,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct NodeSpec {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) unschedulable: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeStatus {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) conditions: Vec<Condition>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) addresses: Vec<NodeAddress>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) node_info: NodeInfo,
}

#[derive(Debug, Deserialize)]
pub(super) struct NodeAddress {
    pub(super) address: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeInfo {
    #[serde(default)]
    pub(super) kubelet_version: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Pod {
    pub(super) metadata: Meta,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) spec: PodSpec,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) status: PodStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodSpec {
    /// Where it runs, once that is decided.
    #[serde(default)]
    pub(super) node_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodStatus {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) phase: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) reason: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) message: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) conditions: Vec<Condition>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) init_container_statuses: Vec<ContainerStatus>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContainerStatus {
    pub(super) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) restart_count: u32,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) state: ContainerState,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) last_state: ContainerState,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ContainerState {
    #[serde(default)]
    pub(super) waiting: Option<Waiting>,
    #[serde(default)]
    pub(super) terminated: Option<Terminated>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Waiting {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) reason: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) message: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Terminated {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) exit_code: Option<i32>,
}
