//! What the machines of the lab say they were asked, in the words of the audit.

mod live;
mod words;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use self::live::{Counters, Log, Packets};
use self::words::{channel, command_line, packets, programs, questions, request};
use super::stage::{Lab, Monitor, Sent};

/// The hosts and their addresses.
pub(super) const HOSTS: [(&str, &str); 4] = [
    ("data188", "192.168.0.188"),
    ("ops110", "192.168.0.110"),
    ("k3s120", "192.168.0.120"),
    ("k3s121", "192.168.0.121"),
];

/// One witness beside the audit's lines about the same.
pub(super) struct Account {
    pub(super) who: String,
    pub(super) audit: Vec<String>,
    pub(super) heard: Vec<String>,
}

impl Account {
    fn new(who: impl Into<String>, audit: Vec<String>, heard: Vec<String>) -> Self {
        let who = who.into();
        Self { who, audit, heard }
    }

    /// Nothing was heard that the audit lacks, and nothing of it was not heard: line by
    /// line and as often. Not in the same order, for what is asked at the same time has none.
    pub(super) fn agree(&self) {
        let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for line in &self.audit {
            counts.entry(line).or_default().0 += 1;
        }
        for line in &self.heard {
            counts.entry(line).or_default().1 += 1;
        }
        counts.retain(|_, (audit, heard)| audit != heard);
        let who = &self.who;
        assert!(
            counts.is_empty(),
            "{who}: times in the audit, times heard: {counts:#?}"
        );
    }
}

/// The audit, and which of its lines some witness has been asked about.
struct Told<'a> {
    lines: &'a [Sent],
    claimed: Vec<bool>,
}

impl Told<'_> {
    /// What `of` makes of the lines that it knows.
    fn about(&mut self, of: impl Fn(&Sent) -> Vec<String>) -> Vec<String> {
        let mut all = Vec::new();
        for (line, claimed) in self.lines.iter().zip(&mut self.claimed) {
            let words = of(line);
            *claimed |= !words.is_empty();
            all.extend(words);
        }
        all
    }

    /// Lines of a protocol, and of a host when one is named.
    fn of(&mut self, protocol: &str, host: Option<&str>) -> Vec<String> {
        self.about(|line| {
            let its = line.protocol == protocol && host.is_none_or(|host| line.target == host);
            its.then(|| line.sent.clone()).into_iter().collect()
        })
    }
}

/// All that listen.
pub(super) struct Witnesses<'l> {
    lab: &'l Lab,
    shells: Vec<Log>,
    sshds: Vec<Log>,
    router: Log,
    webhook: Log,
    postgresql: usize,
    web: Web,
    monitor: Monitor,
    packets: Packets,
}

impl<'l> Witnesses<'l> {
    /// From now on. Wants `lab record on`.
    pub(super) fn listen(lab: &'l Lab) -> Self {
        let hosts = HOSTS.map(|(host, _)| host);
        Self {
            lab,
            shells: hosts
                .map(|host| Log::file(host, "/var/log/command-lines"))
                .into(),
            sshds: hosts.map(|host| Log::journal(host, "ssh")).into(),
            router: Log::watch(&["dns", "log"]),
            webhook: Log::file("k3s120", "/var/log/nginx/webhook.log"),
            postgresql: lab.postgresql_log().len(),
            web: Web::listen(),
            monitor: lab.redis_monitor(),
            // Last: the others have connections of their own.
            packets: Packets::listen(),
        }
    }

    /// What each has heard since, beside `audit`. `trace` is where `strace` wrote
    /// which programs ours started.
    pub(super) fn testify(self, audit: &[Sent], trace: &Path) -> Vec<Account> {
        let told = &mut Told {
            lines: audit,
            claimed: vec![false; audit.len()],
        };
        let mut accounts = vec![
            Account::new(
                "the network card of the operator",
                told.about(packets),
                self.packets.finish(),
            ),
            Account::new(
                "redis",
                told.of("redis", None),
                self.monitor.finish(self.lab),
            ),
            Account::new(
                "postgresql",
                told.of("postgres", None),
                self.lab.postgresql_log()[self.postgresql..].to_vec(),
            ),
            Account::new(
                "the name server",
                told.about(questions),
                self.router.heard(|line| {
                    let (kind, rest) = line.split_once("query[")?.1.split_once("] ")?;
                    Some(format!(
                        "{kind} {}",
                        rest.strip_suffix(" from 192.168.0.10")?
                    ))
                }),
            ),
            Account::new(
                "the operator's kernel: programs",
                told.of("local-exec", None),
                programs(trace),
            ),
            Account::new("alerts", Vec::new(), self.webhook.new_lines()),
        ];
        for (((host, address), shell), sshd) in HOSTS.iter().zip(&self.shells).zip(&self.sshds) {
            let lines = told.of("ssh-exec", Some(host));
            let asked = vec!["exec".to_owned(); lines.len()];
            accounts.push(Account::new(
                format!("{host}: login shell"),
                lines,
                shell.heard(command_line),
            ));
            accounts.push(Account::new(
                format!("{host}: sshd"),
                [told.of("ssh", Some(host)), asked].concat(),
                sshd.heard(|line| channel(line, address)),
            ));
        }
        accounts.extend(self.web.accounts(told));
        let unheard: Vec<_> = std::iter::zip(audit, &told.claimed)
            .filter_map(|(line, claimed)| (!claimed).then_some(line))
            .collect();
        assert!(unheard.is_empty(), "no witness for {unheard:#?}");
        accounts
    }
}

/// All that speak HTTP.
struct Web {
    requests: Vec<Log>,
    connections: Log,
    registry: Log,
    prometheus: Counters,
    alertmanager: Counters,
}

impl Web {
    fn listen() -> Self {
        Self {
            requests: ["data188", "ops110", "k3s120"]
                .map(|host| Log::file(host, "/var/log/nginx/requests.log"))
                .into(),
            connections: Log::file("data188", "/var/log/nginx/error.log"),
            registry: Log::journal("ops110", "docker-registry"),
            prometheus: Counters::of(9090, "prometheus"),
            alertmanager: Counters::of(9093, "alertmanager"),
        }
    }

    fn accounts(&self, told: &mut Told<'_>) -> Vec<Account> {
        let port = |sent: &str| {
            let url: url::Url = sent.split(' ').nth(1)?.parse().ok()?;
            url.port_or_known_default()
        };
        let http = |line: &Sent, ours: &dyn Fn(u16) -> bool| {
            let its = line.protocol == "http" && port(&line.sent).is_some_and(ours);
            its.then(|| line.sent.clone())
        };
        let known = [5000, 9090, 9093];
        let nginx = told.about(|line| {
            http(line, &|port| !known.contains(&port))
                .into_iter()
                .collect()
        });
        let of_nginx: Vec<Value> = self
            .requests
            .iter()
            .flat_map(Log::new_lines)
            .map(|line| serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect();
        // The gateway asks on in HTTP/1.0.
        let (passed_on, asked): (Vec<_>, Vec<_>) = of_nginx
            .iter()
            .partition(|line| line["request"].as_str().is_some_and(|r| r.ends_with("1.0")));
        let through = |from: &str, to: &str| {
            let lines = nginx.iter();
            lines
                .filter_map(|line| Some(format!("GET {to}{}", line.strip_prefix(from)?)))
                .collect::<Vec<_>>()
        };
        let gateway = [
            through(
                "GET https://awoooi.wooo.work/api/",
                "http://192.168.0.125:32334/api/",
            ),
            through("GET https://mo.wooo.work", "http://127.0.0.1:5001"),
        ]
        .concat();
        let registry = self.registry.heard(|line| {
            let field = |name: &str| {
                let (_, rest) = line.split_once(&format!(" http.request.{name}="))?;
                Some(rest.split(' ').next()?.trim_matches('"').to_owned())
            };
            line.contains("msg=\"response completed\"").then(|| {
                let [method, host, uri] =
                    ["method", "host", "uri"].map(|name| field(name).unwrap_or_default());
                format!("{method} http://{host}{uri}")
            })
        });
        // These two count by path. Alertmanager counts nothing below /api/v2: that it
        // was asked at all is for sshd to tell, through which every request comes.
        let path = |line: &Sent, ours: u16| {
            let (_, rest) = http(line, &|port| port == ours)?
                .split_once("://")
                .map(|(method, rest)| (method.to_owned(), rest.to_owned()))?;
            let path = &rest[rest.find('/')?..];
            Some(path.split('?').next()?.to_owned())
        };
        let uncounted = |path: &String| path.starts_with("/api/v2/");
        let mut alertmanager = told.about(|line| path(line, 9093).into_iter().collect());
        alertmanager.retain(|path| !uncounted(path));
        vec![
            Account::new(
                "nginx, what the gateway asked on",
                gateway,
                passed_on.into_iter().map(request).collect(),
            ),
            Account::new(
                "nginx",
                nginx.clone(),
                asked.into_iter().map(request).collect(),
            ),
            Account::new(
                "gateway, connections of TLS without a request",
                told.about(|line| {
                    let its = line.protocol == "tls";
                    its.then(|| "nothing".to_owned()).into_iter().collect()
                }),
                self.connections.heard(|line| {
                    let silent = line.contains(" closed connection while waiting for request,")
                        && line.contains("server: 0.0.0.0:443");
                    silent.then(|| "nothing".to_owned())
                }),
            ),
            Account::new(
                "registry",
                told.about(|line| http(line, &|port| port == 5000).into_iter().collect()),
                registry,
            ),
            Account::new(
                "prometheus, by path",
                told.about(|line| path(line, 9090).into_iter().collect()),
                self.prometheus.growth(),
            ),
            Account::new(
                "alertmanager, by path",
                alertmanager,
                self.alertmanager.growth(),
            ),
        ]
    }
}
