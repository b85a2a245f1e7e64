//! Files that others read while they are written: whole, or as they were.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Writes `text` to `path` so that no reader ever finds a part of it, and no
/// power cut leaves one: to a file beside it, which then takes its place. With
/// `mode` whatever the umask says, otherwise as the umask says. A symbolic link
/// stays one. What is below `/dev` and `/proc` is written to as it is.
///
/// # Errors
/// What kept it from being written, as a fragment; `path` is as it was.
pub(super) fn replace(path: &Path, text: &str, mode: Option<u32>) -> Result<(), String> {
    if path.starts_with("/dev") || path.starts_with("/proc") {
        return OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut device| device.write_all(text.as_bytes()))
            .map_err(|error| error.to_string());
    }
    let path = destination(path)?;
    let (folder, beside) = beside(&path)?;
    let written = write_new(&beside, text, mode).and_then(|()| fs::rename(&beside, &path));
    if let Err(error) = written {
        // What is left is nobody's; that it cannot be removed says nothing new.
        fs::remove_file(&beside).ok();
        return Err(error.to_string());
    }
    // Without this the name may be the old one's after a power cut. Some file
    // systems cannot; the file is whole all the same.
    File::open(&folder)
        .and_then(|folder| folder.sync_all())
        .ok();
    Ok(())
}

/// Whether a file can be made beside `path`, as [`replace`] would.
///
/// # Errors
/// What keeps it from that, as a fragment.
pub(super) fn try_out(path: &Path) -> Result<(), String> {
    let path = destination(path)?;
    let (_, beside) = beside(&path)?;
    write_new(&beside, "", None)
        .and_then(|()| fs::remove_file(&beside))
        .map_err(|error| error.to_string())
}

/// Removes what processes left beside `path` that were killed in [`replace`].
/// Where processes cannot be looked up, nothing is.
pub(super) fn sweep(path: &Path) {
    if !Path::new("/proc/self").exists() {
        return;
    }
    let Some(name) = path.file_name().and_then(OsStr::to_str) else {
        return;
    };
    let start = format!(".{name}.");
    for entry in fs::read_dir(folder(path)).into_iter().flatten().flatten() {
        let left = entry.file_name();
        let process = left
            .to_str()
            .and_then(|left| left.strip_prefix(&start)?.strip_suffix(".tmp"))
            .filter(|process| process.bytes().all(|byte| byte.is_ascii_digit()));
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            // Whoever may not remove it is told when it is in the way.
            fs::remove_file(entry.path()).ok();
        }
    }
}

/// The folder that `path` is in.
fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Where `path` is, by the name that it has whatever way it is spelled; what cannot be
/// found has only the name that it was given.
pub(super) fn place(path: &Path) -> PathBuf {
    let path = destination(path).unwrap_or_else(|_| path.to_owned());
    let canonical = fs::canonicalize(&path).ok().or_else(|| {
        let folder = fs::canonicalize(folder(&path)).ok()?;
        Some(folder.join(path.file_name()?))
    });
    canonical.unwrap_or(path)
}

/// Where links lead, whether or not anything is there; only a file may be replaced.
///
/// # Errors
/// What is there instead, as a fragment.
pub(super) fn destination(path: &Path) -> Result<PathBuf, String> {
    let kind = match fs::metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A circle of links is another error, so that there is an end to this.
            return match fs::read_link(path) {
                Ok(target) => destination(&folder(path).join(target)),
                Err(_) => Ok(path.to_owned()),
            };
        }
        Err(error) => return Err(error.to_string()),
    };
    if kind.is_file() {
        return fs::canonicalize(path).map_err(|error| error.to_string());
    }
    Err(if kind.is_dir() {
        "it is a folder: name a file in it".to_owned()
    } else if kind.is_fifo() {
        "it is a pipe: give a file, or `-` for standard output".to_owned()
    } else {
        "it is not a regular file".to_owned()
    })
}

/// The folder of `path`, and a name in it that no other process uses. It starts
/// with a dot and ends in `.tmp`, which collectors of a folder's files pass over.
fn beside(path: &Path) -> Result<(PathBuf, PathBuf), String> {
    let name = path.file_name().ok_or("it names no file")?;
    let folder = folder(path);
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.tmp", std::process::id()));
    let beside = folder.join(hidden);
    Ok((folder, beside))
}

fn write_new(path: &Path, text: &str, mode: Option<u32>) -> io::Result<()> {
    // Left by a process of the same number that was killed.
    fs::remove_file(path).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode.unwrap_or(0o666))
        .open(path)?;
    if let Some(mode) = mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_new_file_takes_the_old_ones_place_and_nothing_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.prom");
        fs::write(&path, "a longer text than the new one").expect("a file");
        replace(&path, "new", Some(0o644)).expect("written");
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), Some("new"));
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        assert_eq!(names(folder.path()), ["a.prom"]);
    }

    #[test]
    fn a_link_stays_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "old").expect("a file");
        std::os::unix::fs::symlink(&real, &link).expect("a link");
        replace(&link, "new", None).expect("written");
        assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
        assert_eq!(fs::read_to_string(&real).ok().as_deref(), Some("new"));
    }

    #[test]
    fn a_link_to_what_is_not_there_yet_stays_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        std::os::unix::fs::symlink("real", &link).expect("a link");
        replace(&link, "new", None).expect("written");
        assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
        assert_eq!(fs::read_to_string(&real).ok().as_deref(), Some("new"));

        let nowhere = folder.path().join("nowhere");
        std::os::unix::fs::symlink("missing/real", &nowhere).expect("a link");
        let told = replace(&nowhere, "new", None);
        assert_eq!(
            told,
            Err("No such file or directory (os error 2)".to_owned())
        );
    }

    #[test]
    fn a_place_is_told_however_it_is_spelled() {
        let folder = tempfile::tempdir().expect("a folder");
        let below = folder.path().join("below");
        fs::create_dir(&below).expect("a folder");
        std::os::unix::fs::symlink("below/a", folder.path().join("link")).expect("a link");
        let there = place(&below.join("a"));
        for spelled in ["below/../below/a", "below/./a", "link"] {
            assert_eq!(place(&folder.path().join(spelled)), there, "{spelled}");
        }
        fs::write(below.join("a"), "").expect("a file");
        assert_eq!(place(&folder.path().join("link")), there);
        assert_ne!(place(&below.join("b")), there);
    }

    #[rstest]
    #[case("", "it is a folder: name a file in it")]
    #[case("missing/a.json", "No such file or directory (os error 2)")]
    #[case("file/a.json", "Not a directory (os error 20)")]
    fn what_cannot_be_written_is_told_and_leaves_nothing(
        #[case] name: &str,
        #[case] expected: &str,
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("file"), "x").expect("a file");
        let told = replace(&folder.path().join(name), "text", None);
        assert_eq!(told, Err(expected.to_owned()));
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn it_is_tried_out_without_a_trace() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(try_out(&folder.path().join("a.prom")), Ok(()));
        assert_eq!(names(folder.path()), Vec::<String>::new());
        let told = try_out(&folder.path().join("missing/a.prom"));
        assert_eq!(
            told,
            Err("No such file or directory (os error 2)".to_owned())
        );
    }

    #[test]
    fn only_what_the_dead_left_is_swept() {
        let folder = tempfile::tempdir().expect("a folder");
        // No process has a number as high as this.
        let left = [".a.prom.4294967295.tmp", ".a.prom.x.tmp", ".b.prom.1.tmp"];
        let alive = format!(".a.prom.{}.tmp", std::process::id());
        for name in left.into_iter().chain([alive.as_str()]) {
            fs::write(folder.path().join(name), "x").expect("a file");
        }
        sweep(&folder.path().join("a.prom"));
        let mut expected = vec![alive.as_str(), ".a.prom.x.tmp", ".b.prom.1.tmp"];
        expected.sort_unstable();
        assert_eq!(names(folder.path()), expected);
    }

    #[test]
    fn devices_are_written_to_and_stay() {
        assert_eq!(replace(Path::new("/dev/null"), "text", Some(0o644)), Ok(()));
        let kind = fs::metadata("/dev/null").expect("a device").file_type();
        assert!(kind.is_char_device());
    }
}
