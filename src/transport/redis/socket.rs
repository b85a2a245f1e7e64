//! Unix sockets of the operator's machine.

use std::path::Path;
use std::time::Duration;
#[cfg(unix)]
use std::time::Instant;

use crate::transport::{Connection, Fault, FaultKind};

#[cfg(unix)]
pub(super) async fn open_socket(path: &Path, timeout: Duration) -> Result<Connection, Fault> {
    use std::io::ErrorKind;
    let started = Instant::now();
    let shown = path.display();
    let stream = match tokio::time::timeout(timeout, tokio::net::UnixStream::connect(path)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            return Err(match error.kind() {
                ErrorKind::NotFound => {
                    Fault::new(FaultKind::Missing, format!("there is no socket {shown}"))
                }
                ErrorKind::ConnectionRefused => {
                    Fault::new(FaultKind::Refused, format!("connection refused by {shown}"))
                }
                ErrorKind::PermissionDenied => {
                    Fault::new(FaultKind::Denied, format!("{shown} may not be opened"))
                }
                _ => Fault::new(
                    FaultKind::LocalSetup,
                    format!("{shown} cannot be opened: {error}"),
                ),
            });
        }
        Err(_) => {
            return Err(Fault::new(
                FaultKind::TimedOut,
                format!("{shown} did not open"),
            ));
        }
    };
    Ok(Connection {
        stream: Box::new(stream),
        peer: shown.to_string(),
        connect: started.elapsed(),
        exposed: false,
    })
}

#[cfg(not(unix))]
pub(super) async fn open_socket(path: &Path, _: Duration) -> Result<Connection, Fault> {
    Err(Fault::new(
        FaultKind::LocalSetup,
        format!("this system has no Unix sockets: {}", path.display()),
    ))
}
