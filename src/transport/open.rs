//! How a client of this room gets its connections: by whoever knows the way
//! and keeps the audit.

use std::future::Future;

use super::{Connection, Fault};

/// Opens connections on behalf of one check and notes what is sent over them.
pub trait Opener: Sync {
    /// Opens a TCP connection to `address:port`, by the way of the check.
    ///
    /// # Errors
    /// The fault that kept it from opening within the time for connecting.
    fn open(
        &self,
        address: &str,
        port: u16,
    ) -> impl Future<Output = Result<Connection, Fault>> + Send;

    /// Notes in the audit what is about to be sent; secrets as `***`.
    fn note(&self, target: &str, protocol: &str, sent: &str);
}
