//! The backup stand: the hosts of a baseline on this machine, each with a root folder,
//! a real sshd and real backups, in a network of its own. README.md tells how to
//! write a case.

pub(crate) mod archives;
pub(crate) mod card;
pub(crate) mod cluster;
pub(crate) mod containers;
pub(crate) mod files;
pub(crate) mod host;
mod key;
pub(crate) mod kubernetes;
pub(crate) mod monitoring;
#[path = "../servers/programs.rs"]
#[expect(
    unreachable_pub,
    reason = "other tests have it from a module of all servers"
)]
mod programs;
pub(crate) mod redis;
pub(crate) mod repositories;
pub(crate) mod times;
pub(crate) mod world;

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use coldstart::baseline::{Disk, load};

use card::Card;
use host::{Host, Plan};
use world::World;

/// Whether these tests are left out on purpose.
pub(crate) fn left_out() -> bool {
    std::env::var_os("COLDSTART_TEST_NO_BACKUPS").is_some_and(|value| value == "1")
}

fn zoned<'v>(variables: &[&'v str]) -> Vec<(&'v str, &'static str)> {
    let zone = times::zone();
    variables.iter().map(|name| (*name, zone)).collect()
}

/// The hosts of a baseline and what belongs to them. Everything ends with this value.
pub(crate) struct Stand {
    // Before the folder, which they have mounted and write to.
    hosts: Vec<Host>,
    world: Arc<World>,
    baseline: PathBuf,
    variables: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    folder: tempfile::TempDir,
}

impl Stand {
    /// All hosts of `baselines/NAME.yml`, on; nothing when these tests are left out. These of its
    /// variables are set to [`times::zone`].
    pub(crate) fn of(name: &str, zones: &[&str]) -> Option<Self> {
        Self::of_file(
            &Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("baselines")
                .join(format!("{name}.yml")),
            &zoned(zones),
        )
    }

    /// All hosts of a baseline that a test brings as text, with the same of its variables.
    pub(crate) fn with(text: &str, zones: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("baseline.yml");
        std::fs::write(&file, text).expect("a file");
        let mut stand = Self::of_file(&file, &zoned(zones))?;
        stand.baseline = stand.folder.path().join("baseline.yml");
        std::fs::copy(file, &stand.baseline).expect("a file");
        Some(stand)
    }

    /// All hosts of a baseline with some variables set.
    pub(crate) fn of_file(baseline: &Path, variables: &[(&str, &str)]) -> Option<Self> {
        if left_out() {
            return None;
        }
        let variables: Vec<(String, String)> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let loaded = load(&baseline.display().to_string(), &Disk, &variables);
        let read = loaded
            .baseline
            .unwrap_or_else(|| panic!("{}: {:?}", baseline.display(), loaded.diagnostics));
        let folder = tempfile::tempdir().expect("a folder");
        // A name of a host is one that the operator's machine knows.
        let remote = read.hosts.iter().filter(|host| !host.local);
        let plans: Vec<(Plan, String)> = remote
            .zip(10..)
            .map(|(host, number)| {
                let address = host.address.value.clone();
                let plan = Plan {
                    name: host.id.value.clone(),
                    address: address
                        .parse()
                        .unwrap_or(IpAddr::V4(Ipv4Addr::new(10, 77, 0, number))),
                    port: host.ssh.port.unwrap_or(22),
                    user: host.ssh.user.clone().unwrap_or_else(|| "root".to_owned()),
                };
                (plan, address)
            })
            .collect();
        let names: String = plans
            .iter()
            .filter(|(_, address)| address.parse::<IpAddr>().is_err())
            .map(|(plan, name)| format!("{} {name}\n", plan.address))
            .collect();
        let world = World::new(folder.path(), &format!("127.0.0.1 localhost\n{names}"));
        let home = folder.path().join("operator");
        let keys = home.join(".ssh");
        std::fs::create_dir_all(&keys).expect("a folder");
        for name in ["id_ed25519", "host"] {
            let path = keys.join(name).display().to_string();
            let done = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f", &path])
                .output();
            assert!(
                done.as_ref().is_ok_and(|done| done.status.success()),
                "ssh-keygen: {done:?}"
            );
        }
        let key = std::fs::read_to_string(keys.join("host.pub")).expect("a key");
        let known: String = plans
            .iter()
            .flat_map(|(plan, name)| {
                [plan.address.to_string(), name.clone()].map(|name| (name, plan.port))
            })
            .map(|(name, port)| match port {
                22 => format!("{name} {key}"),
                port => format!("[{name}]:{port} {key}"),
            })
            .collect();
        std::fs::write(keys.join("known_hosts"), known).expect("a file");
        let config = format!(
            "IdentityFile {0}/id_ed25519\nIdentitiesOnly yes\nUserKnownHostsFile {0}/known_hosts\n\
             GlobalKnownHostsFile /dev/null\n",
            keys.display()
        );
        std::fs::write(keys.join("config"), config).expect("a file");
        let hosts: Vec<Host> = plans
            .into_iter()
            .map(|(plan, _)| Host::new(&world, folder.path(), plan, &keys))
            .collect();
        for host in &hosts {
            host.power_on();
        }
        for host in &hosts {
            host.ready();
        }
        Some(Self {
            hosts,
            world,
            baseline: baseline.to_owned(),
            variables,
            environment: Vec::new(),
            folder,
        })
    }

    /// The host with that id.
    pub(crate) fn host(&self, id: &str) -> &Host {
        self.hosts
            .iter()
            .find(|host| host.name == id)
            .unwrap_or_else(|| panic!("no host {id} in the baseline"))
    }

    pub(crate) fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter()
    }

    /// Turns a host on again after [`Host::power_off`].
    pub(crate) fn power_on(&self, id: &str) {
        self.host(id).power_on();
        self.host(id).ready();
    }

    /// A folder on this machine for what belongs to no host: a volume, a certificate.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join("apart").join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    /// An address in this world besides those of the hosts: a virtual one, a NAS.
    pub(crate) fn address(&self, address: &str) -> IpAddr {
        self.world
            .shell(&format!("ip addr replace {address} dev lo"));
        address.parse().expect("an address")
    }

    pub(crate) fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// Sets a variable of the operator's environment, for secrets by `env:NAME`.
    pub(crate) fn env(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// The program at the operator's desk, in this world.
    fn program(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let home = self.folder.path().join("operator");
        let mut command = Command::new(env!("CARGO_BIN_EXE_coldstart"));
        command
            .args(args)
            .current_dir(&home)
            .env_clear()
            .env("HOME", &home)
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("TZ", "UTC")
            .env("COLDSTART_SSH_CONFIG", home.join(".ssh/config"))
            .env("COLDSTART_STATE", "none")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        let done = self.world.output(command, Vec::new());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (done.status.code(), text(done.stdout), text(done.stderr))
    }

    fn on_baseline(&self, command: &str, args: &[&str]) -> (Option<i32>, String, String) {
        let baseline = self.baseline.display().to_string();
        let variables: Vec<String> = self
            .variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut all = vec![command, "-b", &baseline];
        for variable in &variables {
            all.extend(["--var", variable]);
        }
        all.extend(args);
        self.program(&all)
    }

    /// `coldstart check` of the baseline.
    pub(crate) fn check(&self) -> Card {
        self.check_with(&[])
    }

    /// The same with further arguments: `--var`, `--only`, `--audit`, `--state`.
    pub(crate) fn check_with(&self, args: &[&str]) -> Card {
        let (code, stdout, stderr) = self.on_baseline("check", &[&["--json"], args].concat());
        Card::new(code, &stdout, stderr)
    }

    /// The card as text, without what differs from run to run.
    pub(crate) fn text(&self, args: &[&str]) -> String {
        let (_, stdout, stderr) = self.on_baseline("check", &[&["--no-color"], args].concat());
        assert!(!stdout.is_empty(), "{stderr}");
        card::steady(&stdout)
    }
}
