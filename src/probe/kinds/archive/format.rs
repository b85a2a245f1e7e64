//! What a file is, by its first bytes; and what its name says that it is.

/// As many bytes as tell it: those of a tar are the farthest, at 257.
pub(super) const HEAD: usize = 512;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl Packing {
    /// By the first bytes.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        [
            (&b"\x1f\x8b"[..], Self::Gzip),
            (b"\x28\xb5\x2f\xfd", Self::Zstd),
            (b"\xfd7zXZ\0", Self::Xz),
            (b"BZh", Self::Bzip2),
        ]
        .into_iter()
        .find_map(|(magic, packing)| head.starts_with(magic).then_some(packing))
    }

    /// By the ending of the name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match ending(name) {
            "gz" | "tgz" => Self::Gzip,
            "zst" | "tzst" => Self::Zstd,
            "xz" | "txz" => Self::Xz,
            "bz2" | "tbz2" | "tbz" => Self::Bzip2,
            _ => return None,
        })
    }

    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }

    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Zstd => "zst",
            Self::Xz => "xz",
            Self::Bzip2 => "bz2",
        }
    }

    /// Whether its program ends with `status` for a file that is whole: 2 is
    /// a warning of gzip and xz, of zeros behind the end as tapes have them.
    pub(super) fn is_whole(self, status: u32) -> bool {
        status == 0 || (status == 2 && matches!(self, Self::Gzip | Self::Xz))
    }
}

/// What is in a file, under its packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Nothing,
    Tar,
    /// `pg_dumpall`.
    PostgresCluster,
    /// `pg_dump`.
    Postgres,
    /// `mysqldump` and `mariadb-dump`.
    Mysql,
    /// `.dump` of sqlite3.
    SqliteText,
    Yaml,
    /// `pg_dump -Fc`.
    PostgresCustom,
    Sqlite,
    Redis,
    /// bbolt, which etcd keeps its data in.
    Bolt,
    Zip,
    /// A packing inside of a packing.
    Packed,
    Text,
    Unknown,
}

impl Content {
    /// By the first bytes.
    pub(super) fn of(head: &[u8]) -> Self {
        if head.is_empty() {
            return Self::Nothing;
        }
        // A tar that is empty has zeros alone.
        if head.get(257..262) == Some(b"ustar") || (head.len() == HEAD && is_zero(head)) {
            return Self::Tar;
        }
        let magics: [(&[u8], Self); 4] = [
            (b"PGDMP", Self::PostgresCustom),
            (b"SQLite format 3\0", Self::Sqlite),
            (b"REDIS", Self::Redis),
            (b"PK\x03\x04", Self::Zip),
        ];
        for (magic, content) in magics {
            if head.starts_with(magic) {
                return content;
            }
        }
        if head.get(16..20) == Some(&[0xED, 0xDA, 0x0C, 0xED]) {
            return Self::Bolt;
        }
        if Packing::of(head).is_some() {
            return Self::Packed;
        }
        if head.contains(&0) {
            return Self::Unknown;
        }
        Self::of_text(&String::from_utf8_lossy(head))
    }

    fn of_text(text: &str) -> Self {
        let has = |words: &str| text.contains(words);
        if has("-- PostgreSQL database cluster dump") {
            Self::PostgresCluster
        } else if has("-- PostgreSQL database dump") {
            Self::Postgres
        } else if has("-- MySQL dump ") || has("-- MariaDB dump ") {
            Self::Mysql
        } else if text.starts_with("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;") {
            Self::SqliteText
        } else if text.starts_with("---\n")
            || text.starts_with("apiVersion:")
            || text.starts_with("kind:")
        {
            Self::Yaml
        } else {
            Self::Text
        }
    }

    /// By the ending of the name, as far as that decides what is run.
    pub(super) fn named(name: &str) -> Self {
        match inner(name) {
            "tar" => Self::Tar,
            "sql" => Self::Postgres,
            "yaml" | "yml" => Self::Yaml,
            "rdb" => Self::Redis,
            "sqlite" | "sqlite3" => Self::Sqlite,
            "zip" => Self::Zip,
            _ => Self::Unknown,
        }
    }

    /// As the fact `format` has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "empty",
            Self::Tar => "tar",
            Self::PostgresCluster | Self::Postgres | Self::Mysql | Self::SqliteText => "sql",
            Self::Yaml => "yaml",
            Self::PostgresCustom => "pgdump",
            Self::Sqlite => "sqlite",
            Self::Redis => "rdb",
            Self::Bolt => "bolt",
            Self::Zip => "zip",
            Self::Packed => "packed",
            Self::Text => "text",
            Self::Unknown => "unknown",
        }
    }

    /// What stands at the end of a dump of this sort, and nowhere else.
    pub(super) fn last_words(self) -> Option<&'static str> {
        Some(match self {
            Self::PostgresCluster => "-- PostgreSQL database cluster dump complete",
            Self::Postgres => "-- PostgreSQL database dump complete",
            Self::Mysql => "-- Dump completed",
            Self::SqliteText => "COMMIT;",
            Self::Nothing
            | Self::Tar
            | Self::Yaml
            | Self::PostgresCustom
            | Self::Sqlite
            | Self::Redis
            | Self::Bolt
            | Self::Zip
            | Self::Packed
            | Self::Text
            | Self::Unknown => return None,
        })
    }

    /// How deep one that `is_whole` was looked into: to the `content`, or to no more than
    /// the `ends` of it, where nothing on the host goes through what is between them.
    pub(super) fn depth(self) -> &'static str {
        match self {
            Self::Redis | Self::Sqlite => "ends",
            _ => "content",
        }
    }

    pub(super) fn is_sql(self) -> bool {
        self.last_words().is_some()
    }
}

fn ending(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// What the name says apart from the packing: `sql`, `tar`, or another ending.
fn inner(name: &str) -> &str {
    match ending(name) {
        "tgz" | "tzst" | "txz" | "tbz" | "tbz2" => "tar",
        last if Packing::named(name).is_some() => ending(
            name.strip_suffix(last)
                .unwrap_or(name)
                .trim_end_matches('.'),
        ),
        last => last,
    }
}

/// How a file is not what its name says: an error page that was saved, a dump
/// that its script forgot to compress.
pub(super) fn disagreement(
    name: &str,
    packing: Option<Packing>,
    content: Content,
) -> Option<String> {
    if let Some(named) = Packing::named(name).filter(|named| Some(*named) != packing) {
        let program = named.program();
        return Some(format!(
            "it is named .{}, and {program} has not made it",
            ending(name)
        ));
    }
    let wrong = match inner(name) {
        "tar" => content != Content::Tar,
        "sql" => matches!(
            content,
            Content::Tar
                | Content::Yaml
                | Content::PostgresCustom
                | Content::Sqlite
                | Content::Redis
                | Content::Bolt
                | Content::Zip
                | Content::Packed
                | Content::Unknown
        ),
        "sqlite" | "sqlite3" => content != Content::Sqlite,
        "rdb" => content != Content::Redis,
        _ => false,
    };
    wrong.then(|| {
        format!(
            "it is named .{}, and begins like {}",
            inner(name),
            content.name()
        )
    })
}

/// Pages and their size as the head of an SQLite file tells them.
pub(super) fn sqlite_bytes(head: &[u8]) -> Option<u64> {
    let size = u16::from_be_bytes(head.get(16..18)?.try_into().ok()?);
    // 65536 does not fit and is written as 1.
    let size = if size == 1 { 65_536 } else { u64::from(size) };
    let pages = u32::from_be_bytes(head.get(28..32)?.try_into().ok()?);
    // What wrote it before 3.7.0 did not keep the count; it is valid where the
    // change counter is the one it was written with.
    let is_kept = head.get(24..28)? == head.get(92..96)?;
    (is_kept && pages > 0).then(|| size * u64::from(pages))
}

/// Whether a dump of Redis begins with the version of its format: `REDIS0011`.
pub(super) fn begins_as_rdb(head: &[u8]) -> bool {
    let version = head.strip_prefix(b"REDIS").and_then(|rest| rest.get(..4));
    version.is_some_and(|version| version.iter().all(u8::is_ascii_digit))
}

/// Whether the first file in a zip is encrypted.
pub(super) fn is_encrypted_zip(head: &[u8]) -> bool {
    head.get(6).is_some_and(|flags| flags & 1 == 1)
}

/// Whether these last bytes have the end of a zip's list of files, with a comment as
/// long as it says behind it.
pub(super) fn ends_as_zip(tail: &[u8]) -> bool {
    const END: usize = 22;
    let is_end = |end: &[u8]| {
        let comment = end.get(END - 2..END).and_then(|two| two.try_into().ok());
        let comment = comment.map(|two| usize::from(u16::from_le_bytes(two)));
        end.starts_with(b"PK\x05\x06") && comment == end.len().checked_sub(END)
    };
    (0..tail.len()).any(|at| tail.get(at..).is_some_and(is_end))
}
