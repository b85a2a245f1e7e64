//! The programs that an archive is read by, on its own host.

use super::super::documents;
use super::super::format::{Content, HEAD, Packing};
use super::super::listing::with_rights;
use super::Archive;

/// As much of the end as has the last words of a dump.
pub(super) const TAIL: usize = 4096;
/// What follows the data of an etcd snapshot: their SHA-256.
pub(super) const SUM: u64 = 32;
/// A tar ends with two blocks of zeros.
pub(super) const END_OF_TAR: usize = 1024;
/// The end of a zip, with the longest comment that there may be behind it.
pub(super) const END_OF_ZIP: usize = 22 + 65_535;
/// A dump of Redis ends with this byte and a checksum of eight.
pub(super) const END_OF_RDB: (usize, u8) = (9, 0xFF);

/// Programs that feed each other, each with its arguments.
pub(super) type Pipeline = Vec<Vec<String>>;

fn words(args: &[&str]) -> Vec<String> {
    args.iter().map(ToString::to_string).collect()
}

impl Archive<'_> {
    /// `program arguments… PATH`
    fn on_file(&self, args: &[&str]) -> Vec<String> {
        let mut all = with_rights(self.wanted.sudo, args);
        all.push(self.path.to_owned());
        all
    }

    pub(super) fn head(&self) -> Pipeline {
        vec![self.on_file(&["head", "-c", &HEAD.to_string()])]
    }

    /// What is packed, fed to `filter`.
    fn through(&self, filter: &[&str]) -> Pipeline {
        match self.packing {
            Some(packing) => vec![self.on_file(&[packing.program(), "-dc"]), words(filter)],
            None => vec![self.on_file(filter)],
        }
    }

    pub(super) fn test(&self, packing: Packing) -> Pipeline {
        vec![self.on_file(&[packing.program(), "-t"])]
    }

    pub(super) fn inner_head(&self) -> Pipeline {
        self.through(&["head", "-c", &HEAD.to_string()])
    }

    pub(super) fn tail(&self, bytes: usize) -> Pipeline {
        self.through(&["tail", "-c", &bytes.to_string()])
    }

    /// Goes through all of it and lists nothing, so that its status tells.
    pub(super) fn tar_walk(&self) -> Pipeline {
        match self.packing {
            Some(_) => self.through(&["tar", "-tf-", "--exclude=*"]),
            None => vec![with_rights(
                self.wanted.sudo,
                &["tar", "-tf", self.path, "--exclude=*"],
            )],
        }
    }

    pub(super) fn tar_names(&self, filter: &[&str]) -> Pipeline {
        let mut pipeline = match self.packing {
            Some(_) => self.through(&["tar", "-tf-"]),
            None => vec![with_rights(self.wanted.sudo, &["tar", "-tf", self.path])],
        };
        pipeline.push(words(filter));
        pipeline
    }

    pub(super) fn search(&self, content: Content, text: &str) -> Pipeline {
        let grep = ["grep", "-a", "-q", "-F", "-e", text];
        if content == Content::Tar {
            self.tar_names(&grep)
        } else {
            self.through(&grep)
        }
    }

    pub(super) fn documents(&self) -> Pipeline {
        self.through(&["grep", "-a", "-E", "-e", documents::LINES])
    }

    pub(super) fn zip_test(&self) -> Pipeline {
        vec![self.on_file(&["unzip", "-tqq"])]
    }

    pub(super) fn sum(&self, bytes: u64) -> Pipeline {
        let mut pipeline = self.through(&["head", "-c", &bytes.saturating_sub(SUM).to_string()]);
        pipeline.push(words(&["sha256sum"]));
        pipeline
    }

    /// Counts the bytes of what is packed.
    pub(super) fn count(&self) -> Pipeline {
        self.through(&["wc", "-c"])
    }

    /// What a verification of an archive of that sort runs, in its order.
    pub(in crate::probe::kinds::archive) fn pipelines(&self, content: Content) -> Vec<Pipeline> {
        let mut all = vec![self.head()];
        if let Some(packing) = self.packing {
            all.extend([self.test(packing), self.inner_head()]);
        }
        match content {
            Content::Tar => all.extend([
                self.tar_walk(),
                self.tar_names(&["head", "-n", "1"]),
                self.tail(END_OF_TAR),
            ]),
            Content::Redis => all.push(self.tail(END_OF_RDB.0)),
            Content::Sqlite => all.extend(self.packing.map(|_| self.count())),
            Content::Zip if self.packing.is_none() => all.push(self.zip_test()),
            Content::Zip => all.push(self.tail(END_OF_ZIP)),
            Content::Yaml => all.extend([self.tail(1), self.documents()]),
            content if content.is_sql() => all.push(self.tail(TAIL)),
            _ => {}
        }
        let searched = self.wanted.contains.iter();
        all.extend(searched.map(|text| self.search(content, text)));
        all
    }
}
