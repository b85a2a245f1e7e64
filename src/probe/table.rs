//! The table of kinds: adding a kind adds one line here.

use super::kind::{KindEntry, entry};
use super::kinds;

/// Every kind, in the order in which the docs list them.
pub static TABLE: &[KindEntry] = &[
    entry::<kinds::Ping>(),
    entry::<kinds::Arp>(),
    entry::<kinds::Address>(),
    entry::<kinds::Tcp>(),
    entry::<kinds::Http>(),
    entry::<kinds::Tls>(),
    entry::<kinds::Dns>(),
    entry::<kinds::Ssh>(),
    entry::<kinds::Systemd>(),
    entry::<kinds::Command>(),
    entry::<kinds::File>(),
    entry::<kinds::Port>(),
    entry::<kinds::Process>(),
    entry::<kinds::Disk>(),
    entry::<kinds::Textfile>(),
    entry::<kinds::Crontab>(),
    entry::<kinds::Journal>(),
    entry::<kinds::Log>(),
    entry::<kinds::Settings>(),
    entry::<kinds::Certificate>(),
    entry::<kinds::Kubernetes>(),
    entry::<kinds::Docker>(),
    entry::<kinds::Evidence>(),
    entry::<kinds::Postgres>(),
    entry::<kinds::Redis>(),
    entry::<kinds::Prometheus>(),
    entry::<kinds::Alertmanager>(),
    entry::<kinds::Restic>(),
    entry::<kinds::Rclone>(),
    entry::<kinds::BackupPlan>(),
    entry::<kinds::Archive>(),
    entry::<kinds::Same>(),
    entry::<kinds::Sqlite>(),
    entry::<kinds::Zfs>(),
    entry::<kinds::AlertTest>(),
    entry::<kinds::Coverage>(),
];

/// The kind of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static KindEntry> {
    TABLE.iter().find(|entry| entry.name == name)
}
