//! Entries of the neighbour table, as programs and files print them.

use std::net::IpAddr;

use crate::probe::{Fault, FaultKind};

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) interface: String,
    /// The kernel's word; absent where only addresses are told.
    pub(super) state: Option<&'static str>,
    /// In lower case, two digits each; absent when nobody answered.
    pub(super) mac: Option<String>,
}

impl Entry {
    pub(super) fn is_incomplete(&self) -> bool {
        match self.state {
            // An address of before the failure may still be printed.
            Some(state) => matches!(state, "FAILED" | "INCOMPLETE"),
            None => self.mac.is_none(),
        }
    }
}

const STATES: &[&str] = &[
    "REACHABLE",
    "STALE",
    "DELAY",
    "PROBE",
    "PERMANENT",
    "NOARP",
    "INCOMPLETE",
    "FAILED",
    "NONE",
];

fn odd(program: &str, line: &str) -> Fault {
    let shown: String = line.chars().take(200).collect();
    Fault::new(FaultKind::Protocol, format!("{program} printed {shown:?}"))
}

/// `ip neigh show to ADDRESS`, of iproute2 and of busybox:
/// `192.0.2.1 dev eth0 lladdr 02:fc:00:00:00:05 STALE`, nothing without an entry.
pub(super) fn parse_neigh(text: &str, ip: IpAddr) -> Result<Vec<Entry>, Fault> {
    if !text.is_empty() && !text.ends_with('\n') {
        return Err(odd("ip", text));
    }
    let mut entries = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [address, "dev", interface, rest @ ..] = words.as_slice() else {
            return Err(odd("ip", line));
        };
        let state = rest.last().and_then(|last| {
            let known = STATES.iter().find(|state| *state == last);
            known.copied()
        });
        let (Ok(address), Some(state)) = (address.parse::<IpAddr>(), state) else {
            return Err(odd("ip", line));
        };
        let mac = match rest {
            ["lladdr", mac, ..] => Some(hardware(mac).ok_or_else(|| odd("ip", line))?),
            _ => None,
        };
        if address == ip {
            entries.push(Entry {
                interface: (*interface).to_owned(),
                state: Some(state),
                mac,
            });
        }
    }
    Ok(entries)
}

/// `/proc/net/arp`, which knows IPv4 and no states.
pub(super) fn parse_proc(text: &str, ip: IpAddr) -> Result<Vec<Entry>, Fault> {
    let mut lines = text.lines();
    match lines.next() {
        Some(heading) if heading.starts_with("IP address") && text.ends_with('\n') => {}
        first => return Err(odd("/proc/net/arp", first.unwrap_or_default())),
    }
    let mut entries = Vec::new();
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[address, _, flags, mac, _, interface] = words.as_slice() else {
            return Err(odd("/proc/net/arp", line));
        };
        let flags = flags.strip_prefix("0x");
        let flags = flags.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let (Ok(address), Some(flags)) = (address.parse::<IpAddr>(), flags) else {
            return Err(odd("/proc/net/arp", line));
        };
        if address == ip {
            // ATF_COM, ATF_PERM: the hardware address is known.
            let complete = flags & 0x6 != 0;
            let mac = complete.then(|| hardware(mac).ok_or_else(|| odd("/proc/net/arp", line)));
            entries.push(Entry {
                interface: interface.to_owned(),
                state: None,
                mac: mac.transpose()?,
            });
        }
    }
    Ok(entries)
}

/// `arp -an` of macOS: `? (192.168.0.1) at a4:2b:b0:c8:1:2 on en0 ifscope [ethernet]`.
pub(super) fn parse_arp(text: &str, ip: IpAddr) -> Result<Vec<Entry>, Fault> {
    let mut entries = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[_, address, "at", mac, "on", interface, ..] = words.as_slice() else {
            return Err(odd("arp", line));
        };
        let address = address.trim_matches(['(', ')']).parse::<IpAddr>();
        if address != Ok(ip) {
            continue;
        }
        let mac = match mac {
            "(incomplete)" => None,
            mac => Some(hardware(mac).ok_or_else(|| odd("arp", line))?),
        };
        entries.push(Entry {
            interface: interface.to_owned(),
            state: None,
            mac,
        });
    }
    Ok(entries)
}

/// A hardware address with two digits each; macOS leaves zeros out.
fn hardware(text: &str) -> Option<String> {
    let part = |part: &str| {
        let plain = matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_hexdigit());
        plain.then(|| format!("{part:0>2}").to_ascii_lowercase())
    };
    let parts: Option<Vec<String>> = text.split(':').map(part).collect();
    parts
        .filter(|parts| parts.len() > 1)
        .map(|parts| parts.join(":"))
}
