//! What the lists of services and of what is behind them tell.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{EndpointSlice, Endpoints, Service};
use super::options::ServicesAsked;
use super::shown::{number, texts};
use crate::probe::{Facts, Value};

/// The label that names the service of a slice.
const SERVICE: &str = "kubernetes.io/service-name";

/// Ready addresses by namespace and name of the service.
pub(super) type Behind<'a> = BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>;

/// From endpoint slices, which Kubernetes has since 1.17.
pub(super) fn of_slices(slices: &[EndpointSlice]) -> Behind<'_> {
    let mut behind = Behind::new();
    for slice in slices {
        let Some(service) = slice.metadata.labels.get(SERVICE) else {
            continue;
        };
        let ready = slice.endpoints.iter();
        let ready = ready.filter(|one| one.conditions.ready != Some(false));
        // Of two slices, for IPv4 and IPv6 say, one may be empty.
        behind
            .entry((&slice.metadata.namespace, service))
            .or_default()
            .extend(ready.flat_map(|one| one.addresses.iter().map(String::as_str)));
    }
    behind
}

/// From endpoints, which newer clusters call deprecated.
pub(super) fn of_endpoints(endpoints: &[Endpoints]) -> Behind<'_> {
    endpoints
        .iter()
        .map(|one| {
            let addresses = one.subsets.iter().flat_map(|subset| &subset.addresses);
            let key = (one.metadata.namespace.as_str(), one.metadata.name.as_str());
            (key, addresses.map(|at| at.ip.as_str()).collect())
        })
        .collect()
}

pub(super) fn tell(
    services: &[Service],
    behind: &Behind<'_>,
    asked: &ServicesAsked,
    facts: &mut Facts,
) {
    let part = asked.part();
    let selected = part.of(services);
    let (mut counts, mut empty) = (Vec::new(), Vec::new());
    for service in &selected {
        // Only a name for another host: there is nothing behind it.
        if service.spec.of.as_deref() == Some("ExternalName") {
            continue;
        }
        let meta = &service.metadata;
        let name = part.name(meta);
        let ready = behind.get(&(meta.namespace.as_str(), meta.name.as_str()));
        let ready = ready.map_or(0, BTreeSet::len);
        if ready == 0 {
            empty.push(name.clone());
        }
        counts.push((name, Value::from(number(ready))));
    }
    facts.set("missing", part.missing(&selected));
    facts.set("count", number(selected.len()));
    facts.set("endpoints", Value::Map(counts.into_iter().collect()));
    facts.set("without_endpoints", texts(empty));
}
