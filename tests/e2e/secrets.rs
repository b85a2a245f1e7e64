//! Secrets reach the servers and nobody else, also when a server repeats them.

use crate::desk::{Desk, Ran};
use crate::servers::postgres::{self, Trouble};
use crate::servers::redis::{self, Say};
use crate::servers::{http, tcp};

const TOKEN: &str = "tok-Zebra-7719";
const REDIS: &str = "redis-Kiwi-5521";
const POSTGRES: &str = "pg-Otter-8834";

struct Echoes {
    http: tcp::Server,
    redis: tcp::Server,
    postgres: tcp::Server,
}

impl Echoes {
    /// Servers that put what they were sent into what they answer.
    async fn up() -> Self {
        Self {
            http: http::plain().await,
            redis: redis::saying(
                "AUTH",
                Say::Bytes("-ERR no such password: redis-Kiwi-5521\r\n"),
            )
            .await,
            postgres: postgres::with(Trouble::Login(
                "28P01",
                "you cannot log in with pg-Otter-8834",
            ))
            .await,
        }
    }

    fn baseline(&self, desk: &Desk) -> String {
        let file = desk.write("redis-password", &format!("{REDIS}\n"));
        format!(
            "\
version: 1
name: secrets
defaults: {{ timeout: 30s, connect_timeout: 30s, retry: {{ attempts: 1 }} }}
phases:
  P0:
    checks:
      passes:
        http:
          url: http://{http}/echo
          headers: {{ authorization: {{ secret: env:API_TOKEN, prefix: \"Bearer \" }} }}
      fails:
        http:
          url: http://{http}/echo
          headers: {{ x-token: {{ secret: env:API_TOKEN }} }}
        require: body == 'nothing'
      warns:
        http: {{ url: \"http://{http}/echo\", headers: {{ cookie: {{ secret: env:API_TOKEN, prefix: \"a=\" }} }} }}
        prefer: json.status == 'ready'
      redis:
        redis: {{ address: 127.0.0.1, port: {redis}, password: \"file:{file}\" }}
      postgres:
        postgres: {{ url: \"postgres://checker@127.0.0.1:{postgres}/kine?sslmode=disable\", password: env:PG_PASSWORD }}
",
            http = self.http.address,
            redis = self.redis.address.port(),
            postgres = self.postgres.address.port(),
            file = file.display(),
        )
    }
}

fn assert_no_secret(what: &str, text: &str) {
    for secret in [TOKEN, REDIS, POSTGRES] {
        assert!(!text.contains(secret), "{secret} in {what}: {text}");
    }
}

fn assert_none_told(args: &[&str], ran: &Ran) {
    assert_no_secret(&format!("stdout of {args:?}"), &ran.stdout);
    assert_no_secret(&format!("stderr of {args:?}"), &ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_output_tells_a_secret() {
    let desk = Desk::new()
        .env("API_TOKEN", TOKEN)
        .env("PG_PASSWORD", POSTGRES);
    let echoes = Echoes::up().await;
    desk.write("baseline.yml", &echoes.baseline(&desk));
    let baseline = ["-b", "baseline.yml"];
    for (args, code) in [
        (
            &["check", "-v", "--audit", "audit", "--progress", "lines"][..],
            2,
        ),
        (&["check", "--json", "--audit", "audit"], 2),
        (&["check", "--evidence", "evidence"], 2),
        (&["check", "--report", "junit"], 2),
        (&["check", "--report", "markdown"], 2),
        (&["check", "--report", "html"], 2),
        (&["check", "--report", "prometheus"], 2),
        (&["check", "--report", "nagios"], 2),
        (&["check", "--report", "github"], 2),
        (&["check", "--report", "tap"], 2),
        (&["plan"], 0),
        (&["plan", "--json"], 0),
        (&["validate"], 0),
        (&["validate", "--json"], 0),
        (&["graph", "--format", "json"], 0),
        (&["explain", "redis"], 0),
    ] {
        let args = [args, &baseline].concat();
        let ran = desk.run(&args).await;
        assert_eq!(ran.code, Some(code), "{ran:#?}");
        assert_none_told(&args, &ran);
        if args.contains(&"-v") {
            // What the servers repeated is told, but for the secret.
            for told in [
                "authorization: Bearer ***",
                "x-token: ***",
                "no such password: ***",
                "you cannot log in with ***",
            ] {
                let flat = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(flat.contains(told), "{told} in {flat}");
            }
        }
    }
    let mut kept = 0;
    for run in std::fs::read_dir(desk.folder().join("evidence")).expect("evidence") {
        for file in std::fs::read_dir(run.expect("a run").path()).expect("a folder") {
            let text = std::fs::read_to_string(file.expect("a file").path()).expect("text");
            assert_no_secret("the evidence", &text);
            kept += usize::from(text.contains("***"));
        }
    }
    assert!(kept >= 5, "{kept} files tell what was sent");
    let audit = std::fs::read_to_string(desk.folder().join("audit")).expect("an audit");
    assert!(audit.contains("AUTH ***"), "{audit}");
    assert_no_secret("the audit", &audit);
    // They were used all the same.
    assert!(echoes.http.received().contains(&format!("Bearer {TOKEN}")));
    assert!(echoes.redis.received().contains(&format!("AUTH {REDIS}")));
}
