//! Reads an archive to its end on its own host. What comes over the
//! connection is a few hundred bytes, whatever the size of the archive.

mod pipelines;

use std::collections::BTreeMap;

use self::pipelines::{END_OF_RDB, END_OF_TAR, END_OF_ZIP, Pipeline, SUM, TAIL};
use super::super::answer;
use super::documents;
use super::format::{
    Content, Packing, begins_as_rdb, disagreement, ends_as_zip, is_encrypted_zip, sqlite_bytes,
};
use super::listing::unseen;
use crate::probe::{Context, Fault, FaultKind, Policy};
use crate::transport::command::{Exit, Output, ReadOnlyCommand, Refused};

/// What is asked of an archive beyond being readable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) contains: &'a [String],
    pub(super) ends_with: Option<&'a str>,
    /// Objects that have to be in it, by their kinds.
    pub(super) documents: &'a BTreeMap<String, u32>,
    pub(super) sudo: bool,
}

/// What reading it told.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Told {
    pub(super) format: Option<String>,
    pub(super) readable: Option<bool>,
    /// How deep it was found to be whole: `packing`, `ends` or `content`.
    pub(super) verified_to: Option<&'static str>,
    pub(super) damage: Option<String>,
    pub(super) unverified: Option<String>,
    pub(super) missing: Option<Vec<String>>,
    pub(super) kinds: Option<BTreeMap<String, u32>>,
}

/// One archive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Archive<'a> {
    pub(super) path: &'a str,
    pub(super) packing: Option<Packing>,
    pub(super) wanted: Wanted<'a>,
}

/// What stood in the way of telling, or what is wrong with the archive.
#[derive(Debug)]
enum Stop {
    Damaged(String),
    Untold(String),
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        match fault.kind {
            // Its size, its age and its copies are told all the same.
            FaultKind::TimedOut | FaultKind::Missing if fault.connection.is_none() => {
                Self::Untold(fault.seen)
            }
            _ => Self::Fault(fault),
        }
    }
}

impl Archive<'_> {
    /// Reads the archive of `bytes` to its end.
    ///
    /// # Errors
    /// The fault of the host's connection, and `Denied`. A program that is
    /// missing and a time that did not suffice are in [`Told::unverified`].
    pub(super) async fn read(
        mut self,
        context: &Context,
        name: &str,
        bytes: u64,
    ) -> Result<Told, Fault> {
        let mut told = Told::default();
        let read = self.go(context, name, bytes, &mut told);
        match tokio::time::timeout(context.target.timeout, read).await {
            Ok(Ok(())) => {}
            Ok(Err(Stop::Damaged(damage))) => {
                told.readable = Some(false);
                told.verified_to = None;
                told.damage = Some(damage);
            }
            Ok(Err(Stop::Untold(why))) => told.unverified = Some(why),
            Ok(Err(Stop::Fault(fault))) => return Err(fault),
            Err(_) => {
                told.unverified = Some(format!(
                    "it was not read to its end in {} s: give the check a longer `timeout`",
                    context.target.timeout.as_secs()
                ));
            }
        }
        Ok(told)
    }

    async fn go(
        &mut self,
        context: &Context,
        name: &str,
        bytes: u64,
        told: &mut Told,
    ) -> Result<(), Stop> {
        if bytes == 0 {
            told.format = Some(Content::Nothing.name().to_owned());
            return Err(Stop::Damaged("it is empty".to_owned()));
        }
        let first = self.run(context, self.head()).await?;
        if first.stdout.is_empty() {
            return Err(Stop::Damaged(format!(
                "it cannot be read: {}",
                answer::complaint(&first)
            )));
        }
        let mut head = first.stdout;
        self.packing = Packing::of(&head);
        if let Some(packing) = self.packing {
            let content = Content::of(&head);
            told.format = Some(packing.suffix().to_owned());
            if let Some(damage) = disagreement(name, self.packing, content)
                .filter(|_| Packing::named(name).is_some_and(|named| named != packing))
            {
                return Err(Stop::Damaged(damage));
            }
            self.must_end_well(context, self.test(packing), packing.program(), |status| {
                packing.is_whole(status)
            })
            .await?;
            told.verified_to = Some("packing");
            head = self.run(context, self.inner_head()).await?.stdout;
        }
        let content = match Content::of(&head) {
            Content::Text if !self.wanted.documents.is_empty() => Content::Yaml,
            content => content,
        };
        told.format = Some(match self.packing {
            Some(packing) => format!("{}.{}", content.name(), packing.suffix()),
            None => content.name().to_owned(),
        });
        if content == Content::Nothing {
            return Err(Stop::Damaged(
                "nothing is packed in it: what should have filled it printed nothing".to_owned(),
            ));
        }
        if let Some(damage) = disagreement(name, self.packing, content) {
            return Err(Stop::Damaged(damage));
        }
        let whole = self
            .is_whole(context, content, &head, name, bytes, told)
            .await;
        // What it holds can be told of one whose end has no mark, too.
        if !matches!(whole, Err(Stop::Damaged(_) | Stop::Fault(_))) {
            self.look_inside(context, content, told).await?;
        }
        whole?;
        told.readable = Some(true);
        told.verified_to = Some(content.depth());
        Ok(())
    }

    async fn look_inside(
        &self,
        context: &Context,
        content: Content,
        told: &mut Told,
    ) -> Result<(), Stop> {
        let mut missing = Vec::new();
        for text in self.wanted.contains {
            let grep = self.run(context, self.search(content, text)).await?;
            match answer::status(&grep, "grep", context.host()?)? {
                0 => {}
                1 => missing.push(text.clone()),
                _ => return Err(Stop::Untold(answer::complaint(&grep))),
            }
        }
        told.missing = Some(missing);
        Ok(())
    }

    async fn is_whole(
        &self,
        context: &Context,
        content: Content,
        head: &[u8],
        name: &str,
        bytes: u64,
        told: &mut Told,
    ) -> Result<(), Stop> {
        let words = self.wanted.ends_with.or_else(|| content.last_words());
        if let Some(words) = words {
            let tail = self.run(context, self.tail(TAIL)).await?;
            if !String::from_utf8_lossy(&tail.stdout).contains(words) {
                return Err(Stop::Damaged(format!("it does not end with {words:?}")));
            }
        }
        match content {
            Content::Tar => self.whole_tar(context).await,
            Content::Yaml => self.whole_yaml(context, told).await,
            Content::Zip if is_encrypted_zip(head) => Err(Stop::Untold(
                "the zip is encrypted: nobody can go through it without its password, which is not asked for".to_owned(),
            )),
            Content::Zip if self.packing.is_none() => {
                self.must_end_well(context, self.zip_test(), "unzip", |status| status == 0)
                    .await
            }
            Content::Zip => {
                let tail = self.run(context, self.tail(END_OF_ZIP)).await?.stdout;
                if ends_as_zip(&tail) {
                    return Ok(());
                }
                Err(Stop::Damaged("it does not end as a zip does".to_owned()))
            }
            Content::Sqlite => match sqlite_bytes(head) {
                Some(expected) => {
                    let bytes = self.unpacked(context, bytes).await?;
                    if expected == bytes {
                        return Ok(());
                    }
                    Err(Stop::Damaged(format!(
                        "it has {bytes} bytes, and its pages are {expected}"
                    )))
                }
                None => Err(Stop::Untold(
                    "its head does not tell how many pages it has".to_owned(),
                )),
            },
            Content::Redis if !begins_as_rdb(head) => Err(Stop::Damaged(
                "it begins with REDIS, and no version of four digits behind it".to_owned(),
            )),
            Content::Redis => {
                let (length, mark) = END_OF_RDB;
                let tail = self.run(context, self.tail(length)).await?.stdout;
                if tail.len() == length && tail.first() == Some(&mark) {
                    return Ok(());
                }
                Err(Stop::Damaged("it does not end as a dump of Redis does".to_owned()))
            }
            Content::Bolt => {
                let bytes = self.unpacked(context, bytes).await?;
                self.whole_bolt(context, bytes).await
            }
            _ if words.is_some() => Ok(()),
            // A dump that is cut and then packed is whole to what packed it.
            _ if name.contains(".sql") => Err(Stop::Untold(
                "it begins like no dump of PostgreSQL, MySQL or SQLite: what it ends with has to be said, by `ends_with`"
                    .to_owned(),
            )),
            _ => Err(Stop::Untold(format!(
                "nothing in a file like this ({}) tells whether it is whole: what it ends with has to be said, by `ends_with`",
                content.name()
            ))),
        }
    }

    async fn whole_tar(&self, context: &Context) -> Result<(), Stop> {
        self.must_end_well(context, self.tar_walk(), "tar", |status| status == 0)
            .await?;
        let first = self
            .run(context, self.tar_names(&["head", "-n", "1"]))
            .await?;
        if first.stdout.is_empty() {
            return Err(Stop::Damaged("the tar has nothing in it".to_owned()));
        }
        // A tar that is cut between two of its files is one to tar as well.
        let end = self.run(context, self.tail(END_OF_TAR)).await?.stdout;
        if end.len() != END_OF_TAR || end.iter().any(|byte| *byte != 0) {
            return Err(Stop::Damaged("the tar has no end: it was cut".to_owned()));
        }
        Ok(())
    }

    async fn whole_yaml(&self, context: &Context, told: &mut Told) -> Result<(), Stop> {
        let last = self.run(context, self.tail(1)).await?.stdout;
        if last != b"\n" {
            return Err(Stop::Damaged("it ends in the middle of a line".to_owned()));
        }
        let lines = self.run(context, self.documents()).await?;
        if lines.truncated {
            return Err(Stop::Untold("it has too many objects to count".to_owned()));
        }
        let documents = documents::count(&answer::stdout(&lines));
        let (is_cut, unmarked) = (documents.is_cut, documents.unmarked(self.wanted.documents));
        told.kinds = Some(documents.kinds);
        if is_cut {
            return Err(Stop::Damaged(
                "a list in it begins and does not end".to_owned(),
            ));
        }
        match unmarked {
            Some(why) if self.wanted.ends_with.is_none() => Err(Stop::Untold(format!(
                "{why}; or say what it ends with, by `ends_with`"
            ))),
            _ => Ok(()),
        }
    }

    /// How many bytes there are without the packing.
    async fn unpacked(&self, context: &Context, bytes: u64) -> Result<u64, Stop> {
        if self.packing.is_none() {
            return Ok(bytes);
        }
        let counted = self.run(context, self.count()).await?;
        let told = answer::stdout(&counted);
        told.trim()
            .parse()
            .map_err(|_| Stop::Untold(format!("wc printed {:?}", told.trim())))
    }

    /// As `etcdctl snapshot restore` does it.
    async fn whole_bolt(&self, context: &Context, bytes: u64) -> Result<(), Stop> {
        if bytes % 512 != SUM {
            return Err(Stop::Untold(
                "there is no checksum at its end, as `etcdctl snapshot save` writes one".to_owned(),
            ));
        }
        let told = self.run(context, self.tail(32)).await?.stdout;
        let told: String = told.iter().map(|byte| format!("{byte:02x}")).collect();
        let sum = self.run(context, self.sum(bytes)).await?;
        let sum = answer::stdout(&sum);
        match sum.split_ascii_whitespace().next() {
            Some(sum) if sum.len() != 64 => Err(Stop::Untold(format!("sha256sum printed {sum:?}"))),
            None => Err(Stop::Untold("sha256sum printed nothing".to_owned())),
            Some(sum) if sum == told => Ok(()),
            Some(_) => Err(Stop::Damaged(
                "its checksum is not the one of what is in it".to_owned(),
            )),
        }
    }

    /// Runs what tells by its status alone.
    async fn must_end_well(
        &self,
        context: &Context,
        pipeline: Pipeline,
        program: &str,
        is_well: impl Fn(u32) -> bool,
    ) -> Result<(), Stop> {
        let output = self.run(context, pipeline).await?;
        let status = answer::status(&output, program, context.host()?)?;
        // What `timeout` of the host ended, or killed, is not damaged.
        if matches!(status, 124 | 137) {
            return Err(Stop::Untold(format!(
                "{program} did not reach its end in time: give the check a longer `timeout`"
            )));
        }
        if is_well(status) {
            return Ok(());
        }
        // unzip's own, where a file that is not the first is encrypted.
        if [answer::stdout(&output), answer::stderr(&output)]
            .iter()
            .any(|text| text.contains("unable to get password"))
        {
            return Err(Stop::Untold(
                "files in the zip are encrypted: nobody can go through them without the password, which is not asked for".to_owned(),
            ));
        }
        let complaint = answer::complaint(&output);
        Err(Stop::Damaged(if complaint.is_empty() {
            format!("{program} ends with status {status}")
        } else {
            complaint
        }))
    }

    async fn run(&self, context: &Context, pipeline: Pipeline) -> Result<Output, Stop> {
        // The status of a pipeline is that of its last program.
        let program = pipeline.last().and_then(|args| args.first());
        let program = program.cloned().unwrap_or_default();
        let command = command(&context.transports.policy, pipeline)
            .map_err(|refused| Fault::new(FaultKind::LocalSetup, refused.message))?;
        let output = context.exec_capped(&command).await?;
        // Only of the lines of documents there may be too many, which has its own word.
        let is_cut = output.truncated && output.exit == Exit::Unknown;
        let complaint = answer::stderr(&output);
        if complaint.contains("ermission denied") {
            return Err(Stop::Fault(unseen(self.path, &output, self.wanted.sudo)));
        }
        if complaint.contains(self.path) && complaint.contains("No such file or directory") {
            return Err(Stop::Fault(Fault::new(
                FaultKind::Missing,
                format!(
                    "{} is in the list of its folder, and not there: it was removed while it was looked at, or a file there has a line break in its name (`ls -b` shows it)",
                    self.path
                ),
            )));
        }
        answer::status(&output, &program, context.host()?)
            .or_else(|fault| if is_cut { Ok(0) } else { Err(fault) })?;
        Ok(output)
    }
}

/// The command of a pipeline.
///
/// # Errors
/// The policy does not let it through.
pub(super) fn command(policy: &Policy, pipeline: Pipeline) -> Result<ReadOnlyCommand, Refused> {
    ReadOnlyCommand::from_pipeline(policy, pipeline)
}
