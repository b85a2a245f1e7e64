//! The addresses of a host's interfaces, as `ip` and `ifconfig` print them.

use std::net::IpAddr;

use serde_json::Value as Json;

use crate::probe::{Fault, FaultKind};

/// One address of an interface.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assigned {
    pub(super) interface: String,
    pub(super) address: IpAddr,
}

/// Every address in what was printed, in any of the forms.
///
/// # Errors
/// `Protocol`: there is no address at all in it, and every host has that of loopback.
pub(super) fn parse(text: &str, program: &str) -> Result<Vec<Assigned>, Fault> {
    let assigned = if text.trim_start().starts_with('[') {
        of_json(text)
    } else {
        of_lines(text)
    };
    if assigned.is_empty() {
        let seen = format!("{program} printed no address");
        return Err(Fault::new(FaultKind::Protocol, seen));
    }
    Ok(assigned)
}

fn of_json(text: &str) -> Vec<Assigned> {
    let Ok(Json::Array(links)) = serde_json::from_str(text) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for link in &links {
        let Some(interface) = link.get("ifname").and_then(Json::as_str) else {
            continue;
        };
        let infos = link.get("addr_info").and_then(Json::as_array);
        for info in infos.into_iter().flatten() {
            // Another host had it first, so that the kernel does not use it.
            let is_refused = info.get("dadfailed") == Some(&Json::Bool(true));
            let local = info.get("local").and_then(Json::as_str);
            if let Some(address) = local.and_then(parsed).filter(|_| !is_refused) {
                all.push(Assigned {
                    interface: interface.to_owned(),
                    address,
                });
            }
        }
    }
    all
}

/// Lines of `ip addr` begin an interface by `2: eth0@if3: <…>` and those of
/// `ifconfig` by `eth0: flags=…` or `eth0      Link encap:…`, all at their very
/// start; lines with addresses are indented.
fn of_lines(text: &str) -> Vec<Assigned> {
    let mut all = Vec::new();
    let mut interface = String::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else {
            continue;
        };
        if !line.starts_with([' ', '\t']) {
            let is_number = first
                .strip_suffix(':')
                .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
            let name = if is_number { words.next() } else { Some(first) };
            let name = name.unwrap_or_default().trim_end_matches(':');
            name.split('@')
                .next()
                .unwrap_or_default()
                .clone_into(&mut interface);
            continue;
        }
        if !matches!(first, "inet" | "inet6") || line.contains(" dadfailed") {
            continue;
        }
        // `inet addr:192.0.2.1` of old, `inet6 addr: ::1/128` of BusyBox.
        let address = words
            .map(|word| word.trim_start_matches("addr:"))
            .find(|word| !word.is_empty())
            .and_then(parsed);
        if let Some(address) = address {
            all.push(Assigned {
                interface: interface.clone(),
                address,
            });
        }
    }
    all
}

/// An address, with what may follow it: `/24`, `%eth0`.
fn parsed(text: &str) -> Option<IpAddr> {
    let end = text.find(['/', '%']).unwrap_or(text.len());
    text[..end].parse().ok()
}
