//! How the logs of the lab's servers say what the audit says.

use std::path::Path;

use serde_json::Value;

use crate::stage::Sent;

const GATEWAY: &str = "192.168.0.188";

/// What a line of the audit puts on the wire of the LAN.
pub(super) fn packets(line: &Sent) -> Vec<String> {
    let udp = "udp 192.168.0.1:53".to_owned();
    match (line.protocol.as_str(), line.sent.split_once(' ')) {
        ("tcp", Some(("connect", to))) => {
            let (host, port) = to.rsplit_once(':').expect("a port");
            let named = host.ends_with(".wooo.work");
            vec![format!("tcp {}:{port}", if named { GATEWAY } else { host })]
        }
        ("ssh", Some(("connect", to))) => {
            vec![format!("tcp {}", to.split_once('@').expect("a user").1)]
        }
        ("icmp", Some((count, rest))) => {
            let to = rest.strip_prefix("echo requests to ").expect("an address");
            vec![format!("icmp {to}"); count.parse().expect("a number")]
        }
        // The system's resolver asks for both families.
        ("dns", Some(("lookup", _))) => vec![udp.clone(), udp],
        ("dns", Some(("query", _))) => vec![udp],
        _ => Vec::new(),
    }
}

/// What a line of the audit asks the name server.
pub(super) fn questions(line: &Sent) -> Vec<String> {
    if line.protocol != "dns" {
        return Vec::new();
    }
    let words: Vec<&str> = line.sent.split(' ').collect();
    match words[..] {
        ["lookup", name] => vec![format!("A {name}"), format!("AAAA {name}")],
        ["query", kind, name, ..] => vec![format!("{kind} {}", name.trim_end_matches('.'))],
        _ => panic!("{line:?}"),
    }
}

/// The line that the login shell was given; anything else that it was given as it is.
pub(super) fn command_line(logged: &str) -> Option<String> {
    let arguments: Vec<String> = serde_json::from_str(logged).expect("arguments");
    Some(match <[String; 2]>::try_from(arguments) {
        Ok([option, line]) if option == "-c" => line,
        _ => logged.to_owned(),
    })
}

/// What sshd was asked for: logins, channels, and requests of any kind.
pub(super) fn channel(line: &str, address: &str) -> Option<String> {
    if let Some(login) = line.strip_prefix("Accepted publickey for ") {
        let (user, _) = login.split_once(" from 192.168.0.10 port ")?;
        return Some(format!("connect {user}@{address}:22"));
    }
    let said = line.strip_prefix("debug1: ")?;
    if let Some((_, target)) = said.split_once("server_request_direct_tcpip: ") {
        let (address, port) = target.split_once(" target ")?.1.split_once(" port ")?;
        return Some(format!("direct-tcpip {address}:{port}"));
    }
    if let Some((_, request)) = said.split_once("server_input_channel_req: channel ") {
        return request.split(' ').nth(2).map(str::to_owned);
    }
    let global = said.split_once("server_input_global_request: rtype ")?.1;
    Some(format!("global request {global}"))
}

/// A request as nginx logs it; one with a body tells of it.
pub(super) fn request(line: &Value) -> String {
    let text = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("{line}"));
    let (method, rest) = text("request")
        .split_once(' ')
        .unwrap_or_else(|| panic!("{line}"));
    let (uri, _) = rest.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
    let body = match text("body") {
        "" => String::new(),
        length => format!(" with {length} bytes"),
    };
    format!("{method} {}://{}{uri}{body}", text("scheme"), text("host"))
}

/// The programs that were started, by the files of `strace -ff -o FOLDER/…`.
pub(super) fn programs(trace: &Path) -> Vec<String> {
    let mut programs = Vec::new();
    for file in std::fs::read_dir(trace).expect("the folder of the trace") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("a trace");
        for line in text.lines() {
            // execve("/usr/sbin/ip", ["ip", "neigh"], 0x7ffc /* 3 vars */) = 0
            let call = line
                .strip_suffix(" = 0")
                .and_then(|line| Some(line.split_once(", ")?.1.rsplit_once("], ")?.0));
            let Some(arguments) = call else { continue };
            let words: Vec<String> = serde_json::from_str(&format!("{arguments}]")).expect("words");
            programs.push(words.join(" "));
        }
    }
    let own = |line: &String| line.starts_with(env!("CARGO_BIN_EXE_coldstart"));
    assert_eq!(
        programs.iter().filter(|line| own(line)).count(),
        1,
        "{programs:?}"
    );
    programs.retain(|line| !own(line));
    programs
}
