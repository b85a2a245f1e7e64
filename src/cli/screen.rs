//! The terminal while a watch is drawn on it: taken over, drawn anew, and given
//! back as it was, whatever ends the program.
//!
//! It is standard error's, as all that is under way. The terminal keeps making
//! signals of Ctrl-C and Ctrl-Z; only its lines and its echo are switched off,
//! so that `q` is heard without Enter.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use super::output::tell;
use super::signals::Ender;
use crate::engine;
use crate::report::terminal::Style;
use crate::report::terminal::watch::{Size, Watched, screen};

/// Often enough for a clock that tells seconds.
const TICK: Duration = Duration::from_millis(250);
/// Where a terminal does not tell its size.
const SIZE: Size = Size {
    columns: 80,
    rows: 24,
};
/// The alternate screen, without a cursor, without wrapping.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
/// Cleared first, for terminals that have no alternate screen.
const LEAVE: &str = "\x1b[H\x1b[2J\x1b[?7h\x1b[?25h\x1b[?1049l";
/// A watch may take days; nobody reads more than this afterwards.
const HELD: usize = 100;

/// What is to be given back; set while the terminal is ours.
static TAKEN: Mutex<Option<Taken>> = Mutex::new(None);

struct Taken {
    /// How the keyboard was; absent where there is none.
    keyboard: Option<Termios>,
    /// What was told meanwhile.
    held: Vec<String>,
    watched: Arc<Mutex<Watched>>,
}

fn taken() -> MutexGuard<'static, Option<Taken>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn of(watched: &Mutex<Watched>) -> MutexGuard<'_, Watched> {
    watched.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a line for standard error until the screen has gone; false where there
/// is no screen.
pub(super) fn hold(text: &str) -> bool {
    match &mut *taken() {
        Some(taken) => {
            // Each attempt may warn of the same.
            if taken.held.len() < HELD && !taken.held.iter().any(|known| known == text) {
                taken.held.push(text.to_owned());
            }
            true
        }
        None => false,
    }
}

/// Tells on the screen that the watch is ending; false where there is no screen.
pub(super) fn tell_ending() -> bool {
    match &*taken() {
        Some(taken) => {
            of(&taken.watched).end();
            true
        }
        None => false,
    }
}

/// Gives the terminal back, if it is ours, waiting for it no longer than
/// `patience`. What was told meanwhile is told now.
pub(super) fn restore(patience: Duration) {
    let Some(taken) = taken().take() else {
        return;
    };
    if let Some(keyboard) = &taken.keyboard {
        give_back(keyboard);
    }
    let (done, wait) = channel();
    std::thread::spawn(move || {
        drop(write(LEAVE));
        for line in &taken.held {
            tell(line);
        }
        done.send(()).ok();
    });
    wait.recv_timeout(patience).ok();
}

fn give_back(keyboard: &Termios) {
    // A terminal that went away has nothing to be given back.
    tcsetattr(io::stdin(), SetArg::TCSANOW, keyboard).ok();
}

fn write(text: &str) -> io::Result<()> {
    let mut terminal = io::stderr().lock();
    terminal.write_all(text.as_bytes())?;
    terminal.flush()
}

/// Without echo, and without waiting for Enter.
fn quiet(keyboard: &Termios) {
    let mut quiet = keyboard.clone();
    quiet
        .local_flags
        .remove(LocalFlags::ICANON | LocalFlags::ECHO);
    tcsetattr(io::stdin(), SetArg::TCSANOW, &quiet).ok();
}

/// What the painter is told.
enum Message {
    /// Something moved: draw now.
    Draw,
    /// The terminal may show something else by now: draw all of it.
    DrawAll,
    /// Ctrl-Z.
    Suspend,
    Close,
}

/// A screen that shows a watch as it goes. Dropped, it gives the terminal back.
pub(super) struct Screen {
    painter: Option<JoinHandle<()>>,
    messages: Sender<Message>,
    _signals: JoinSet<()>,
}

/// What a terminal may take for the last few bytes.
const PATIENCE: Duration = Duration::from_secs(2);

impl Screen {
    /// Takes the terminal and draws `watched` on it, now and four times a
    /// second. `q` and the loss of the terminal end the watch by `ender`.
    ///
    /// # Errors
    /// When this system lets no handler be set.
    pub(super) fn open(
        watched: &Arc<Mutex<Watched>>,
        style: Style,
        ender: &Ender,
    ) -> io::Result<Self> {
        let (messages, inbox) = channel();
        let signals = listen(&messages)?;
        let keyboard = hears_keys().then(|| tcgetattr(io::stdin()).ok()).flatten();
        if let Some(keyboard) = &keyboard {
            quiet(keyboard);
            let (ender, watched) = (ender.clone(), Arc::clone(watched));
            std::thread::spawn(move || hear(&ender, &watched));
        }
        *taken() = Some(Taken {
            keyboard,
            held: Vec::new(),
            watched: Arc::clone(watched),
        });
        let painter = Painter {
            watched: Arc::clone(watched),
            style,
            ender: ender.clone(),
            frame: Vec::new(),
        };
        Ok(Self {
            painter: Some(std::thread::spawn(move || painter.paint(&inbox))),
            messages,
            _signals: signals,
        })
    }

    /// Draws what has moved.
    pub(super) fn draw(&self) {
        self.messages.send(Message::Draw).ok();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.messages.send(Message::Close).ok();
        // Its last frame must not come after the terminal was given back; one
        // that is stuck in a terminal which takes nothing is not waited for.
        let (done, wait) = channel();
        if let Some(painter) = self.painter.take() {
            std::thread::spawn(move || {
                drop(painter.join());
                done.send(()).ok();
            });
        }
        wait.recv_timeout(PATIENCE).ok();
        restore(PATIENCE);
    }
}

/// Whether a key can be heard.
pub(super) fn hears_keys() -> bool {
    io::stdin().is_terminal()
}

fn listen(messages: &Sender<Message>) -> io::Result<JoinSet<()>> {
    type Make = fn() -> Message;
    let wanted: [(SignalKind, Make); 3] = [
        (SignalKind::window_change(), || Message::DrawAll),
        (SignalKind::from_raw(Signal::SIGCONT as i32), || {
            Message::DrawAll
        }),
        (SignalKind::from_raw(Signal::SIGTSTP as i32), || {
            Message::Suspend
        }),
    ];
    let mut tasks = JoinSet::new();
    for (kind, make) in wanted {
        let mut incoming = signal(kind)?;
        let messages = messages.clone();
        tasks.spawn(async move {
            while incoming.recv().await.is_some() && messages.send(make()).is_ok() {}
        });
    }
    Ok(tasks)
}

/// Waits for `q`, for as long as the program lives.
fn hear(ender: &Ender, watched: &Mutex<Watched>) {
    let mut key = [0];
    loop {
        match io::stdin().lock().read(&mut key) {
            Ok(0) => return ender.lost(),
            Ok(_) if key.eq_ignore_ascii_case(b"q") => {
                of(watched).end();
                ender.end();
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return ender.lost(),
        }
    }
}

/// The one thread that writes to the terminal while it is ours: one that takes
/// nothing holds up no run.
struct Painter {
    watched: Arc<Mutex<Watched>>,
    style: Style,
    ender: Ender,
    /// What is on the screen.
    frame: Vec<String>,
}

impl Painter {
    fn paint(mut self, inbox: &Receiver<Message>) {
        // Also when this thread fails: a watch that nobody sees is of no use.
        let mut end = EndsWith(Some(self.ender.clone()));
        if write(ENTER).is_err() {
            return;
        }
        loop {
            if self.draw().is_err() {
                return;
            }
            let done = match inbox.recv_timeout(TICK) {
                Ok(Message::Draw) | Err(RecvTimeoutError::Timeout) => Ok(()),
                Ok(Message::DrawAll) => self.all_anew(),
                Ok(Message::Suspend) => self.suspend(),
                Ok(Message::Close) | Err(RecvTimeoutError::Disconnected) => {
                    end.0 = None;
                    return;
                }
            };
            if done.is_err() {
                return;
            }
        }
    }

    /// Writes the lines that are others than before.
    fn draw(&mut self) -> io::Result<()> {
        let lines = {
            let watched = of(&self.watched);
            screen(&watched, engine::now(), size(), &self.style)
        };
        let mut text = String::new();
        for (place, line) in lines.iter().enumerate() {
            if self.frame.get(place) != Some(line) {
                // A String takes all that is written to it.
                write!(text, "\x1b[{};1H{line}\x1b[K", place + 1).ok();
            }
        }
        if lines.len() < self.frame.len() {
            write!(text, "\x1b[{};1H\x1b[J", lines.len() + 1).ok();
        }
        self.frame = lines;
        if text.is_empty() || taken().is_none() {
            return Ok(());
        }
        write(&text)
    }

    fn all_anew(&mut self) -> io::Result<()> {
        self.frame.clear();
        if let Some(keyboard) = taken().as_ref().and_then(|taken| taken.keyboard.as_ref()) {
            quiet(keyboard);
        }
        write(ENTER)
    }

    /// Stops as Ctrl-Z stops any program: on a terminal as it was.
    fn suspend(&mut self) -> io::Result<()> {
        if let Some(keyboard) = taken().as_ref().and_then(|taken| taken.keyboard.as_ref()) {
            give_back(keyboard);
        }
        write(LEAVE)?;
        raise(Signal::SIGSTOP)?;
        self.all_anew()
    }
}

/// Ends the watch when it is dropped.
struct EndsWith(Option<Ender>);

impl Drop for EndsWith {
    fn drop(&mut self) {
        if let Some(ender) = &self.0 {
            ender.lost();
        }
    }
}

fn size() -> Size {
    let size = terminal_size::terminal_size_of(io::stderr());
    size.map_or(SIZE, |(columns, rows)| Size {
        columns: usize::from(columns.0),
        rows: usize::from(rows.0),
    })
}
