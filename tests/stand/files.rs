//! Other things that a backup may be: a database of SQLite, a list of ZFS snapshots, records
//! of iSCSI, the metrics of a host.

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::host::Host;

impl Host {
    /// A database of SQLite with some rows, closed, with no log beside it.
    pub(crate) fn sqlite(&self, path: &str) -> &Self {
        self.write(path, "");
        let rows = "create table vault (id integer primary key, secret text, unique (secret));\n\
            with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)\n\
            insert into vault select i, hex(randomblob(32)) from n;\n";
        let done = self.run_with(&[], &["sqlite3", path], rows);
        assert!(done.status.success(), "{done:?}");
        self
    }

    /// Spoils a database of SQLite so that it opens, and an integrity check finds it.
    pub(crate) fn sqlite_damaged(&self, path: &str) -> &Self {
        let mut bytes = std::fs::read(self.path(path)).expect("a database");
        let page = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
        let damaged = 3 * page..5 * page;
        assert!(
            bytes.len() > damaged.end,
            "{path} is too small to be damaged"
        );
        bytes[damaged].fill(0xa5);
        self.write(path, bytes)
    }

    /// What `zfs list` tells: datasets, and with an `@` snapshots, each made then.
    pub(crate) fn zfs(&self, all: &[(&str, Timestamp)]) -> &Self {
        let entry = |(name, made): &(&str, Timestamp)| {
            let kind = if name.contains('@') {
                "snapshot"
            } else {
                "filesystem"
            };
            json!({
                "name": name, "type": kind, "creation": made.as_second(), "used": 1_048_576, "referenced": 9_437_184,
                "available": if name.contains('@') { json!("-") } else { json!(1_000_000_000_000_u64) },
                "mountpoint": if name.contains('@') { "-".to_owned() } else { format!("/mnt/{name}") },
            })
        };
        let list: Vec<Json> = all.iter().map(entry).collect();
        self.shim("zfs").answer("zfs.json", json!(list).to_string())
    }

    /// What `zpool` tells: each pool with its health.
    pub(crate) fn zpools(&self, all: &[(&str, &str)]) -> &Self {
        let entry = |(name, health): &(&str, &str)| {
            json!({
                "name": name, "health": health, "size": 1_800_000_000_000_u64, "alloc": 900_000_000_000_u64,
                "free": 900_000_000_000_u64, "cap": 50, "capacity": 50, "frag": 3, "dedup": "1.00",
                "status": format!(
                    "  pool: {name}\n state: {health}\nconfig:\n\n\tNAME  STATE  READ WRITE CKSUM\n\t{name}  {health}  0 0 0\n\n\
                     errors: No known data errors"
                ),
            })
        };
        let list: Vec<Json> = all.iter().map(entry).collect();
        self.shim("zpool")
            .answer("zpool.json", json!(list).to_string())
    }

    /// One node record of iSCSI with these settings; what else a record has is its default.
    pub(crate) fn iscsi(&self, target: &str, settings: &[(&str, &str)]) -> &Self {
        let mut all = vec![
            ("node.name", target),
            ("node.tpgt", "1"),
            ("node.startup", "automatic"),
            ("node.session.timeo.replacement_timeout", "120"),
            ("node.session.err_timeo.abort_timeout", "15"),
            ("node.session.err_timeo.lu_reset_timeout", "30"),
            ("node.conn[0].address", "10.0.10.15"),
            ("node.conn[0].port", "3260"),
            ("node.conn[0].timeo.login_timeout", "15"),
            ("node.conn[0].timeo.noop_out_interval", "5"),
            ("node.conn[0].timeo.noop_out_timeout", "5"),
            ("node.conn[0].iscsi.HeaderDigest", "None"),
            ("node.conn[0].iscsi.DataDigest", "None"),
        ];
        for (name, value) in settings {
            let known = all
                .iter_mut()
                .find(|(known, _)| known == name)
                .expect("a setting of a record");
            known.1 = value;
        }
        let lines: String = all
            .iter()
            .map(|(name, value)| format!("{name} = {value}\n"))
            .collect();
        self.shim("iscsiadm").answer(
            "iscsi/node",
            format!("# BEGIN RECORD 2.1.8\n{lines}# END RECORD\n"),
        )
    }

    /// A real node exporter on port 9100, which shows the textfiles of a folder.
    pub(crate) fn node_exporter(&self, textfiles: &str) -> &Self {
        std::fs::create_dir_all(self.path(textfiles)).expect("a folder");
        self.serve(
            "node_exporter",
            &[
                "prometheus-node-exporter",
                "--collector.disable-defaults",
                "--collector.textfile",
                &format!("--collector.textfile.directory={textfiles}"),
                &format!("--web.listen-address={}:9100", self.address),
            ],
        );
        self.served("node_exporter", 9100);
        self
    }
}
