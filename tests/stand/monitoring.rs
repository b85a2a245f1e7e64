//! Real Prometheus, Alertmanager and Pushgateway.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::host::Host;

/// A Prometheus of a host, on port 9090.
pub(crate) struct Prometheus<'a>(&'a Host);

/// An Alertmanager of a host, on port 9093.
pub(crate) struct Alertmanager<'a>(&'a Host);

impl Host {
    /// A Prometheus that scrapes these addresses each second, `192.168.0.110:9100` and has
    /// these rules, evaluated each second. Its labels are those of what it scrapes, and it
    /// tells an Alertmanager on the same host, where there is one.
    pub(crate) fn prometheus(&self, targets: &[&str], rules: &str) -> Prometheus<'_> {
        self.prometheus_on(&self.address.to_string(), targets, rules)
    }

    /// The same, listening at that address: `0.0.0.0` for a baseline that asks on loopback
    /// `via` the host.
    pub(crate) fn prometheus_on(
        &self,
        listens: &str,
        targets: &[&str],
        rules: &str,
    ) -> Prometheus<'_> {
        let targets = json!(targets);
        let config = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["/etc/prometheus/rules.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [format!("{}:9093", self.address)]}]}]},
            "scrape_configs": [{"job_name": "stand", "honor_labels": true, "static_configs": [{"targets": targets}]}],
        });
        // JSON is YAML.
        self.write("/etc/prometheus/prometheus.yml", config.to_string());
        self.write("/etc/prometheus/rules.yml", rules);
        self.serve(
            "prometheus",
            &[
                "prometheus",
                "--config.file=/etc/prometheus/prometheus.yml",
                "--storage.tsdb.path=/var/lib/prometheus",
                "--web.enable-lifecycle",
                &format!("--web.listen-address={listens}:9090"),
            ],
        );
        self.served("prometheus", 9090);
        let prometheus = Prometheus(self);
        self.until("prometheus", "prometheus is not ready", || {
            self.get(9090, "/-/ready").0 == 200
        });
        prometheus.judged();
        prometheus
    }

    /// An Alertmanager that tells nobody.
    pub(crate) fn alertmanager(&self) -> Alertmanager<'_> {
        let config = "route: { receiver: nobody, group_wait: 0s }\nreceivers: [{ name: nobody }]\n";
        self.write("/etc/alertmanager.yml", config);
        self.alertmanager_on(&self.address.to_string(), "/etc/alertmanager.yml")
    }

    /// One that listens at that address, with the configuration in a file of the host.
    pub(crate) fn alertmanager_on(&self, listens: &str, config: &str) -> Alertmanager<'_> {
        self.serve(
            "alertmanager",
            &[
                "prometheus-alertmanager",
                &format!("--config.file={config}"),
                "--storage.path=/var/lib/alertmanager",
                "--cluster.listen-address=",
                &format!("--web.listen-address={listens}:9093"),
            ],
        );
        self.served("alertmanager", 9093);
        self.until("alertmanager", "alertmanager is not ready", || {
            self.get(9093, "/-/ready").0 == 200
        });
        Alertmanager(self)
    }

    /// A Pushgateway on port 9091.
    pub(crate) fn pushgateway(&self) -> &Self {
        let address = format!("--web.listen-address={}:9091", self.address);
        self.serve("pushgateway", &["prometheus-pushgateway", &address]);
        self.served("pushgateway", 9091);
        self
    }

    /// Pushes metrics, in the text format, as a job.
    pub(crate) fn push(&self, job: &str, metrics: &str) -> &Self {
        let (status, body) = self.http("PUT", 9091, &format!("/metrics/job/{job}"), metrics);
        assert_eq!(status, 200, "{body}");
        self
    }

    /// What a server of the host answers.
    pub(crate) fn get(&self, port: u16, path: &str) -> (u16, String) {
        self.http("GET", port, path, "")
    }

    fn http(&self, method: &str, port: u16, path: &str, body: &str) -> (u16, String) {
        let address = SocketAddr::new(self.address, port);
        let request = format!(
            "{method} {path} HTTP/1.0\r\nhost: {address}\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n{body}",
            if path.starts_with("/api") {
                "application/json"
            } else {
                "text/plain"
            },
            body.len()
        );
        let answer = self.world().run(move || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(Duration::from_secs(30)))?;
            stream.write_all(request.as_bytes())?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            Ok(String::from_utf8_lossy(&answer).into_owned())
        });
        let answer = answer.unwrap_or_else(|error| panic!("{address}: {error}"));
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        (status.expect("a status"), body.to_owned())
    }
}

impl Prometheus<'_> {
    /// What an instant query finds: each series with its value as text.
    pub(crate) fn query(&self, query: &str) -> Vec<(Json, String)> {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let (status, body) = self.0.get(9090, &format!("/api/v1/query?query={query}"));
        assert_eq!(status, 200, "{body}");
        let answer: Json = serde_json::from_str(&body).expect("JSON");
        let found = answer["data"]["result"].as_array().expect("series").iter();
        found
            .map(|series| {
                (
                    series["metric"].clone(),
                    series["value"][1].as_str().unwrap_or_default().to_owned(),
                )
            })
            .collect()
    }

    /// Waits until a query finds something.
    pub(crate) fn until(&self, query: &str) -> &Self {
        self.0
            .until("prometheus", query, || !self.query(query).is_empty());
        self
    }

    /// Waits until a query finds nothing.
    pub(crate) fn until_none(&self, query: &str) -> &Self {
        self.0
            .until("prometheus", query, || self.query(query).is_empty());
        self
    }

    /// Waits until an alert fires.
    pub(crate) fn fires(&self, alert: &str) -> &Self {
        self.until(&format!(
            "ALERTS{{alertname=\"{alert}\",alertstate=\"firing\"}}"
        ))
    }

    /// Gives it other rules, and waits until they are there.
    pub(crate) fn rules(&self, rules: &str) -> &Self {
        self.0.write("/etc/prometheus/rules.yml", rules);
        let (status, body) = self.0.http("POST", 9090, "/-/reload", "");
        assert_eq!(status, 200, "{body}");
        self.judged();
        self
    }

    /// Waits until the rules that are evaluated each second were so since each target was asked
    /// twice, from the second after that in which they were read: before that they may not have
    /// seen what they watch.
    fn judged(&self) -> &Self {
        let data = |path: &str| {
            let (status, body) = self.0.get(9090, path);
            assert_eq!(status, 200, "{body}");
            let answer: Json = serde_json::from_str(&body).expect("JSON");
            answer["data"].clone()
        };
        let time = |text: &Json| {
            text.as_str()
                .and_then(|text| text.parse::<Timestamp>().ok())
        };
        self.0
            .until("prometheus", "the rules are not evaluated", || {
                let read = time(&data("/api/v1/status/runtimeinfo")["lastConfigTime"]);
                let begun = read.expect("a time").as_duration().as_secs_f64().floor() + 1.0;
                let targets = data("/api/v1/targets?state=active");
                let asked = data("/api/v1/query?query=up%5B30m%5D");
                let second = |series: &Json| {
                    let values = series["values"].as_array().expect("values").iter();
                    let times = values.filter_map(|value| value[0].as_f64());
                    times.filter(|at| *at >= begun).nth(1)
                };
                let asked = asked["result"].as_array().expect("series").iter();
                let asked: Vec<f64> = asked.filter_map(second).collect();
                let targets = targets["activeTargets"].as_array().expect("targets");
                if targets.is_empty() || asked.len() < targets.len() {
                    return false;
                }
                // Each has a second to answer.
                let last = asked.into_iter().fold(0.0, f64::max) + 1.0;
                let since = Timestamp::UNIX_EPOCH + Duration::from_secs_f64(last);
                let groups = data("/api/v1/rules");
                let groups = groups["groups"].as_array().expect("groups").iter();
                groups
                    .filter(|group| group["interval"] == 1)
                    .flat_map(|group| group["rules"].as_array().expect("rules"))
                    .all(|rule| time(&rule["lastEvaluation"]).is_some_and(|at| at >= since))
            });
        self
    }

    pub(crate) fn stop(self) {
        self.0.stop("prometheus");
    }
}

impl Alertmanager<'_> {
    /// Has these alerts active, for an hour: labels each.
    pub(crate) fn alerts(&self, alerts: &[Json]) -> &Self {
        let ends = super::times::ago("-1h").to_string();
        let body: Vec<Json> = alerts
            .iter()
            .map(|labels| json!({"labels": labels, "annotations": {}, "endsAt": ends}))
            .collect();
        let (status, text) = self
            .0
            .http("POST", 9093, "/api/v2/alerts", &json!(body).to_string());
        assert_eq!(status, 200, "{text}");
        self
    }

    /// Silences an alert by its name for an hour.
    pub(crate) fn silence(&self, alert: &str) -> &Self {
        let body = json!({
            "matchers": [{"name": "alertname", "value": alert, "isRegex": false, "isEqual": true}],
            "startsAt": super::times::ago("1s").to_string(), "endsAt": super::times::ago("-1h").to_string(),
            "createdBy": "stand", "comment": "a case",
        });
        let (status, text) = self
            .0
            .http("POST", 9093, "/api/v2/silences", &body.to_string());
        assert_eq!(status, 200, "{text}");
        self
    }

    /// The names of its active alerts, sorted.
    pub(crate) fn active(&self) -> Vec<String> {
        let (status, body) = self.0.get(9093, "/api/v2/alerts?active=true");
        assert_eq!(status, 200, "{body}");
        let alerts: Vec<Json> = serde_json::from_str(&body).expect("JSON");
        let names = alerts
            .iter()
            .filter_map(|alert| alert["labels"]["alertname"].as_str());
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        names
    }

    /// Waits until an alert is active.
    pub(crate) fn has(&self, alert: &str) -> &Self {
        self.0.until("alertmanager", alert, || {
            self.active().iter().any(|name| name == alert)
        });
        self
    }

    pub(crate) fn stop(self) {
        self.0.stop("alertmanager");
    }
}
