//! What `df`, the kernel's list of mounts and macOS's `mount` print.

/// How much of something there is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Amount {
    pub(super) total: f64,
    pub(super) used: f64,
    /// What users other than root can still take; not all that is not used.
    pub(super) available: f64,
}

impl Amount {
    /// As `df` counts: what is reserved for root is neither used nor available.
    pub(super) fn used_percent(&self) -> f64 {
        self.used / (self.used + self.available) * 100.0
    }
}

/// A line of `df`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) device: String,
    pub(super) mount: String,
    /// In bytes. None for a file system without blocks of its own.
    pub(super) space: Option<Amount>,
    /// None for a file system that makes inodes as it needs them.
    pub(super) inodes: Option<Amount>,
}

/// What a column holds, and how many bytes one of its units is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Column {
    Blocks(f64),
    Inodes,
    /// Of the space, or of the inodes where those are what the table is about.
    Used,
    Available,
    InodesUsed,
    InodesFree,
    Percent,
}

fn column(title: &str) -> Option<Column> {
    Some(match title {
        "1024-blocks" | "1K-blocks" => Column::Blocks(1024.0),
        "512-blocks" => Column::Blocks(512.0),
        "Inodes" => Column::Inodes,
        "Used" => Column::Used,
        "Available" | "Avail" => Column::Available,
        "IUsed" | "iused" => Column::InodesUsed,
        "IFree" | "ifree" => Column::InodesFree,
        "Capacity" | "Use%" | "IUse%" | "%iused" => Column::Percent,
        _ => return None,
    })
}

/// Reads the table of GNU's, busybox's or macOS's `df`, by its head line.
///
/// # Errors
/// What is not as any of them prints it.
pub(super) fn parse_df(text: &str) -> Result<Vec<Row>, String> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let Some(head) = lines.next() else {
        return Ok(Vec::new());
    };
    let columns = head
        .strip_prefix("Filesystem")
        .and_then(|rest| rest.trim_end().strip_suffix("Mounted on"))
        .and_then(|middle| middle.split_whitespace().map(column).collect())
        .filter(|columns: &Vec<Column>| !columns.is_empty())
        .ok_or_else(|| format!("df printed {head:?} for its head line"))?;
    lines
        .map(|line| row(&columns, line).ok_or_else(|| format!("df printed {line:?}")))
        .collect()
}

/// Devices and mount points may have spaces in them; the numbers between them tell where.
fn row(columns: &[Column], line: &str) -> Option<Row> {
    let words: Vec<(usize, &str)> = words(line).collect();
    let is = |column: &Column, word: &str| match column {
        Column::Percent => {
            word == "-" || word.strip_suffix('%').is_some_and(|n| number(n).is_some())
        }
        _ => word == "-" || number(word).is_some(),
    };
    let first = (1..words.len().checked_sub(columns.len())?).find(|&first| {
        let cells = &words[first..first + columns.len()];
        let fits = columns
            .iter()
            .zip(cells)
            .all(|(column, (_, word))| is(column, word));
        fits && words[first + columns.len()].1.starts_with('/')
    })?;
    let cells = &words[first..first + columns.len()];
    let cell = |wanted: fn(&Column) -> bool| {
        let at = columns.iter().position(wanted)?;
        number(cells[at].1)
    };
    let used = cell(|column| *column == Column::Used);
    // GNU's goes below zero where root has written into its reserve.
    let available = cell(|column| *column == Column::Available).map(|number| number.max(0.0));
    let scale = columns.iter().find_map(|column| match column {
        Column::Blocks(bytes) => Some(*bytes),
        _ => None,
    });
    let amount = |total: Option<f64>, used: Option<f64>, available: Option<f64>, scale: f64| {
        let (total, used, available) = (total?, used?, available?);
        (total > 0.0 && used >= 0.0 && used + available > 0.0).then_some(Amount {
            total: total * scale,
            used: used * scale,
            available: available * scale,
        })
    };
    let own_used = cell(|column| *column == Column::InodesUsed);
    let own_free = cell(|column| *column == Column::InodesFree);
    let total = cell(|column| *column == Column::Inodes);
    let about_inodes = scale.is_none();
    Some(Row {
        device: line[..words[first].0].trim_end().to_owned(),
        mount: line[words[first + columns.len()].0..].to_owned(),
        space: scale.and_then(|scale| {
            let total = cell(|column| matches!(column, Column::Blocks(_)));
            amount(total, used, available, scale)
        }),
        inodes: amount(
            total.or_else(|| Some(own_used? + own_free?)),
            own_used.or(used.filter(|_| about_inodes)),
            own_free.or(available.filter(|_| about_inodes)),
            1.0,
        ),
    })
}

/// The words of a line, each with where it starts.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + line[rest..].find(|next: char| !next.is_ascii_whitespace())?;
        let length = line[start..].find(|next: char| next.is_ascii_whitespace());
        rest = length.map_or(line.len(), |length| start + length);
        Some((start, &line[start..rest]))
    })
}

fn number(word: &str) -> Option<f64> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| word.parse().ok()).flatten()
}

/// A mount, as the kernel tells it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mount {
    pub(super) point: String,
    /// What several mounts of one file system have in common.
    pub(super) of: String,
    pub(super) file_system: String,
    pub(super) read_only: bool,
    /// The file system is read-only and its mount is not: the kernel made it
    /// so, after errors. None where that is not told.
    pub(super) turned: Option<bool>,
    /// An image, which is made to be read only.
    pub(super) by_nature: bool,
}

/// Kept in memory, made up by the kernel, or a view of another one.
const NO_DISK: &[&str] = &[
    "aufs",
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fdescfs",
    "fuse.gvfsd-fuse",
    "fuse.lxcfs",
    "fuse.portal",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nfsd",
    "nsfs",
    "nullfs",
    "overlay",
    "proc",
    "pstore",
    "ramfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tmpfs",
    "tracefs",
];

const IMAGES: &[&str] = &[
    "cramfs",
    "erofs",
    "fuse.snapfuse",
    "iso9660",
    "romfs",
    "squashfs",
];

impl Mount {
    /// Whether it is one to look at where none is named. The `/` of a
    /// container is an overlay, and yet what it has for a disk.
    pub(super) fn is_real(&self) -> bool {
        let no_disk = NO_DISK.contains(&self.file_system.as_str()) && self.point != "/";
        let system =
            self.point.starts_with("/System/Volumes/") && self.point != "/System/Volumes/Data";
        !no_disk && !self.by_nature && !system
    }
}

/// The mounts of `/proc/self/mountinfo` (proc(5)). Of those at one point the
/// last is the one that is seen there.
///
/// # Errors
/// The first line that is none of it.
pub(super) fn parse_mountinfo(text: &str) -> Result<Vec<Mount>, String> {
    let mounts: Option<Vec<Mount>> = text.lines().map(mountinfo).collect();
    let mounts = mounts.filter(|mounts| !mounts.is_empty()).ok_or_else(|| {
        let line = text.lines().find(|line| mountinfo(line).is_none());
        format!(
            "/proc/self/mountinfo says {:?}, which is no mount",
            line.unwrap_or_default()
        )
    })?;
    Ok(uppermost(mounts))
}

fn uppermost(mounts: Vec<Mount>) -> Vec<Mount> {
    let mut seen: Vec<Mount> = Vec::new();
    let mut points = std::collections::BTreeSet::new();
    for mount in mounts.into_iter().rev() {
        if points.insert(mount.point.clone()) {
            seen.push(mount);
        }
    }
    seen.reverse();
    seen
}

fn mountinfo(line: &str) -> Option<Mount> {
    let (mount, super_block) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(2);
    let (of, point, options) = (mount.next()?, mount.nth(1)?, mount.next()?);
    let mut super_block = super_block.split(' ');
    let (file_system, options_of_all) = (super_block.next()?, super_block.nth(1)?);
    let has = |options: &str, wanted: &str| options.split(',').any(|option| option == wanted);
    if !point.starts_with('/') || !(has(options, "ro") || has(options, "rw")) {
        return None;
    }
    let (own, whole) = (has(options, "ro"), has(options_of_all, "ro"));
    Some(Mount {
        point: unescaped(point),
        of: of.to_owned(),
        file_system: file_system.to_owned(),
        read_only: own || whole,
        turned: Some(whole && !own),
        by_nature: IMAGES.contains(&file_system),
    })
}

/// The kernel writes space, tab, line feed, `\` and `#` as `\` and three octal digits.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let code = after
            .get(..3)
            .and_then(|code| u8::from_str_radix(code, 8).ok());
        if let Some(byte) = code.filter(u8::is_ascii) {
            plain.push(char::from(byte));
            rest = &after[3..];
        } else {
            plain.push('\\');
            rest = after;
        }
    }
    plain.push_str(rest);
    plain
}

/// The mounts that macOS's `mount` prints: `/dev/disk3s1 on /Volumes/My Disk (apfs, local, journaled)`.
///
/// # Errors
/// The first line that is none of it.
pub(super) fn parse_mount(text: &str) -> Result<Vec<Mount>, String> {
    let mounts: Result<Vec<Mount>, String> = text
        .lines()
        .map(|line| mount(line).ok_or_else(|| format!("mount printed {line:?}")))
        .collect();
    mounts.map(uppermost)
}

fn mount(line: &str) -> Option<Mount> {
    let (mount, options) = line.trim_end().strip_suffix(')')?.rsplit_once(" (")?;
    let (device, point) = mount.split_once(" on /")?;
    let mut options = options.split(", ");
    let file_system = options.next()?;
    let options: Vec<&str> = options.collect();
    Some(Mount {
        point: format!("/{point}"),
        of: device.to_owned(),
        file_system: file_system.to_owned(),
        // A sealed volume is the system itself, which nothing has to write to.
        read_only: options.contains(&"read-only") && !options.contains(&"sealed"),
        turned: None,
        by_nature: IMAGES.contains(&file_system),
    })
}
