//! `check --watch` in front of a terminal, and without one.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pty_process::blocking::{Command, Pty, open};
use rstest::rstest;
use tokio::net::TcpListener;

use super::desk::{Desk, HANG, end, signal, until};
use crate::servers::tcp::Held;

/// A door that is not open yet and is nobody else's, and one that is.
async fn baseline() -> (String, Held, TcpListener) {
    let open = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let there = open.local_addr().expect("an address").port();
    let door = Held::new();
    let port = door.port();
    let baseline = format!(
        "\
version: 1
name: watched
defaults: {{ retry: {{ attempts: 1 }} }}
phases:
  P0: {{ checks: {{ up: {{ title: '網路正常', tcp: {{ address: 127.0.0.1, port: {there} }} }} }} }}
  P1:
    needs: [P0]
    checks: {{ door: {{ title: '資料庫可寫', tcp: {{ address: 127.0.0.1, port: {port} }}, remedy: knock }} }}
"
    );
    (baseline, door, open)
}

/// The program in a terminal of its own.
struct Terminal {
    child: Child,
    /// Gone once the cable is pulled.
    pty: Option<Arc<Pty>>,
    seen: Arc<Mutex<Seen>>,
    /// Ends behind the last that was written.
    reader: JoinHandle<()>,
}

struct Seen {
    screen: vt100::Parser,
    raw: Vec<u8>,
}

impl Terminal {
    fn start(desk: &Desk, baseline: &str, args: &[&str], size: (u16, u16)) -> Self {
        desk.write("baseline.yml", baseline);
        let (pty, pts) = open().expect("a terminal");
        let (columns, rows) = size;
        pty.resize(pty_process::Size::new(rows, columns))
            .expect("a size");
        let mut command = Command::new(env!("CARGO_BIN_EXE_coldstart"));
        command = command
            .args(["check", "-b", "baseline.yml", "--state", "none", "--watch"])
            .args(args)
            .current_dir(desk.folder())
            .env_clear()
            .env("HOME", desk.folder())
            .env("PATH", desk.folder())
            .env("TERM", "xterm-256color")
            .env("TZ", "UTC");
        let child = command.spawn(pts).expect("the program");
        let seen = Arc::new(Mutex::new(Seen {
            screen: vt100::Parser::new(rows, columns, 0),
            raw: Vec::new(),
        }));
        let pty = Arc::new(pty);
        let weak = Arc::downgrade(&pty);
        let sink = Arc::clone(&seen);
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Some(pty) = weak.upgrade() {
                let Ok(read @ 1..) = (&*pty).read(&mut bytes) else {
                    return;
                };
                let mut seen = sink.lock().expect("no panic");
                seen.screen.process(&bytes[..read]);
                seen.raw.extend_from_slice(&bytes[..read]);
            }
        });
        Self {
            child,
            pty: Some(pty),
            seen,
            reader,
        }
    }

    fn text(&self) -> String {
        self.seen
            .lock()
            .expect("no panic")
            .screen
            .screen()
            .contents()
    }

    async fn shows(&self, text: &str) {
        until(text, || self.text().contains(text)).await;
    }

    fn types(&self, keys: &[u8]) {
        let pty = self.pty.as_deref().expect("a cable");
        let mut writer = pty;
        writer.write_all(keys).expect("a keyboard");
    }

    fn resize(&self, columns: u16, rows: u16) {
        let pty = self.pty.as_deref().expect("a cable");
        pty.resize(pty_process::Size::new(rows, columns))
            .expect("a size");
        let mut seen = self.seen.lock().expect("no panic");
        seen.screen.screen_mut().set_size(rows, columns);
    }

    /// Waits for the end; what is on the screen then.
    fn ends(mut self) -> (ExitStatus, String, vt100::Parser) {
        let limit = Instant::now() + HANG;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(Instant::now() < limit, "no end: {}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        };
        // What was written last may still be on its way: a terminal that nobody has open
        // any more is read to its end.
        while !self.reader.is_finished() {
            assert!(Instant::now() < limit, "no end of it: {}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
        let text = self.text();
        let mut seen = self.seen.lock().expect("no panic");
        let screen = std::mem::take(&mut seen.screen);
        (status, text, screen)
    }
}

/// The terminal as it was, with the card on it.
fn given_back(text: &str, screen: &vt100::Parser) {
    let screen = screen.screen();
    assert!(!screen.alternate_screen(), "{text}");
    assert!(!screen.hide_cursor(), "{text}");
    assert!(!text.contains("next attempt in"), "{text}");
}

#[rstest]
#[case::q(b"q")]
#[case::ctrl_c(b"\x03")]
#[tokio::test(flavor = "multi_thread")]
async fn a_key_ends_the_watch_with_its_last_card(#[case] key: &[u8]) {
    let desk = Desk::new();
    let (baseline, _door, _open) = baseline().await;
    let terminal = Terminal::start(&desk, &baseline, &["--interval", "1h"], (80, 24));
    terminal.shows("next attempt in 59m").await;
    for line in [
        "watched · watch · attempt 1 of 30",
        "FIX FIRST  door  資料庫可寫",
        "next     knock",
        "P0  GREEN",
        "P1  BLOCKED",
        "q ends the watch",
    ] {
        // A frame may come in two pieces.
        terminal.shows(line).await;
    }
    terminal.types(key);
    let (status, text, screen) = terminal.ends();
    assert_eq!(status.code(), Some(2), "{text}");
    assert!(
        text.contains("Result: BLOCKED at P1 (fix door first)"),
        "{text}"
    );
    given_back(&text, &screen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_on_a_terminal_goes_to_green_and_follows_its_size() {
    let desk = Desk::new();
    let (baseline, door, _open) = baseline().await;
    let args = ["--interval", "1", "--max-attempts", "1000"];
    let terminal = Terminal::start(&desk, &baseline, &args, (140, 40));
    terminal.shows("BLOCKED at P1 (fix door first)").await;
    terminal.resize(40, 24);
    terminal.shows("FIX FIRST  door\n  資料庫可寫").await;
    let _door = door.listen();
    let (status, text, screen) = terminal.ends();
    assert_eq!(status.code(), Some(0), "{text}");
    assert!(text.contains("Result: GREEN"), "{text}");
    given_back(&text, &screen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_goes_away_ends_the_watch() {
    let desk = Desk::new();
    let (baseline, _door, _open) = baseline().await;
    let mut terminal = Terminal::start(&desk, &baseline, &["--interval", "1h"], (80, 24));
    terminal.shows("next attempt in 59m").await;
    let id = terminal.child.id();
    // As when the connection to the operator's machine breaks.
    let kill = std::process::Command::new("kill")
        .args(["-s", "HUP", &id.to_string()])
        .status();
    assert!(kill.expect("kill").success());
    terminal.pty = None;
    let limit = Instant::now() + HANG;
    let status = loop {
        if let Some(status) = terminal.child.try_wait().expect("a child") {
            break status;
        }
        assert!(Instant::now() < limit, "no end");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(matches!(status.code(), Some(2 | 3)), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_z_stops_it_on_a_terminal_as_it_was() {
    let desk = Desk::new();
    let (baseline, _door, _open) = baseline().await;
    let terminal = Terminal::start(&desk, &baseline, &["--interval", "1h"], (80, 24));
    terminal.shows("next attempt in 59m").await;
    let id = terminal.child.id();
    let kill = |name: &str| {
        let sent = std::process::Command::new("kill")
            .args(["-s", name, &id.to_string()])
            .status();
        assert!(sent.expect("kill").success());
    };
    kill("TSTP");
    let state = || std::fs::read_to_string(Path::new("/proc").join(id.to_string()).join("stat"));
    until("it stops", || {
        state().is_ok_and(|stat| stat.contains(") T "))
    })
    .await;
    let alternate = || {
        let seen = terminal.seen.lock().expect("no panic");
        seen.screen.screen().alternate_screen()
    };
    until("the screen is given back", || !alternate()).await;
    kill("CONT");
    terminal.shows("next attempt in 59m").await;
    assert!(alternate());
    terminal.types(b"q");
    assert_eq!(terminal.ends().0.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_colour_and_with_ascii_nothing_else_is_written() {
    let desk = Desk::new();
    let (baseline, _door, _open) = baseline().await;
    let args = ["--interval", "1h", "--ascii", "--no-color"];
    let terminal = Terminal::start(&desk, &baseline, &args, (80, 24));
    terminal.shows("watched - watch - attempt 1 of 30").await;
    terminal.types(b"q");
    let raw = Arc::clone(&terminal.seen);
    let (status, ..) = terminal.ends();
    assert!(status.code().is_some());
    let raw = String::from_utf8(raw.lock().expect("no panic").raw.clone()).expect("UTF-8");
    let color = regex::Regex::new("\x1b\\[[0-9;]*m").expect("a pattern");
    assert!(!color.is_match(&raw), "{raw:?}");
    assert!(!raw.contains('·'), "{raw:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_gets_one_line_a_change_and_then_the_card() {
    let desk = Desk::new();
    let (baseline, door, _open) = baseline().await;
    let port = door.port();
    let args = ["--watch", "--interval", "100ms", "--max-attempts", "1000"];
    let told = desk.folder().join("told");
    let file = std::fs::File::create(&told).expect("a file");
    desk.write("baseline.yml", &baseline);
    let args = [&["check", "-b", "baseline.yml"], &args[..]].concat();
    let child = desk
        .command(&args)
        .stderr(file)
        .spawn()
        .expect("the program");
    let text = || std::fs::read_to_string(&told).expect("text");
    until("the second attempt", || {
        text().contains("attempt 2 of 1000 ")
    })
    .await;
    let _door = door.listen();
    let ran = end(child).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(ran.last(1), "Result: GREEN");
    assert_eq!(ran.stdout.matches("Result: ").count(), 1, "{ran:#?}");
    let time = regex::Regex::new(r"\d\d:\d\d:\d\d").expect("a pattern");
    let text = text();
    let text = time.replace_all(&text, "[time]");
    let text = text.replace(&port.to_string(), "[port]");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "attempt 1 of 1000 [time] BLOCKED at P1 (fix door first) PASS=1 WARN=0 BLOCKED=1",
            "  [time] door: could not tell: connection refused by 127.0.0.1:[port]",
            "attempt 2 of 1000 [time] BLOCKED at P1 (fix door first) PASS=1 WARN=0 BLOCKED=1",
        ]
    );
    let last = &lines[lines.len() - 4..];
    assert!(
        last[0].ends_with(" [time] GREEN PASS=2 WARN=0 BLOCKED=0"),
        "{text}"
    );
    assert_eq!(
        last[1..],
        [
            "  [time] +1 pass, -1 blocked",
            "  [time] P1 BLOCKED → GREEN",
            "  [time] door BLOCKED → PASS"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_in_a_pipe_ends_with_the_last_card() {
    let desk = Desk::new();
    let (baseline, _door, _open) = baseline().await;
    let told = desk.folder().join("told");
    let file = std::fs::File::create(&told).expect("a file");
    desk.write("baseline.yml", &baseline);
    let args = [
        "check",
        "-b",
        "baseline.yml",
        "--watch",
        "--interval",
        "1h",
        "--json",
    ];
    let child = desk
        .command(&args)
        .stderr(file)
        .spawn()
        .expect("the program");
    until("an attempt", || {
        std::fs::read_to_string(&told).is_ok_and(|text| text.contains("attempt 1 of 30 "))
    })
    .await;
    signal(&child, "HUP");
    let ran = end(child).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert_eq!(ran.json()["result"], "BLOCKED");
}
