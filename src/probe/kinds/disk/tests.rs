use rstest::rstest;
use serde_json::json;

use super::table::Amount;
use super::*;
use crate::probe::Value;
use crate::probe::kinds::stage::{self, fact, host, kind, run, stage, target};
use crate::servers::ssh::Answer;

/// GNU coreutils 9.1.
const GNU: &str = "\
Filesystem     1024-blocks     Used Available Capacity Mounted on
devtmpfs          12334524        0  12334524       0% /dev
/dev/vda         264212084 53039356  42246532      56% /
//nas/my share        1000      900       100      90% /mnt/my share
/dev/sdb1              100       50        50      50% /backup
";
const GNU_INODES: &str = "\
Filesystem       Inodes  IUsed    IFree IUse% Mounted on
devtmpfs        3083631    114  3083517    1% /dev
/dev/vda       16777216 572868 16204348    4% /
//nas/my share        0      0        0     - /mnt/my share
/dev/sdb1           100     99        1   99% /backup
";
const MOUNTS: &str = "\
24 27 0:6 / /dev rw,relatime - devtmpfs devtmpfs rw,size=12334524k,nr_inodes=3083631,mode=755
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
31 27 254:0 /sub /srv/bound ro,relatime - ext4 /dev/vda rw,discard
28 27 0:40 / /mnt/my\\040share rw,relatime - cifs //nas/my\\040share rw,vers=3.0
29 27 8:17 / /backup rw,relatime shared:2 - ext4 /dev/sdb1 ro,errors=remount-ro
30 27 7:0 / /snap/core/1 ro,nodev,relatime - squashfs /dev/loop0 ro
";
/// busybox 1.35.0.
const BUSYBOX: &str = "\
Filesystem           1024-blocks    Used Available Capacity Mounted on
/dev/vda             264212084  53919204  41366684  57% /
";
const BUSYBOX_INODES: &str = "\
Filesystem              Inodes      Used Available Capacity Mounted on
/dev/vda              16777216    578945  16198271   3% /
";
/// As macOS 14 prints it.
const MAC: &str = "\
Filesystem        1024-blocks      Used Available Capacity iused     ifree %iused  Mounted on
/dev/disk3s1s1      482797652  10223300 123456789     8%  404167 1234567890    0%   /
map auto_home               0         0         0   100%       0          0     -   /System/Volumes/Data/home
/dev/disk3s5        482797652 340000000 123456789    74% 2500000 1234567890    0%   /System/Volumes/Data
";
const MAC_MOUNTS: &str = "\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
devfs on /dev (devfs, local, nobrowse)
/dev/disk3s6 on /System/Volumes/VM (apfs, local, noexec, journaled, noatime, nobrowse)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse, protect, root data)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
/dev/disk5s1 on /Volumes/My (old) Disk (hfs, local, nodev, nosuid, read-only)
";

fn one(table: &str, mount: &str) -> String {
    let mut lines = table.lines();
    let head = lines.next().expect("a head line");
    let row = lines.find(|line| line.ends_with(&format!(" {mount}")));
    format!("{head}\n{}\n", row.expect("a row"))
}

async fn look(
    options: serde_json::Value,
    space: Answer,
    inodes: Answer,
    mounts: Answer,
) -> Result<Facts, Fault> {
    let mut stage = stage(move |command| {
        if command.starts_with("df -P -k") {
            space.clone()
        } else if command.starts_with("df -P -i") {
            inodes.clone()
        } else if command == "cat /proc/self/mountinfo" {
            mounts.clone()
        } else {
            Answer::fails(2, "unexpected")
        }
    })
    .await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    run(&kind::<Disk>(options), &stage.context).await
}

#[tokio::test]
async fn tells_what_is_mounted_at_a_point() {
    let facts = look(
        json!({"mount": "/backup/"}),
        Answer::ok(one(GNU, "/backup")),
        Answer::ok(one(GNU_INODES, "/backup")),
        Answer::ok(MOUNTS),
    )
    .await
    .expect("facts");
    for (name, value) in [
        ("mounted", json!(true)),
        ("device", json!("/dev/sdb1")),
        ("size_bytes", json!(102_400)),
        ("used_bytes", json!(51_200)),
        ("available_bytes", json!(51_200)),
        ("used_percent", json!(50)),
        ("inodes_used_percent", json!(99)),
        ("inodes_free", json!(1)),
        ("read_only", json!(true)),
        ("read_only_mounts", json!(["/backup"])),
        ("turned_read_only", json!(["/backup"])),
        ("fullest", json!("/backup")),
        ("mounts", json!({"/backup": "ext4"})),
        ("untold", json!(null)),
    ] {
        assert_eq!(fact(&facts, name), value, "{name}");
    }
}

/// After a power cut: the folder is there, its disk is not, and `df` tells of `/`.
#[rstest]
#[case::the_disk_below_it(Answer::ok(one(GNU, "/")))]
#[case::no_folder(Answer::fails(1, "df: /data: No such file or directory\n"))]
#[case::no_folder_on_busybox(Answer::fails(1, "df: /data: can't find mount point\n"))]
#[tokio::test]
async fn what_is_not_mounted_has_no_numbers(#[case] space: Answer) {
    let facts = look(
        json!({"mount": "/data"}),
        space.clone(),
        space,
        Answer::ok(MOUNTS),
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "mounted"), json!(false));
    assert_eq!(facts.iter().count(), 1, "{facts:?}");
}

#[tokio::test]
async fn tells_what_holds_a_path() {
    let facts = look(
        json!({"path": "/var/lib/postgresql"}),
        Answer::ok(BUSYBOX),
        Answer::ok(BUSYBOX_INODES),
        Answer::ok(MOUNTS),
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "fullest"), json!("/"));
    assert_eq!(fact(&facts, "size_bytes"), json!(264_212_084_u64 * 1024));
    assert_eq!(fact(&facts, "inodes_free"), json!(16_198_271));
    assert_eq!(fact(&facts, "read_only"), json!(false));
    assert_eq!(fact(&facts, "turned_read_only"), json!([]));
    assert_eq!(facts.get("mounted"), None);
}

#[tokio::test]
async fn the_worst_of_all_stands_for_them() {
    let facts = look(
        json!({}),
        Answer::ok(GNU),
        Answer::ok(GNU_INODES),
        Answer::ok(MOUNTS),
    )
    .await
    .expect("facts");
    for (name, value) in [
        ("used_percent", json!(90)),
        ("fullest", json!("/mnt/my share")),
        ("available_bytes", json!(51_200)),
        ("inodes_used_percent", json!(99)),
        (
            "mounts",
            json!({"/": "ext4", "/backup": "ext4", "/mnt/my share": "cifs"}),
        ),
        ("read_only_mounts", json!(["/backup"])),
        ("untold", json!([])),
        ("device", json!(null)),
        ("size_bytes", json!(null)),
    ] {
        assert_eq!(fact(&facts, name), value, "{name}");
    }
    let inodes = fact(&facts, "inodes_used_percent_by_mount");
    assert!(inodes.get("/mnt/my share").is_none(), "{inodes}");
}

#[rstest]
#[case(json!(["/backup"]), json!({"/": "ext4", "/mnt/my share": "cifs"}))]
#[case(json!(["/mnt/*", "/"]), json!({"/backup": "ext4", "/srv/bound": "ext4"}))]
#[case(json!(["/back/*", "/mnt"]), json!({"/": "ext4", "/backup": "ext4", "/mnt/my share": "cifs"}))]
#[tokio::test]
async fn leaves_out_what_it_is_told_to(
    #[case] except: serde_json::Value,
    #[case] mounts: serde_json::Value,
) {
    let bound = "/dev/vda 264212084 53039356 42246532 56% /srv/bound\n";
    let facts = look(
        json!({"except": except}),
        Answer::ok(format!("{GNU}{bound}")),
        Answer::ok(GNU_INODES),
        Answer::ok(MOUNTS),
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "mounts"), mounts);
}

#[tokio::test]
async fn what_df_passes_over_is_named() {
    let mut partly = Answer::fails(1, "df: /backup: Stale file handle\n");
    if let Answer::Exit { stdout, .. } = &mut partly {
        *stdout = GNU
            .lines()
            .take(4)
            .flat_map(|line| [line, "\n"])
            .collect::<String>()
            .into();
    }
    let facts = look(
        json!({}),
        partly,
        Answer::ok(GNU_INODES),
        Answer::ok(MOUNTS),
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "untold"), json!(["/backup"]));
    assert_eq!(
        fact(&facts, "read_only"),
        json!(false),
        "of those that are told"
    );
}

#[tokio::test]
async fn a_df_without_inodes_leaves_them_out() {
    let facts = look(
        json!({"path": "/"}),
        Answer::ok(BUSYBOX),
        Answer::fails(1, "df: invalid option -- 'i'\nBusyBox v1.35.0\n"),
        Answer::ok(MOUNTS),
    )
    .await
    .expect("facts");
    assert_eq!(facts.get("inodes_used_percent"), None);
    assert_eq!(fact(&facts, "inodes_used_percent_by_mount"), json!({}));
    assert!(facts.get("used_percent").is_some());
}

#[rstest]
#[case::denied(
    Answer::fails(1, "df: /secret: Permission denied\n"),
    Answer::ok(MOUNTS),
    FaultKind::Denied,
    "the space of /secret cannot be told"
)]
#[case::absent(
    Answer::fails(1, "df: /secret: No such file or directory\n"),
    Answer::ok(MOUNTS),
    FaultKind::Missing,
    "No such file"
)]
#[case::broken(
    Answer::fails(1, "df: /secret: Input/output error\n"),
    Answer::ok(MOUNTS),
    FaultKind::Protocol,
    "Input/output error"
)]
#[case::another_language(
    Answer::ok("Dateisystem 1K-Blöcke Benutzt Verfügbar Verw% Eingehängt auf\n"),
    Answer::ok(MOUNTS),
    FaultKind::Protocol,
    "for its head line"
)]
#[case::garbage(Answer::ok(vec![0xff, 0xfe, b'\n']), Answer::ok(MOUNTS), FaultKind::Protocol, "head line")]
#[case::cut_row(
    Answer::ok(
        "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 264212084 530"
    ),
    Answer::ok(MOUNTS),
    FaultKind::Protocol,
    "df printed \"/dev/vda"
)]
#[case::empty(
    Answer::ok(""),
    Answer::ok(MOUNTS),
    FaultKind::Protocol,
    "no file system"
)]
#[case::two(
    Answer::ok(GNU),
    Answer::ok(MOUNTS),
    FaultKind::Protocol,
    "4 file systems"
)]
#[case::no_df(
    Answer::fails(127, "timeout: failed to run command"),
    Answer::ok(MOUNTS),
    FaultKind::Missing,
    "there is no df on data188"
)]
#[case::no_kernel_list(
    Answer::ok(BUSYBOX),
    Answer::fails(1, "cat: /proc/self/mountinfo: No such file or directory\n"),
    FaultKind::Missing,
    "the list of mounts cannot be told"
)]
#[case::strange_kernel(
    Answer::ok(BUSYBOX),
    Answer::ok("nothing\n"),
    FaultKind::Protocol,
    "\"nothing\""
)]
#[case::empty_kernel(Answer::ok(BUSYBOX), Answer::ok(""), FaultKind::Protocol, "no mount")]
#[case::cut_off(Answer::Cut { stdout: b"Files".to_vec() }, Answer::ok(MOUNTS), FaultKind::Closed, "cut off")]
#[case::a_dead_share(Answer::Hang, Answer::ok(MOUNTS), FaultKind::TimedOut, "did not end")]
#[tokio::test]
async fn what_cannot_be_told_is_a_fault(
    #[case] space: Answer,
    #[case] mounts: Answer,
    #[case] kind_of: FaultKind,
    #[case] seen: &str,
) {
    let inodes = Answer::ok(BUSYBOX_INODES);
    let fault = look(json!({"path": "/secret"}), space, inodes, mounts)
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, kind_of, "{fault:?}");
    assert!(fault.seen.contains(seen), "{}", fault.seen);
}

#[tokio::test]
async fn another_mount_than_the_one_asked_for_is_a_fault() {
    let fault = look(
        json!({"mount": "/backup"}),
        Answer::ok(BUSYBOX),
        Answer::ok(BUSYBOX_INODES),
        Answer::ok(MOUNTS),
    )
    .await
    .expect_err("a fault");
    assert_eq!(fault.seen, "df tells of / where /backup is mounted");
}

fn percents(table: &str) -> Vec<(String, Option<f64>, Option<f64>)> {
    let round = |amount: Option<Amount>| amount.map(|amount| amount.used_percent().ceil());
    let rows = parse_df(table).expect("a table");
    rows.into_iter()
        .map(|row| (row.mount, round(row.space), round(row.inodes)))
        .collect()
}

/// The programs' own percentages, which they round up.
#[rstest]
#[case::gnu(GNU, &[("/dev", Some(0.0), None), ("/", Some(56.0), None), ("/mnt/my share", Some(90.0), None), ("/backup", Some(50.0), None)])]
#[case::gnu_inodes(GNU_INODES, &[("/dev", None, Some(1.0)), ("/", None, Some(4.0)), ("/mnt/my share", None, None), ("/backup", None, Some(99.0))])]
#[case::busybox(BUSYBOX, &[("/", Some(57.0), None)])]
#[case::busybox_inodes(BUSYBOX_INODES, &[("/", None, Some(4.0))])]
#[case::mac(MAC, &[("/", Some(8.0), Some(1.0)), ("/System/Volumes/Data/home", None, None), ("/System/Volumes/Data", Some(74.0), Some(1.0))])]
#[case::reserve_in_use("Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 100 102 -2 102% /\n", &[("/", Some(100.0), None)])]
#[case::half_kibibytes("Filesystem 512-blocks Used Avail Capacity Mounted on\n/dev/ada0p2 100 50 50 50% /\n", &[("/", Some(50.0), None)])]
#[case::nothing("", &[])]
fn reads_tables(#[case] table: &str, #[case] expected: &[(&str, Option<f64>, Option<f64>)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(mount, space, inodes)| ((*mount).to_owned(), *space, *inodes))
        .collect();
    assert_eq!(percents(table), expected);
}

#[test]
fn blocks_are_counted_by_their_size() {
    let table = "Filesystem 512-blocks Used Avail Capacity Mounted on\na b 100 50 50 50% /x  y \n";
    let rows = parse_df(table).expect("a table");
    assert_eq!(rows[0].device, "a b");
    assert_eq!(rows[0].mount, "/x  y ");
    assert_eq!(rows[0].space.expect("space").total, 51_200.0);
}

#[rstest]
#[case::columns_in_between(
    "Filesystem Size Used Avail Use% Mounted on\n/dev/sda1 9G 1G 8G 10% /\n"
)]
#[case::no_columns("Filesystem Mounted on\n")]
#[case::human(
    "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 9G 1G 8G 10% /\n"
)]
#[case::no_mount(
    "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 1 1 1 10%\n"
)]
#[case::relative(
    "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 1 1 1 10% -\n"
)]
#[case::letters("Filesystem 1024-blocks Used Available Capacity Mounted on\nf\u{fc}nf\n")]
fn refuses_other_tables(#[case] table: &str) {
    parse_df(table).expect_err("no table of df's");
}

#[rstest]
#[case("/", "/ (apfs, sealed, local, read-only)", false, true)]
#[case(
    "/Volumes/My (old) Disk",
    "/Volumes/My (old) Disk (hfs, local, read-only)",
    true,
    true
)]
#[case("/dev", "/dev (devfs, local)", false, false)]
#[case("/System/Volumes/VM", "/System/Volumes/VM (apfs, local)", false, false)]
#[case(
    "/System/Volumes/Data",
    "/System/Volumes/Data (apfs, local)",
    false,
    true
)]
fn reads_what_a_mac_mounts(
    #[case] point: &str,
    #[case] line: &str,
    #[case] read_only: bool,
    #[case] real: bool,
) {
    let mounts = parse_mount(&format!("/dev/disk3s1 on {line}\n")).expect("mounts");
    assert_eq!(mounts[0].point, point);
    assert_eq!(mounts[0].read_only, read_only);
    assert_eq!(mounts[0].is_real(), real);
    assert_eq!(mounts[0].turned, None, "a Mac does not tell");
}

#[test]
fn a_mac_tells_its_disks() {
    let rows = parse_df(MAC).expect("a table");
    let mounts = parse_mount(MAC_MOUNTS).expect("mounts");
    let facts = kind::<Disk>(json!({}))
        .facts(&rows, &[], &mounts)
        .expect("facts");
    assert_eq!(
        fact(&facts, "mounts"),
        json!({"/": "apfs", "/System/Volumes/Data": "apfs"})
    );
    assert_eq!(fact(&facts, "read_only"), json!(false));
    assert_eq!(fact(&facts, "untold"), json!(["/Volumes/My (old) Disk"]));
    assert_eq!(facts.get("turned_read_only"), None);
}

#[rstest]
#[case::remounted("27 1 8:1 / / rw shared:1 - ext4 /dev/sda1 ro", true, Some(true))]
#[case::meant_to_be("27 1 8:1 / / ro shared:1 - ext4 /dev/sda1 ro", true, Some(false))]
#[case::a_view("27 1 8:1 / / ro - ext4 /dev/sda1 rw", true, Some(false))]
#[case::to_be_written(
    "27 1 8:1 / / rw,noatime - ext4 /dev/sda1 rw,errors=remount-ro",
    false,
    Some(false)
)]
#[case::the_last_is_on_top(
    "27 1 8:1 / / ro - ext4 /dev/sda1 ro\n28 1 8:2 / / rw - ext4 /dev/sda2 rw",
    false,
    Some(false)
)]
fn tells_who_made_it_read_only(
    #[case] text: &str,
    #[case] read_only: bool,
    #[case] turned: Option<bool>,
) {
    let mounts = parse_mountinfo(text).expect("mounts");
    assert_eq!(mounts.len(), 1);
    assert_eq!((mounts[0].read_only, mounts[0].turned), (read_only, turned));
}

#[rstest]
#[case(r"/mnt/my\040disk", "/mnt/my disk")]
#[case(r"/a\134040b", r"/a\040b")]
#[case(r"/a\9zz\", r"/a\9zz\")]
#[case(r"/a\377", r"/a\377")]
fn reads_names_as_the_kernel_writes_them(#[case] told: &str, #[case] point: &str) {
    let mounts = parse_mountinfo(&format!("1 1 8:1 / {told} rw - ext4 x rw\n")).expect("mounts");
    assert_eq!(mounts[0].point, point);
}

#[rstest]
#[case(json!({"mount": "/backup"}), &["mounted", "!read_only", "used_percent < 95", "!has(inodes_used_percent) || inodes_used_percent < 95"], &["used_percent < 85"])]
#[case(json!({"path": "/backup"}), &["!read_only", "used_percent < 95", "!has(inodes_used_percent) || inodes_used_percent < 95"], &["used_percent < 85"])]
#[case(json!({}), &["!read_only", "used_percent < 95", "!has(inodes_used_percent) || inodes_used_percent < 95"], &["used_percent < 85", "size(untold) == 0"])]
fn expects_room(
    #[case] options: serde_json::Value,
    #[case] require: &[&str],
    #[case] prefer: &[&str],
) {
    let defaults = Kind::defaults(&kind::<Disk>(options));
    assert_eq!(defaults.require, require);
    assert_eq!(defaults.prefer, prefer);
}

#[rstest]
#[case(json!({"mount": "backup"}), &["mount"], Some("/backup"))]
#[case(json!({"path": "./x"}), &["path"], Some("/x"))]
#[case(json!({"path": "/a\nb"}), &["path"], None)]
#[case(json!({"mount": "/a", "path": "/b"}), &["path"], Some("make two checks of them"))]
#[case(json!({"mount": "/a", "except": ["/b"]}), &["except"], None)]
#[case(json!({"except": ["/a", "b"]}), &["except", "1"], Some("/b"))]
fn refuses_what_does_not_go_together(
    #[case] options: serde_json::Value,
    #[case] path: &[&str],
    #[case] suggestion: Option<&str>,
) {
    let problems = Kind::problems(
        &kind::<Disk>(options),
        &target(host(22)),
        &Policy::default(),
    );
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].path, path);
    assert_eq!(problems[0].suggestion.as_deref(), suggestion);
}

#[tokio::test]
async fn sends_what_it_said_it_would() {
    let stage = stage(|command| match command.split(' ').next() {
        Some("df") if command.contains("-k") => Answer::ok(BUSYBOX),
        Some("df") => Answer::ok(BUSYBOX_INODES),
        _ => Answer::ok(MOUNTS),
    })
    .await;
    let disk: Disk = kind(json!({"mount": "/"}));
    run(&disk, &stage.context).await.expect("facts");
    let planned = disk.requests(&stage.context.target, &stage.context.transports.policy);
    assert_eq!(
        stage.server.log.lines(),
        planned
            .into_iter()
            .map(|request| request.text)
            .collect::<Vec<_>>()
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn looks_at_this_machine() {
    let facts = run(&kind::<Disk>(json!({"mount": "/"})), &stage::local())
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "mounted"), json!(true));
    assert!(matches!(
        facts.get("used_percent"),
        Some(Value::Number(percent)) if (0.0..=100.0).contains(percent)
    ));
    let facts = run(&kind::<Disk>(json!({})), &stage::local())
        .await
        .expect("facts");
    assert!(fact(&facts, "mounts").get("/").is_some());
    assert_eq!(fact(&facts, "untold"), json!([]));
}
