//! How files are read: injected, so that tests need none.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Where files come from.
pub trait Files {
    /// The bytes of a file of at most `limit` bytes.
    ///
    /// # Errors
    /// As the system tells; [`io::ErrorKind::FileTooLarge`] for a file over
    /// the limit, of which no more than the limit was read.
    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>>;
}

/// The file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let too_large = || io::Error::from(io::ErrorKind::FileTooLarge);
        // Looked at before it is opened: opening a pipe waits for a writer.
        let metadata = std::fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        if !metadata.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        if metadata.len() > limit as u64 {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        File::open(path)?
            .take(limit as u64 + 1)
            .read_to_end(&mut bytes)?;
        // It may have grown since.
        if bytes.len() > limit {
            Err(too_large())
        } else {
            Ok(bytes)
        }
    }
}
