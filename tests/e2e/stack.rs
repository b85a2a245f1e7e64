//! Two hosts, PostgreSQL, Redis and an API on loopback, and a baseline of them.

use tokio::io::AsyncReadExt;

use crate::desk::Desk;
use crate::servers::postgres::{self, Trouble};
use crate::servers::redis::{self, Say};
use crate::servers::ssh::{self, Answer, Script};
use crate::servers::{http, tcp};

pub(crate) struct Stack {
    pub(crate) data188: ssh::Server,
    pub(crate) ops110: ssh::Server,
    pub(crate) postgres: tcp::Server,
    pub(crate) redis: tcp::Server,
    pub(crate) api: tcp::Server,
}

impl Stack {
    /// All up; the hosts trust the desk's key, and the desk knows theirs.
    pub(crate) async fn up(desk: &Desk) -> Self {
        Self::with(desk, Trouble::None).await
    }

    /// All up but PostgreSQL.
    pub(crate) async fn with(desk: &Desk, trouble: Trouble) -> Self {
        let accepted = desk.home.key.public_key();
        let stack = Self {
            data188: ssh::Server::start(Script::new(accepted, answers)).await,
            ops110: ssh::Server::start(Script::new(accepted, answers)).await,
            postgres: postgres::with(trouble).await,
            redis: redis::saying("NOTHING", Say::Usual).await,
            api: http::plain().await,
        };
        desk.home.trust(&[&stack.data188, &stack.ops110]);
        stack
    }

    /// Four phases: the hosts; the data; on them the applications; and beside
    /// the data a branch that needs the hosts alone.
    pub(crate) fn baseline(&self) -> String {
        format!(
            "\
version: 1
name: e2e
hosts:
  data188: {{ address: 127.0.0.1, ssh: {{ user: ollama, port: {data188} }} }}
  ops110: {{ address: 127.0.0.1, ssh: {{ user: wooo, port: {ops110} }} }}
defaults: {{ timeout: 30s, connect_timeout: 30s, retry: {{ attempts: 1 }} }}
phases:
  P0-NETWORK:
    checks:
      ssh:
        title: SSH opens with the known host key
        on: all
        ssh: {{}}
  P1-DATA:
    needs: P0-NETWORK
    checks:
      postgres:
        title: PostgreSQL accepts queries
        postgres: {{ url: \"postgres://checker@127.0.0.1:{postgres}/kine?sslmode=disable\", query: SELECT depth FROM queue }}
        remedy: wait for its recovery
        runbook: §4.3
        guardrail: BLOCK
      redis:
        title: Redis has its data
        on: data188
        via: data188
        redis: {{ address: 127.0.0.1, port: {redis}, command: [GET, name] }}
  P2-APPS:
    needs: P1-DATA
    checks:
      api:
        title: API is ready
        http: {{ url: \"http://127.0.0.1:{api}/json\" }}
        require: json.status == 'ready'
        prefer: json.queue < 10
      cron:
        title: cron runs
        on: ops110
        systemd: {{ unit: cron }}
  P2-SIDE:
    needs: P0-NETWORK
    checks:
      rootfs:
        title: root file system is writable
        on: ops110
        command: {{ run: findmnt -n -o OPTIONS / }}
        require: stdout.startsWith('rw')
",
            data188 = self.data188.address.port(),
            ops110 = self.ops110.address.port(),
            postgres = self.postgres.address.port(),
            redis = self.redis.address.port(),
            api = self.api.address.port(),
        )
    }
}

/// What a host in good order says.
pub(crate) fn answers(command: &str) -> Answer {
    match command.split(' ').next().unwrap_or_default() {
        "grep" => Answer::ok("/proc/sys/kernel/random/boot_id:6f2b3c1e\n/proc/uptime:60.00 0.00\n"),
        "date" => Answer::ok(now()),
        "systemctl" => Answer::ok(
            "Id=cron.service\nNames=cron.service\nLoadState=loaded\nActiveState=active\nSubState=running\n",
        ),
        "findmnt" => Answer::ok("rw,relatime\n"),
        program => Answer::fails(127, format!("{program}: command not found\n")),
    }
}

fn now() -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    format!("{}.{:09}\n", now.as_secs(), now.subsec_nanos())
}

/// A server that notes that it was connected to, and everything it was sent.
pub(crate) async fn witness() -> tcp::Server {
    tcp::Server::start(|mut stream, received| async move {
        let note = |bytes: &[u8]| {
            received.lock().expect("the lock").extend_from_slice(bytes);
        };
        note(b"connected\n");
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            note(&buffer[..read]);
        }
    })
    .await
}
