//! `disk`: there is room, and it can be written to.

mod findings;
mod table;

use schemars::JsonSchema;
use serde::Deserialize;

use self::findings::{Seen, chosen, list, set_all};
use self::table::{Mount, Row, parse_df, parse_mount, parse_mountinfo};
use super::answer;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target, Type, Unit,
};
use crate::transport::command::{Output, ReadOnlyCommand};

/// Asks the host how full a file system is, in bytes and in inodes, and
/// whether it can be written to: after errors of a disk the kernel makes its
/// file system read-only.
///
/// With `mount` it looks at what is mounted there; when nothing is, the
/// numbers would be those of another disk and are left out. With `path` it
/// looks at whatever file system holds the path. With neither it looks at all
/// that are on disks or on other machines: not at those in memory, at
/// overlays of containers, at images such as those of snaps, and once at one
/// that is mounted several times.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// A mount point: `/backup`. Links are not followed.
    #[serde(default)]
    #[schemars(extend("pattern" = "^/"))]
    mount: Option<String>,
    /// A file or directory, for the file system that holds it.
    #[serde(default)]
    #[schemars(extend("pattern" = "^/"))]
    path: Option<String>,
    /// Mount points to leave out where all are looked at; with `/*` at the
    /// end those below it: `/var/lib/kubelet/*`.
    #[serde(default)]
    except: Vec<String>,
}

/// What a look is at.
enum Subject<'a> {
    Mount(&'a str),
    Path(&'a str),
    All,
}

fn is_mac(target: &Target) -> bool {
    cfg!(target_os = "macos") && target.host.as_deref().is_some_and(|host| host.local)
}

impl Disk {
    fn subject(&self) -> Subject<'_> {
        match (&self.mount, &self.path) {
            // A mount point has no slash at its end.
            (Some(mount), _) => Subject::Mount(match mount.trim_end_matches('/') {
                "" => "/",
                point => point,
            }),
            (None, Some(path)) => Subject::Path(path),
            (None, None) => Subject::All,
        }
    }

    fn commands(&self, target: &Target) -> Vec<Vec<&str>> {
        let place = match self.subject() {
            Subject::Mount(place) | Subject::Path(place) => Some(place),
            Subject::All => None,
        };
        let with = |args: &[&'static str]| args.iter().copied().chain(place).collect();
        if is_mac(target) {
            // Its -P would leave the inodes out.
            return vec![with(&["df", "-k"]), vec!["mount"]];
        }
        vec![
            with(&["df", "-P", "-k"]),
            with(&["df", "-P", "-i"]),
            vec!["cat", "/proc/self/mountinfo"],
        ]
    }

    fn leaves_out(&self, point: &str) -> bool {
        self.except
            .iter()
            .any(|except| match except.strip_suffix("/*") {
                Some(above) => point
                    .strip_prefix(above)
                    .is_some_and(|below| below.starts_with('/')),
                None => point == except,
            })
    }
}

impl Kind for Disk {
    const NAME: &'static str = "disk";
    const SUMMARY: &'static str =
        "a host's file systems have space and inodes left and can be written to";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::new(
            "mounted",
            Type::Bool,
            "Something is mounted at the mount point; with `mount` only. When nothing is, this is the only fact.",
        ),
        FactSpec::number(
            "used_percent",
            Unit::Percent,
            "Space in use, of what users other than root can use, as `df` counts it; the highest of several.",
        ),
        FactSpec::number(
            "available_bytes",
            Unit::Bytes,
            "Space that users other than root can still write; the least of several.",
        ),
        FactSpec::number(
            "inodes_used_percent",
            Unit::Percent,
            "Inodes in use; the highest of several. Absent where a file system makes them as it needs them.",
        ),
        FactSpec::new(
            "read_only",
            Type::Bool,
            "It cannot be written to; of several, at least one cannot. The sealed system volume of macOS does not count.",
        ).because(&["turned_read_only", "read_only_mounts"]),
        FactSpec::new(
            "read_only_mounts",
            Type::List(&Type::Text),
            "The mount points that cannot be written to.",
        ),
        FactSpec::new(
            "turned_read_only",
            Type::List(&Type::Text),
            "Those of them that were mounted to be written to: the kernel made the file system read-only, after errors.",
        ),
        FactSpec::new(
            "fullest",
            Type::Text,
            "The mount point that `used_percent` is of.",
        ),
        FactSpec::number(
            "size_bytes",
            Unit::Bytes,
            "Size of the file system; of one only.",
        ),
        FactSpec::number("used_bytes", Unit::Bytes, "Space in use; of one only."),
        FactSpec::number(
            "inodes_free",
            Unit::Count,
            "Inodes that are free; of one file system only.",
        ),
        FactSpec::new("device", Type::Text, "What is mounted; of one only."),
        FactSpec::new(
            "mounts",
            Type::Map(&Type::Text),
            "Type of file system by mount point: `'/backup' in mounts`, `mounts['/'] == 'ext4'`.",
        ),
        FactSpec::new(
            "used_percent_by_mount",
            Type::Map(&Type::Number),
            "`used_percent` by mount point: `used_percent_by_mount['/'] < 80`.",
        ),
        FactSpec::new(
            "available_bytes_by_mount",
            Type::Map(&Type::Number),
            "`available_bytes` by mount point.",
        ),
        FactSpec::new(
            "inodes_used_percent_by_mount",
            Type::Map(&Type::Number),
            "`inodes_used_percent` by mount point.",
        ),
        FactSpec::new(
            "untold",
            Type::List(&Type::Text),
            "Mount points that the login may not look at or that do not answer; where all are looked at.",
        ),
    ];
    const EXAMPLE: &'static str = "title: the backup disk is mounted and has room\non: data188\ndisk: { mount: /backup }\nrequire: available_bytes > 50e9\n";

    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        let mut problem = |path: &[&str], message: String, suggestion| {
            problems.push(OptionProblem {
                path: path.iter().map(ToString::to_string).collect(),
                message,
                suggestion,
            });
        };
        if self.mount.is_some() && self.path.is_some() {
            problem(
                &["path"],
                "`mount` and `path` together: a check looks at one of them".to_owned(),
                Some("make two checks of them".to_owned()),
            );
        }
        if !self.except.is_empty() && !matches!(self.subject(), Subject::All) {
            problem(
                &["except"],
                "`except` leaves mounts out of all, and this check looks at one".to_owned(),
                None,
            );
        }
        let numbers: Vec<String> = (0..self.except.len()).map(|n| n.to_string()).collect();
        let named = [("mount", &self.mount), ("path", &self.path)];
        let named = named
            .into_iter()
            .filter_map(|(name, value)| Some((vec![name], value.as_ref()?)));
        let excepted = numbers.iter().zip(&self.except);
        let excepted = excepted.map(|(n, value)| (vec!["except", n.as_str()], value));
        for (path, value) in named.chain(excepted) {
            if !value.starts_with('/') {
                problem(
                    &path,
                    format!("{value:?} is not an absolute path"),
                    Some(format!("/{}", value.trim_start_matches("./"))),
                );
            } else if value.contains(['\n', '\0']) {
                problem(&path, "a path is one line".to_owned(), None);
            }
        }
        if problems.is_empty() {
            let refused = self
                .commands(target)
                .into_iter()
                .find_map(|args| ReadOnlyCommand::from_args(policy, args).err());
            problems.extend(refused.map(|refused| OptionProblem {
                path: Vec::new(),
                message: refused.message,
                suggestion: None,
            }));
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        let mut require = vec!["!read_only", "used_percent < 95"];
        // Not every file system has a number of inodes.
        require.push("!has(inodes_used_percent) || inodes_used_percent < 95");
        let mut prefer = vec!["used_percent < 85"];
        match self.subject() {
            Subject::Mount(_) => require.insert(0, "mounted"),
            Subject::Path(_) => {}
            Subject::All => prefer.push("size(untold) == 0"),
        }
        Defaults {
            require: require.into_iter().map(str::to_owned).collect(),
            prefer: prefer.into_iter().map(str::to_owned).collect(),
        }
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        match self.subject() {
            Subject::Mount(mount) => format!("the space at {mount} on {host}"),
            Subject::Path(path) => format!("the space of what holds {path} on {host}"),
            Subject::All => format!("the space of all file systems on {host}"),
        }
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        target.exec_requests(self.commands(target), policy)
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let mut outputs = Vec::new();
        // One after the other: to look at a mount point may be what mounts it.
        for args in self.commands(&context.target) {
            let command = answer::command(&context.transports.policy, args)?;
            let output = context.exec(&command).await?;
            let program = command.args().first().map_or("df", String::as_str);
            let status = answer::status(&output, program, context.host()?)?;
            if output.truncated {
                return Err(protocol(format!("{program} printed more than is kept")));
            }
            outputs.push((status, output));
        }
        let (mounts, df) = match &outputs[..] {
            [df @ .., (0, mounts)] => (answer::stdout(mounts), df),
            [.., (_, mounts)] => return Err(untold("the list of mounts", mounts)),
            [] => return Err(Fault::new(FaultKind::Internal, "disk sends nothing")),
        };
        let mounts = if is_mac(&context.target) {
            parse_mount(&mounts)
        } else {
            parse_mountinfo(&mounts)
        }
        .map_err(protocol)?;
        if let Subject::Mount(point) = self.subject()
            && !mounts.iter().any(|mount| mount.point == point)
        {
            let mut facts = Facts::new();
            facts.set("mounted", false);
            return Ok(facts);
        }
        let mut rows = Vec::new();
        let mut inodes = Vec::new();
        for (n, (status, output)) in df.iter().enumerate() {
            let table = self.table(*status, output);
            match (n, table) {
                (0, table) => rows = table?,
                // A busybox may be built without -i.
                (_, Err(_)) if is_unknown_option(output) => {}
                (_, table) => inodes = table?,
            }
        }
        self.facts(&rows, &inodes, &mounts)
    }
}

fn protocol(seen: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Protocol, seen)
}

fn is_unknown_option(output: &Output) -> bool {
    let complaint = answer::complaint(output);
    [
        "invalid option",
        "unrecognized option",
        "illegal option",
        "Unknown option",
    ]
    .iter()
    .any(|words| complaint.contains(words))
}

fn untold(what: &str, output: &Output) -> Fault {
    let complaint = answer::complaint(output);
    let text = answer::stderr(output);
    let says = |words: &[&str]| words.iter().any(|words| text.contains(words));
    let kind = if says(&["ermission denied", "not permitted"]) {
        FaultKind::Denied
    } else if says(&["No such file", "can't find mount point", "Not a directory"]) {
        FaultKind::Missing
    } else {
        FaultKind::Protocol
    };
    Fault::new(kind, format!("{what} cannot be told: {complaint}"))
}

impl Disk {
    fn table(&self, status: u32, output: &Output) -> Result<Vec<Row>, Fault> {
        let what = match self.subject() {
            Subject::Mount(place) | Subject::Path(place) => format!("the space of {place}"),
            Subject::All => "the space of file systems".to_owned(),
        };
        // With status 1 it has passed over a file system and told the others.
        let told = status == 0 || status == 1 && matches!(self.subject(), Subject::All);
        if !told {
            return Err(untold(&what, output));
        }
        let rows = parse_df(&answer::stdout(output)).map_err(protocol)?;
        if rows.is_empty() {
            return Err(if status == 0 {
                protocol("df printed no file system")
            } else {
                untold(&what, output)
            });
        }
        Ok(rows)
    }

    fn facts(&self, rows: &[Row], inodes: &[Row], mounts: &[Mount]) -> Result<Facts, Fault> {
        let seen = |row| Seen::new(row, inodes, mounts);
        let mut facts = Facts::new();
        match (self.subject(), rows) {
            (Subject::All, rows) => {
                let (told, missed) = chosen(rows, mounts, |point| self.leaves_out(point));
                set_all(&told.into_iter().map(seen).collect::<Vec<_>>(), &mut facts);
                facts.set("untold", list(missed));
            }
            (Subject::Mount(point), [row]) if row.mount != point => {
                return Err(protocol(format!(
                    "df tells of {} where {point} is mounted",
                    row.mount
                )));
            }
            (subject, [row]) => {
                if matches!(subject, Subject::Mount(_)) {
                    facts.set("mounted", true);
                }
                facts.set("device", row.device.as_str());
                let seen = seen(row);
                facts.set_some("size_bytes", row.space.map(|space| space.total));
                facts.set_some("used_bytes", row.space.map(|space| space.used));
                facts.set_some("inodes_free", seen.inodes.map(|inodes| inodes.available));
                set_all(&[seen], &mut facts);
            }
            (_, rows) => {
                return Err(protocol(format!(
                    "df told {} file systems for one path",
                    rows.len()
                )));
            }
        }
        Ok(facts)
    }
}

#[cfg(test)]
mod tests;
