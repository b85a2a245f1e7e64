//! Reading files that the operator or the baseline names.

use std::io;
use std::path::Path;

use tokio::fs::{self, File};
use tokio::io::AsyncReadExt;

/// Reads a regular file of at most `most` bytes. `/dev/null`, the usual way to
/// say "none", is empty.
///
/// # Errors
/// Those of the system; also for anything but a regular file, as opening a FIFO
/// waits for a writer, for ever and in a thread that nothing can end.
pub(super) async fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    if path == Path::new("/dev/null") {
        return Ok(Vec::new());
    }
    if !fs::metadata(path).await?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).await?;
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .await?;
    if bytes.len() as u64 > most {
        let message = format!("it is larger than {most} bytes");
        return Err(io::Error::other(message));
    }
    Ok(bytes)
}

/// A FIFO that nobody writes to.
#[cfg(test)]
pub(super) fn fifo(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.expect("mkfifo").success());
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn regular_files_up_to_the_cap() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").expect("a file");
        assert_eq!(read(&path, 5).await.expect("whole"), b"12345");
        let error = read(&path, 4).await.expect_err("too large");
        assert_eq!(error.to_string(), "it is larger than 4 bytes");
        let missing = read(&folder.path().join("none"), 5).await;
        assert_eq!(missing.expect_err("none").kind(), io::ErrorKind::NotFound);
        let none = read(Path::new("/dev/null"), 5).await;
        assert_eq!(none.expect("empty"), b"");
        for path in [fifo(folder.path()), folder.path().to_owned()] {
            let error = read(&path, 5).await.expect_err("no file");
            assert_eq!(error.to_string(), "it is no regular file");
        }
    }
}
