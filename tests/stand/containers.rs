//! Containers as `docker inspect` prints them.

use serde_json::{Value as Json, json};

use super::host::Host;

/// A container that runs; a case changes what it is about:
/// `container("gitea", "gitea/gitea:1.22")`, then `["State"]["Health"] = …`.
pub(crate) fn container(name: &str, image: &str) -> Json {
    let id: String = name
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .repeat(64);
    json!({
        "Id": &id[..64],
        "Created": "2026-01-02T03:04:05.123456789Z",
        "Path": "/entrypoint.sh",
        "Args": [],
        "State": {
            "Status": "running", "Running": true, "Paused": false, "Restarting": false, "OOMKilled": false,
            "Dead": false, "Pid": 4321, "ExitCode": 0, "Error": "", "StartedAt": "now-7200",
            "FinishedAt": "0001-01-01T00:00:00Z",
        },
        "Image": format!("sha256:{}", &id[..64]),
        "Name": format!("/{name}"),
        "RestartCount": 0,
        "HostConfig": {"RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0}, "NetworkMode": "bridge"},
        "Config": {"Hostname": name, "Image": image, "Labels": {}, "Cmd": ["serve"], "Env": ["PATH=/usr/bin"]},
        "NetworkSettings": {"Ports": {}, "Networks": {"bridge": {"IPAddress": "172.17.0.2"}}},
    })
}

impl Host {
    /// What `docker` knows: its containers, and the networks that it always has. A
    /// time is `now-SECONDS`.
    pub(crate) fn docker(&self, containers: &[Json]) -> &Self {
        let networks: Vec<Json> = ["bridge", "host", "none"]
            .iter()
            .map(|name| json!({"Name": name, "Id": "9f".repeat(32), "Created": "2026-01-02T03:04:05Z", "Scope": "local",
                "Driver": if *name == "none" { "null" } else { name }, "Containers": {}}))
            .collect();
        self.shim("docker")
            .answer("containers.json", json!(containers).to_string())
            .answer("networks.json", json!(networks).to_string())
    }

    /// Its daemon does not run, or does again.
    pub(crate) fn docker_runs(&self, runs: bool) -> &Self {
        if runs {
            self.remove("/var/lib/stand/docker.down")
        } else {
            self.answer("docker.down", "")
        }
    }
}
