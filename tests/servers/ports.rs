//! Ports for servers that take no listener of ours.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// A port for a server that is yet to start. It is none of those that the kernel gives to
/// connections and to listeners without a wish, which would take it meanwhile.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let first = range
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(32_768_u16);
    let below = first.saturating_sub(1024).max(1);
    for _ in 0..below {
        // Two of these programs at once begin at different places.
        let place = NEXT.fetch_add(1, Ordering::Relaxed);
        let spread = u32::from(place) + std::process::id() * 97;
        let port = 1024 + u16::try_from(spread % u32::from(below)).expect("a port");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port below {first} is free");
}
