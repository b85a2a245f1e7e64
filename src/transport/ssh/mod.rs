//! SSH: one connection per host for the whole run, made when the first check
//! asks for it and shared by all that follow, whether it opened or failed.
//!
//! Settings come from the baseline, then from `~/.ssh/config`, then from SSH's
//! defaults. The configuration is read by the `ssh` program itself (`ssh -G`),
//! so that `Match`, tokens and includes mean what they mean to the user; on a
//! machine without that program it is not read at all. `StrictHostKeyChecking`
//! is not looked at: a key that is not known is never accepted.

mod auth;
mod channel;
mod connect;
mod handshake;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod hostile;
mod known_hosts;
mod login;
mod session;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use tokio::sync::{OnceCell, Semaphore};

use super::audit::Ledger;
use super::dial::Dialer;
use super::local::Operator;
use super::{Fault, Host};

pub use session::{Session, line};

/// sshd drops connections at random from the eleventh that has not logged in
/// yet (`MaxStartups 10:30:100`), and several hosts may be one machine.
const HANDSHAKES_AT_ONCE: usize = 8;

/// What SSH needs to know of the operator's machine. Empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshEnvironment {
    /// The operator's home directory, for `~/.ssh`.
    pub home: Option<PathBuf>,
    /// The operator's login name, for hosts that give none.
    pub user: Option<String>,
    /// Socket of the key agent.
    pub agent: Option<PathBuf>,
    /// The system's known-hosts files: `/etc/ssh/ssh_known_hosts`.
    pub known_hosts: Vec<PathBuf>,
    /// The `ssh` program, which reads `~/.ssh/config` for us.
    pub program: Option<PathBuf>,
    /// The configuration file to read instead of the user's and the system's
    /// (`ssh -F`).
    pub config: Option<PathBuf>,
}

impl SshEnvironment {
    fn in_ssh(&self, names: &[&str]) -> Vec<PathBuf> {
        let Some(home) = &self.home else {
            return Vec::new();
        };
        names
            .iter()
            .map(|name| home.join(".ssh").join(name))
            .collect()
    }
}

type Cell = Arc<OnceCell<Result<Arc<Session>, Fault>>>;

/// The SSH connections of one run.
pub struct SshPool {
    environment: SshEnvironment,
    dialer: Arc<Dialer>,
    handshakes: Semaphore,
    cells: Mutex<HashMap<String, Cell>>,
    /// Hosts whose connection opened and was lost, and may have been opened anew.
    lost: Mutex<BTreeSet<String>>,
}

impl fmt::Debug for SshPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.lock().len();
        f.debug_struct("SshPool").field("hosts", &hosts).finish()
    }
}

impl SshPool {
    /// A pool that has connected to nothing yet.
    #[must_use]
    pub fn new(environment: SshEnvironment, dialer: Arc<Dialer>) -> Self {
        Self {
            environment,
            dialer,
            handshakes: Semaphore::new(HANDSHAKES_AT_ONCE),
            cells: Mutex::default(),
            lost: Mutex::default(),
        }
    }

    /// The operator, as far as commands on this machine are told.
    #[must_use]
    pub fn operator(&self) -> Operator<'_> {
        Operator {
            home: self.environment.home.as_deref(),
            user: self.environment.user.as_deref(),
        }
    }

    /// The host's connection: opened by the first who asks, and the same
    /// connection or the same fault for everyone after. Only a connection that
    /// opened and was lost since is opened anew.
    ///
    /// # Errors
    /// The fault that kept it from opening within `host.connect_timeout`.
    pub async fn session(
        &self,
        host: &Arc<Host>,
        ledger: Ledger<'_>,
    ) -> Result<Arc<Session>, Fault> {
        self.session_at(host, 0, ledger).await
    }

    async fn session_at(
        &self,
        host: &Arc<Host>,
        depth: usize,
        ledger: Ledger<'_>,
    ) -> Result<Arc<Session>, Fault> {
        self.cell(&host.id)
            .get_or_init(|| connect::connect(self, host, depth, ledger))
            .await
            .clone()
    }

    fn cell(&self, host: &str) -> Cell {
        let mut cells = self.lock();
        let cell = cells.entry(host.to_owned()).or_default();
        if let Some(Ok(session)) = cell.get()
            && session.is_lost()
        {
            *cell = Cell::default();
            self.lock_lost().insert(host.to_owned());
        }
        Arc::clone(cell)
    }

    /// Whether a connection to the host was lost, and another one was asked for since.
    #[must_use]
    pub fn has_lost(&self, host: &str) -> bool {
        self.lock_lost().contains(host)
    }

    /// The hosts that did not keep the connection which they once accepted, in
    /// order of their ids: they restarted, or the way to them broke. Asks each
    /// open connection for a sign of life, an SSH keepalive, since one that
    /// nobody used lately shows nothing of that. One that gives none is not used again.
    pub async fn lost(&self) -> BTreeSet<String> {
        let open: Vec<(String, Arc<Session>)> = {
            let cells = self.lock();
            let opened = cells.iter().filter_map(|(host, cell)| {
                let session = cell.get()?.as_ref().ok()?;
                Some((host.clone(), Arc::clone(session)))
            });
            opened.collect()
        };
        let asked = open
            .into_iter()
            .map(|(host, session)| async move { (!session.still_lives().await).then_some(host) });
        let silent = join_all(asked).await;
        let mut lost = self.lock_lost().clone();
        lost.extend(silent.into_iter().flatten());
        lost
    }

    /// Says goodbye on every open connection.
    pub async fn close_all(&self) {
        let cells: Vec<Cell> = self.lock().drain().map(|(_, cell)| cell).collect();
        let open = cells.iter().filter_map(|cell| cell.get()?.as_ref().ok());
        join_all(open.map(|session| session.close())).await;
    }

    fn lock_lost(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Cell>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
