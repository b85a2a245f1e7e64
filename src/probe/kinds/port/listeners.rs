//! Who listens, as the programs and files of a host tell it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::probe::{Fault, FaultKind};

/// One socket that is bound to the port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listener {
    /// The local address, as its source prints it, without brackets; absent
    /// where the source could not be read without a guess.
    pub(super) address: Option<String>,
    /// The names of the processes that hold it; absent when they were not told.
    pub(super) processes: Option<Vec<String>>,
}

impl Listener {
    /// Bound to every address of its family or of both, on all interfaces or one.
    pub(super) fn is_wildcard(address: &str) -> bool {
        let bare = without_zone(address);
        bare == "*" || bare.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified())
    }

    pub(super) fn is_loopback(address: &str) -> bool {
        without_zone(address)
            .parse()
            .is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
    }
}

/// `127.0.0.53%lo` is bound to that interface alone.
fn without_zone(address: &str) -> &str {
    address.split_once('%').map_or(address, |(bare, _)| bare)
}

fn odd(program: &str, line: &str) -> Fault {
    let shown: String = line.chars().take(200).collect();
    Fault::new(FaultKind::Protocol, format!("{program} printed {shown:?}"))
}

/// The table of `ss -lntp` or `ss -lnup`. Its heading is there even when
/// nothing listens, so that an empty answer is never taken for an empty table.
pub(super) fn parse_ss(text: &str, port: u16) -> Result<Vec<Listener>, Fault> {
    let mut lines = text.lines();
    match lines.next() {
        Some(heading) if heading.starts_with("State") => {}
        Some(line) => return Err(odd("ss", line)),
        None => return Err(Fault::new(FaultKind::Protocol, "ss printed nothing")),
    }
    let mut listeners = Vec::new();
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let (Some(state), Some(local), Some(peer)) = (words.next(), words.nth(2), words.next())
        else {
            return Err(odd("ss", line));
        };
        let (Some((address, number)), true) = (
            local.rsplit_once(':'),
            matches!(state, "LISTEN" | "UNCONN") && peer.ends_with(":*"),
        ) else {
            return Err(odd("ss", line));
        };
        let Ok(number) = number.parse::<u16>() else {
            return Err(odd("ss", line));
        };
        if number == port {
            listeners.push(Listener {
                address: Some(address.replace(['[', ']'], "")),
                processes: users(line),
            });
        }
    }
    Ok(listeners)
}

/// `users:(("nginx",pid=7,fd=6),("nginx",pid=8,fd=6))`; before iproute2 3.17
/// `users:(("nginx",7,6))`.
fn users(line: &str) -> Option<Vec<String>> {
    let (_, mut rest) = line.split_once(" users:(")?;
    let mut names = Vec::new();
    while let Some((_, after)) = rest.split_once("(\"") {
        let (name, after) = after.split_once("\",")?;
        names.push(name.to_owned());
        rest = after;
    }
    (!names.is_empty()).then_some(names)
}

/// The byte order of the host, from the first bytes of one of its programs;
/// `/proc/net` has addresses as numbers in that order.
pub(super) fn is_little_endian(elf: &[u8]) -> Option<bool> {
    match elf.strip_prefix(b"\x7fELF")? {
        [_, 1, ..] => Some(true),
        [_, 2, ..] => Some(false),
        _ => None,
    }
}

/// Lines of `/proc/net/tcp` and `/proc/net/tcp6` (or `udp`), headings included.
pub(super) fn parse_proc(
    text: &str,
    port: u16,
    state: &str,
    little_endian: Option<bool>,
) -> Result<Vec<Listener>, Fault> {
    let mut listeners = Vec::new();
    let mut has_heading = false;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if line.contains("local_address") {
            // The table of IPv6 says `remote_address`, and may not exist.
            has_heading |= line.contains("rem_address");
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[_, local, _, told, ..] = words.as_slice() else {
            return Err(odd("/proc/net", line));
        };
        let Some((digits, number)) = local.split_once(':') else {
            return Err(odd("/proc/net", line));
        };
        let (Some(bytes), Ok(number)) = (words_of(digits), u16::from_str_radix(number, 16)) else {
            return Err(odd("/proc/net", line));
        };
        if number == port && told == state {
            listeners.push(Listener {
                address: address(&bytes, little_endian).map(|ip| ip.to_string()),
                processes: None,
            });
        }
    }
    if has_heading {
        Ok(listeners)
    } else {
        Err(Fault::new(
            FaultKind::Protocol,
            "/proc/net has no table of connections",
        ))
    }
}

/// The 32-bit numbers of an address: one for IPv4, four for IPv6.
fn words_of(digits: &str) -> Option<Vec<u32>> {
    if !matches!(digits.len(), 8 | 32) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..digits.len())
        .step_by(8)
        .map(|at| u32::from_str_radix(digits.get(at..at + 8)?, 16).ok())
        .collect()
}

fn address(words: &[u32], little_endian: Option<bool>) -> Option<IpAddr> {
    let little_endian = match little_endian {
        // Zeros read the same both ways.
        None if words.iter().all(|&word| word == 0) => true,
        told => told?,
    };
    let bytes: Vec<u8> = words
        .iter()
        .flat_map(|word| {
            if little_endian {
                word.to_le_bytes()
            } else {
                word.to_be_bytes()
            }
        })
        .collect();
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes.as_slice()) {
        return Some(Ipv4Addr::from(bytes).into());
    }
    let bytes = <[u8; 16]>::try_from(bytes.as_slice()).ok()?;
    Some(Ipv6Addr::from(bytes).into())
}

/// macOS: `tcp4  0  0  127.0.0.1.5432  *.*  LISTEN`.
pub(super) fn parse_netstat(text: &str, port: u16, tcp: bool) -> Result<Vec<Listener>, Fault> {
    if !text.starts_with("Active Internet connections") {
        let first = text.lines().next().unwrap_or_default();
        return Err(odd("netstat", first));
    }
    let mut listeners = Vec::new();
    for line in text.lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let listens = match words.as_slice() {
            ["Proto", ..] | [] => continue,
            &[proto, _, _, _, _, "LISTEN", ..] if proto.starts_with("tcp") => tcp,
            &[proto, _, _, _, "*.*", ..] if proto.starts_with("udp") => !tcp,
            &[proto, _, _, _, _, ..] if proto.starts_with("tcp") || proto.starts_with("udp") => {
                false
            }
            _ => return Err(odd("netstat", line)),
        };
        let Some((address, number)) = words.get(3).and_then(|local| local.rsplit_once('.')) else {
            return Err(odd("netstat", line));
        };
        if listens && number.parse() == Ok(port) {
            listeners.push(Listener {
                address: Some(address.to_owned()),
                processes: None,
            });
        }
    }
    Ok(listeners)
}
