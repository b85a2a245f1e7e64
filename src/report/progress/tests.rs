use std::io;
use std::sync::{Arc, Mutex};

use indicatif::TermLike;

use super::*;
use crate::report::fixture;
use crate::scorecard::PlannedCheck;

/// Every line that was ever written, without regard to cursor moves.
#[derive(Debug, Clone, Default)]
struct Paper {
    written: Arc<Mutex<String>>,
    broken: bool,
}

impl Paper {
    fn read(&self) -> String {
        self.written
            .lock()
            .map(|text| text.clone())
            .unwrap_or_default()
    }

    fn put(&self, text: &str) -> io::Result<()> {
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if let Ok(mut written) = self.written.lock() {
            written.push_str(text);
        }
        Ok(())
    }
}

impl TermLike for Paper {
    fn width(&self) -> u16 {
        80
    }
    fn height(&self) -> u16 {
        40
    }
    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        self.put("")
    }
    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        self.put("")
    }
    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        self.put("")
    }
    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        self.put("")
    }
    fn write_line(&self, line: &str) -> io::Result<()> {
        self.put(&format!("{line}\n"))
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.put(text)
    }
    fn clear_line(&self) -> io::Result<()> {
        self.put("\n")
    }
    fn flush(&self) -> io::Result<()> {
        self.put("")
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(&String::from_utf8_lossy(bytes))?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn on(paper: &Paper, planned: &PlannedRun) -> Progress {
    // No limit on the rate, so that every state is drawn.
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(paper.clone()), 255);
    Progress::live(planned, target)
}

fn told(progress: &mut Progress, script: &fixture::Script) {
    for event in script.events() {
        progress.event(&event);
    }
}

/// Twelve checks in one phase.
fn twelve() -> PlannedRun {
    let mut planned = fixture::green().planned;
    planned.checks = (0..12)
        .map(|place| PlannedCheck {
            id: format!("check-{place}"),
            ..fixture::check("", "tcp", "it answers")
        })
        .collect();
    planned
}

fn start(progress: &mut Progress, check: usize, attempt: u32) {
    progress.event(&Event::CheckStarted { check, attempt });
}

/// Ids of the running checks that have a line.
fn shown(progress: &Progress) -> Vec<String> {
    progress
        .running
        .values()
        .filter(|running| running.shown)
        .map(|running| running.bar.message())
        .collect()
}

fn more(progress: &Progress) -> Option<String> {
    match &progress.screen {
        Screen::Live { more, .. } => more.as_ref().map(ProgressBar::message),
        Screen::Silent | Screen::Lines(_) => None,
    }
}

#[test]
fn finished_phases_are_one_plain_line_each() {
    let paper = Paper::default();
    let script = fixture::blocked();
    let mut progress = Progress::lines(&script.planned, Box::new(paper.clone()));
    told(&mut progress, &script);
    progress.finish();
    insta::assert_snapshot!(paper.read(), @r"
    P0-NETWORK  BLOCKED  2 pass  0 warn  2 blocked  4.0 s
    P0-188-DATA  BLOCKED  0 pass  2 warn  1 blocked  4.0 s
    P0-110-REGISTRY-OBSERVABILITY  NOT EVALUATED  2 checks  held by P0-NETWORK
    P1-K3S  NOT EVALUATED  2 checks  held by P0-NETWORK
    P2-ROUTES  NOT EVALUATED  1 check  held by P0-NETWORK
    P3-SCANNER  SKIPPED  1 check
    ");
}

#[test]
fn the_terminal_shows_what_runs_and_what_ended() {
    let paper = Paper::default();
    let script = fixture::blocked();
    let mut progress = on(&paper, &script.planned);
    start(&mut progress, 2, 1);
    assert_eq!(shown(&progress), ["ssh@k3s120"]);
    start(&mut progress, 2, 2);
    assert_eq!(shown(&progress), ["ssh@k3s120, attempt 2"]);
    told(&mut progress, &script);
    assert!(shown(&progress).is_empty());
    progress.finish();
    let text = paper.read();
    assert!(text.contains("ssh@k3s120"), "{text}");
    assert!(text.contains("checks done"), "{text}");
    assert!(!text.contains("held by"), "the card tells it: {text}");
}

#[test]
fn more_than_fits_is_counted_and_moves_up() {
    let planned = twelve();
    let mut progress = on(&Paper::default(), &planned);
    for check in 0..12 {
        start(&mut progress, check, 1);
    }
    assert_eq!(shown(&progress).len(), SHOWN);
    assert_eq!(
        more(&progress).as_deref(),
        Some("and 4 more; 0 of 12 checks done")
    );
    for check in [0, 3, 5] {
        progress.event(&Event::CheckSkipped {
            check,
            why: String::new(),
        });
    }
    assert_eq!(
        shown(&progress),
        [1, 2, 4, 6, 7, 8, 9, 10].map(|place| format!("check-{place}"))
    );
    assert_eq!(
        more(&progress).as_deref(),
        Some("and 1 more; 3 of 12 checks done")
    );
    progress.event(&Event::CheckSkipped {
        check: 1,
        why: String::new(),
    });
    assert_eq!(more(&progress).as_deref(), Some("4 of 12 checks done"));
}

#[test]
fn silence_is_silent() {
    let script = fixture::blocked();
    let mut progress = Progress::new(&script.planned, false);
    told(&mut progress, &script);
    assert!(progress.running.is_empty());
    progress.finish();
}

#[test]
fn a_closed_terminal_or_pipe_does_not_stop_the_run() {
    let broken = Paper {
        broken: true,
        ..Paper::default()
    };
    let script = fixture::blocked();
    let mut live = on(&broken, &script.planned);
    told(&mut live, &script);
    live.finish();
    let mut lines = Progress::lines(&script.planned, Box::new(broken));
    told(&mut lines, &script);
    lines.finish();
}

#[test]
fn events_of_another_plan_are_ignored() {
    let planned = fixture::green().planned;
    let paper = Paper::default();
    let mut progress = on(&paper, &planned);
    told(&mut progress, &fixture::blocked());
    start(&mut progress, 99, 1);
    progress.finish();
}

#[test]
fn hostile_ids_are_made_harmless() {
    let mut planned = twelve();
    planned.checks[0].id = "a\u{1b}[2Jb\nc".to_owned();
    let mut progress = on(&Paper::default(), &planned);
    start(&mut progress, 0, 1);
    assert_eq!(shown(&progress), ["a\\u{1b}[2Jb c"]);
}
