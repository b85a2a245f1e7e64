//! Backups that are files with a date in their name.

use std::io::Write;
use std::process::{Command, Stdio};

use jiff::Timestamp;

use super::host::Host;

/// What is in an archive.
#[derive(Debug, Clone)]
pub(crate) enum Archive {
    /// So many bytes that no compressor makes smaller, in a tar file.
    Tar(usize),
    /// The same by gzip.
    TarGz(usize),
    /// The same by zstd.
    TarZst(usize),
    /// What `pg_dumpall` writes, with so many bytes of data and the line that ends it.
    Sql(usize),
    /// The same by gzip.
    SqlGz(usize),
    /// A dump that ends before its last line.
    SqlGzUnended(usize),
    /// What `mysqldump` writes, with so many bytes of data, by gzip.
    MySqlGz(usize),
    /// What `etcdctl snapshot save` writes: so many pages of bbolt and their checksum.
    Etcd(usize),
    /// What Redis' BGSAVE writes.
    Rdb(usize),
    /// This text.
    Text(String),
    /// Nothing at all.
    Empty,
}

impl Archive {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Tar(size) => tar(*size),
            Self::TarGz(size) => through(&["gzip", "-nc"], tar(*size)),
            Self::TarZst(size) => through(&["zstd", "-qc"], tar(*size)),
            Self::Sql(size) => sql(*size, true),
            Self::SqlGz(size) => through(&["gzip", "-nc"], sql(*size, true)),
            Self::SqlGzUnended(size) => through(&["gzip", "-nc"], sql(*size, false)),
            Self::MySqlGz(size) => through(&["gzip", "-nc"], mysql(*size)),
            Self::Etcd(size) => etcd(*size),
            Self::Rdb(size) => [b"REDIS0011", &noise(*size)[..], b"\xFF\0\0\0\0\0\0\0\0"].concat(),
            Self::Text(text) => text.clone().into_bytes(),
            Self::Empty => Vec::new(),
        }
    }
}

/// Bytes without a pattern, the same each time.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

fn tar(size: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("data")).expect("a folder");
    std::fs::write(folder.path().join("data/blob"), noise(size)).expect("a file");
    let done = Command::new("tar")
        .arg("-C")
        .arg(folder.path())
        .args(["-cf", "-", "data"])
        .output()
        .expect("tar");
    assert!(done.status.success(), "{done:?}");
    done.stdout
}

fn sql(size: usize, ended: bool) -> Vec<u8> {
    let mut text = b"--\n-- PostgreSQL database cluster dump\n--\n\nSET default_transaction_read_only = off;\n\n\
        CREATE ROLE postgres;\n\nCOPY public.data (id, value) FROM stdin;\n"
        .to_vec();
    for (number, chunk) in noise(size).chunks(30).enumerate() {
        let _ = write!(text, "{number}\t");
        text.extend(
            chunk
                .iter()
                .flat_map(|byte| format!("{byte:02x}").into_bytes()),
        );
        text.push(b'\n');
    }
    if ended {
        text.extend(b"\\.\n\n--\n-- PostgreSQL database dump complete\n--\n\n--\n-- PostgreSQL database cluster dump complete\n--\n\n");
    }
    text
}

fn mysql(size: usize) -> Vec<u8> {
    let rows: String = noise(size)
        .chunks(30)
        .enumerate()
        .map(|(number, chunk)| format!("INSERT INTO `data` VALUES ({number},0x{});\n", hex(chunk)))
        .collect();
    format!(
        "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n--\n-- Host: mysql-primary.dbaas    Database: \n\
         -- ------------------------------------------------------\n{rows}-- Dump completed on 2026-03-24  0:30:09\n"
    )
    .into_bytes()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Pages of 4 KiB, the magic number of bbolt on the first of them, and the SHA-256 of all.
fn etcd(pages: usize) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let mut bytes = noise(pages * 4096);
    bytes[16..20].copy_from_slice(&[0xED, 0xDA, 0x0C, 0xED]);
    let sum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&sum);
    bytes
}

fn through(program: &[&str], input: Vec<u8>) -> Vec<u8> {
    let mut child = Command::new(program[0])
        .args(&program[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", program[0]));
    let mut stdin = child.stdin.take().expect("its input");
    let feeding = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let done = child.wait_with_output().expect("its end");
    drop(feeding.join());
    assert!(done.status.success(), "{done:?}");
    done.stdout
}

impl Host {
    /// An archive at a path, last changed then.
    pub(crate) fn archive(&self, path: &str, content: &Archive, at: Timestamp) -> &Self {
        self.write(path, content.bytes()).changed(path, at)
    }

    /// Cuts a file off in the middle; its age stays.
    pub(crate) fn truncate(&self, path: &str) -> &Self {
        let file = std::fs::File::options()
            .write(true)
            .open(self.path(path))
            .expect("a file");
        let about = file.metadata().expect("its size");
        file.set_len(about.len() / 2).expect("a shorter file");
        file.set_modified(about.modified().expect("its age"))
            .expect("its age");
        self
    }

    /// Spoils some bytes in the middle of a file; its size and age stay.
    pub(crate) fn spoil(&self, path: &str) -> &Self {
        let modified = std::fs::metadata(self.path(path))
            .and_then(|about| about.modified())
            .expect("a file");
        let mut bytes = std::fs::read(self.path(path)).expect("a file");
        let middle = bytes.len() / 2;
        for byte in bytes.iter_mut().skip(middle).take(64) {
            *byte ^= 0x5a;
        }
        self.write(path, bytes)
            .changed(path, Timestamp::try_from(modified).expect("a time"))
    }
}
