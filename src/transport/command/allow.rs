//! The built-in allow-list: what is known to read and nothing else.
//!
//! A flag that is not listed is refused, whatever it does, and so is a long
//! flag that is cut short: GNU `getopt_long` takes `--foll` for `--follow`.
//! Left out on purpose are flags that write (`sort -o`, `ss -D`), run programs
//! (`find -exec`, `sort --compress-program`), change the target
//! (`ss -K`, `dmesg -c`, `hostname NAME`) or never end (`tail -f`).

/// A program and the forms in which it only reads. Lists of words are texts
/// with spaces between them, as a manual's synopsis has them.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: &'static str,
    /// Reads its standard input, so it may stand after a pipe.
    pub(super) filter: bool,
    pub(super) forms: &'static [Form],
}

/// One way to call a program.
#[derive(Debug)]
pub(super) struct Form {
    /// The first operands, each one of several: the subcommand.
    pub(super) words: &'static [&'static str],
    pub(super) flags: Flags,
    /// What follows the subcommand.
    pub(super) operands: Operands,
    /// The flags without which the program would do more than read. What follows a `=` is the
    /// value that the flag has to have; `values` refuses any other.
    pub(super) required: &'static str,
}

/// The flags of a form.
#[derive(Debug)]
pub(super) enum Flags {
    /// The program has no flag that does more than read.
    Any,
    /// These words exactly; for programs that do not bundle `-a -b` into `-ab`.
    Only(&'static str),
    /// As `getopt_long` reads them. `short` has the letters, a colon after
    /// those that take a value; `long` has the names, `=` after those that take
    /// one and `[=]` after those that may.
    Getopt {
        short: &'static str,
        long: &'static str,
    },
}

/// The operands of a form, after its subcommand.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Operands {
    /// None at all.
    None,
    /// Any.
    Any,
    /// One at most: the second would be written to.
    One,
    /// A `+FORMAT`; anything else would set the clock.
    Format,
    /// Names without `=`: with it they would be set.
    Names,
    /// Kubernetes resources apart from secrets.
    Resources,
    /// `/dev/null`, a file that is opened to be read, statements that read.
    Sqlite,
    /// Remotes by name: one that is written out can name a program to run.
    Remotes,
}

const fn form(words: &'static [&'static str], flags: Flags, operands: Operands) -> Form {
    Form {
        words,
        flags,
        operands,
        required: "",
    }
}

/// Whatever it is asked, kubectl writes what it learns of the API below `~/.kube/cache`, and
/// a client that leads to others of its version does so even without a server.
const fn kubectl(words: &'static [&'static str], flags: Flags, operands: Operands) -> Form {
    Form {
        words,
        flags,
        operands,
        required: "--cache-dir=/dev/null",
    }
}

const fn getopt(short: &'static str, long: &'static str) -> Flags {
    Flags::Getopt { short, long }
}

const fn reads(name: &'static str, filter: bool) -> Program {
    Program {
        name,
        filter,
        forms: const { &[form(&[], Flags::Any, Operands::Any)] },
    }
}

const fn program(name: &'static str, forms: &'static [Form]) -> Program {
    Program {
        name,
        filter: false,
        forms,
    }
}

const fn filter(name: &'static str, forms: &'static [Form]) -> Program {
    Program {
        name,
        filter: true,
        forms,
    }
}

const KUBECTL_COMMON: &str = "cache-dir= namespace= context= kubeconfig= cluster= request-timeout= \
 selector= output= no-headers";

/// What reads and may print credentials: for kinds that hide them in the answer, and not for
/// who writes a command line. NethServer's hashes of repositories have passwords.
pub(super) const TYPED: &[Program] = &[program(
    "redis-cli",
    &[form(
        &["HGETALL hgetall"],
        getopt("h:p:n:s:", "raw no-raw"),
        Operands::Any,
    )],
)];

/// Every program, by name.
pub(super) const PROGRAMS: &[Program] = &[
    program(
        "arp",
        &[form(&[], Flags::Only("-a -n -an -na -e -v"), Operands::Any)],
    ),
    program("bzip2", TESTS_OR_PRINTS),
    reads("cat", true),
    program(
        "chronyc",
        &[form(
            &["tracking sources sourcestats activity"],
            getopt("ncva", ""),
            Operands::None,
        )],
    ),
    program(
        "crontab",
        &[Form {
            words: &[],
            flags: getopt("lu:", ""),
            operands: Operands::None,
            required: "-l",
        }],
    ),
    reads("cut", true),
    program(
        "date",
        &[form(
            &[],
            getopt("uR", "utc universal iso-8601[=] rfc-3339= rfc-email date="),
            Operands::Format,
        )],
    ),
    program(
        "df",
        &[form(
            &[],
            getopt(
                "ahHiklmPTt:x:B:",
                "all human-readable si inodes local portability print-type type= \
                 exclude-type= block-size= output[=] total",
            ),
            Operands::Any,
        )],
    ),
    program(
        "dmesg",
        &[form(
            &[],
            getopt(
                "HTxktudePrl:f:",
                "human ctime decode kernel notime userspace show-delta reltime nopager raw \
                 level= facility= since= until= time-format= json",
            ),
            Operands::None,
        )],
    ),
    program("docker", CONTAINERS),
    reads("du", false),
    reads("egrep", true),
    reads("fgrep", true),
    program(
        "find",
        &[form(
            &[],
            Flags::Only(
                "-H -L -P -a -amin -and -atime -cmin -ctime -daystart -empty -executable \
                 -group -iname -inum -ipath -iregex -links -ls -maxdepth -mindepth -mmin \
                 -mount -mtime -name -newer -newermt -not -o -or -path -perm -print -print0 \
                 -printf -prune -quit -readable -regex -size -type -user -writable -xdev",
            ),
            Operands::Any,
        )],
    ),
    reads("findmnt", false),
    reads("free", false),
    reads("getconf", false),
    // `-s SERVICE` loads a library of that name.
    program("getent", &[form(&[], getopt("i", "no-idn"), Operands::Any)]),
    reads("grep", true),
    program("gzip", TESTS_OR_PRINTS),
    reads("head", true),
    program(
        "hostname",
        &[form(
            &[],
            getopt(
                "fIisAd",
                "fqdn long short domain ip-address all-ip-addresses all-fqdns",
            ),
            Operands::None,
        )],
    ),
    reads("id", false),
    program("ifconfig", &[form(&[], Flags::Only("-a"), Operands::None)]),
    program(
        "ip",
        &[
            form(
                &["addr address a link l route r neigh neighbour n rule"],
                IP,
                Operands::None,
            ),
            form(
                &[
                    "addr address a link l route r neigh neighbour n rule",
                    "show list ls",
                ],
                IP,
                Operands::Any,
            ),
            form(&["route r", "get"], IP, Operands::Any),
        ],
    ),
    program(
        "iscsiadm",
        // A mode's name alone says what is read; any other `-o` writes.
        &[
            form(&["node", "show"], Flags::Only("-m -o"), Operands::None),
            form(&["session"], Flags::Only("-m"), Operands::None),
            form(
                &["session", "0 1 2 3"],
                Flags::Only("-m -P"),
                Operands::None,
            ),
        ],
    ),
    program(
        "journalctl",
        &[form(
            &[],
            getopt(
                "u:n:p:o:t:g:bkxqreaml",
                "unit= user-unit= lines= since= until= priority= output= output-fields= \
                 identifier= grep= case-sensitive[=] boot[=] dmesg no-pager no-hostname quiet \
                 reverse utc all full catalog list-boots disk-usage header field=",
            ),
            Operands::Any,
        )],
    ),
    reads("jq", true),
    program(
        "k3s",
        &[form(&[], Flags::Only("--version -v"), Operands::None)],
    ),
    program(
        "kubectl",
        &[
            kubectl(
                &["get"],
                getopt(
                    "n:o:l:AL:",
                    "cache-dir= namespace= context= kubeconfig= cluster= request-timeout= selector= \
                     output= no-headers all-namespaces field-selector= sort-by= show-labels show-kind \
                     label-columns= ignore-not-found chunk-size= template=",
                ),
                Operands::Resources,
            ),
            kubectl(
                &["describe"],
                getopt(
                    "n:l:A",
                    "cache-dir= namespace= context= kubeconfig= cluster= request-timeout= selector= \
                     all-namespaces show-events[=]",
                ),
                Operands::Resources,
            ),
            kubectl(
                &["logs"],
                getopt(
                    "n:c:l:p",
                    "cache-dir= namespace= context= kubeconfig= cluster= request-timeout= selector= \
                     container= all-containers previous since= since-time= tail= timestamps \
                     prefix limit-bytes=",
                ),
                Operands::Any,
            ),
            kubectl(
                &["top", "node nodes pod pods"],
                getopt(
                    "n:l:A",
                    "cache-dir= namespace= context= kubeconfig= cluster= request-timeout= selector= \
                     all-namespaces no-headers containers sort-by=",
                ),
                Operands::Any,
            ),
            kubectl(
                &["version"],
                getopt(
                    "o:",
                    "cache-dir= output= client context= kubeconfig= cluster= request-timeout=",
                ),
                Operands::None,
            ),
            kubectl(
                &["api-resources api-versions"],
                getopt("o:", KUBECTL_COMMON),
                Operands::None,
            ),
            kubectl(
                &["cluster-info"],
                getopt("", KUBECTL_COMMON),
                Operands::None,
            ),
        ],
    ),
    reads("last", false),
    reads("ls", false),
    reads("lsblk", false),
    reads("md5sum", true),
    program(
        "mdadm",
        &[
            Form {
                words: &[],
                flags: Flags::Only("--detail"),
                operands: Operands::Any,
                required: "--detail",
            },
            Form {
                words: &[],
                flags: Flags::Only("--examine"),
                operands: Operands::Any,
                required: "--examine",
            },
        ],
    ),
    program("mount", &[form(&[], Flags::Only("-l"), Operands::None)]),
    // Linux's `-c` and macOS's `-w` never end.
    program(
        "netstat",
        &[
            form(
                &[],
                Flags::Only("-a -n -l -t -u -an -ln -ltn -lun -ltun -tln -tuln -r -rn"),
                Operands::None,
            ),
            // macOS: `netstat -anW -p tcp`
            form(
                &["tcp udp"],
                Flags::Only("-a -n -W -an -anW -p"),
                Operands::None,
            ),
        ],
    ),
    reads("nproc", false),
    program(
        "ntpq",
        &[form(&[], Flags::Only("-p -n -pn -np"), Operands::Any)],
    ),
    program(
        "pg_isready",
        &[form(
            &[],
            getopt(
                "d:h:p:U:t:q",
                "dbname= host= port= username= timeout= quiet version",
            ),
            Operands::None,
        )],
    ),
    reads("pgrep", false),
    reads("pidof", false),
    program("podman", CONTAINERS),
    reads("ps", false),
    program(
        "rclone",
        &[form(
            &["lsjson lsf lsl ls lsd size about"],
            getopt(
                "R",
                "recursive max-depth= include= exclude= files-only dirs-only format= json \
                 hash stat max-age= min-age= separator= config= no-mimetype no-modtime \
                 fast-list ask-password[=]",
            ),
            Operands::Remotes,
        )],
    ),
    reads("readlink", false),
    program(
        "redis-cli",
        &[
            form(
                &["PING ping ROLE role DBSIZE dbsize LASTSAVE lastsave TIME time"],
                getopt("h:p:n:s:", "raw no-raw"),
                Operands::None,
            ),
            form(
                &["INFO info"],
                getopt("h:p:n:s:", "raw no-raw"),
                Operands::Any,
            ),
            form(
                &["CLUSTER cluster", "INFO info"],
                getopt("h:p:n:s:", "raw no-raw"),
                Operands::None,
            ),
            form(
                &["SMEMBERS smembers"],
                getopt("h:p:n:s:", "raw no-raw"),
                Operands::Any,
            ),
            Form {
                words: &[],
                flags: getopt("h:p:n:s:", "raw no-raw scan pattern="),
                operands: Operands::None,
                required: "--scan",
            },
        ],
    ),
    program(
        "restic",
        // Without `--no-cache` it writes one into the home directory.
        &[
            Form {
                words: &["snapshots stats"],
                flags: getopt(
                    "r:H:q",
                    "repo= password-file= no-lock no-cache json latest= host= tag= path= mode= \
                     group-by= quiet",
                ),
                operands: Operands::Any,
                required: "--no-lock --no-cache",
            },
            Form {
                words: &["list", "locks snapshots"],
                flags: RESTIC,
                operands: Operands::None,
                required: "--no-lock --no-cache",
            },
            // Not the keys: those are secrets.
            Form {
                words: &["cat", "config"],
                flags: RESTIC,
                operands: Operands::None,
                required: "--no-lock --no-cache",
            },
            Form {
                words: &["cat", "lock"],
                flags: RESTIC,
                operands: Operands::Any,
                required: "--no-lock --no-cache",
            },
            Form {
                words: &["check"],
                flags: RESTIC,
                operands: Operands::None,
                required: "--no-lock --no-cache",
            },
        ],
    ),
    // FreeBSD's and macOS's, and Perl's; `-c` of theirs names a list of files, or a sum.
    program(
        "sha256",
        &[Form {
            words: &[],
            flags: Flags::Only("-q"),
            operands: Operands::Any,
            required: "-q",
        }],
    ),
    reads("sha256sum", true),
    program(
        "shasum",
        &[Form {
            words: &[],
            flags: Flags::Only("-a"),
            operands: Operands::Any,
            required: "-a",
        }],
    ),
    program(
        "smartctl",
        &[form(
            &[],
            getopt(
                "HiAaxjd:",
                "health info attributes all xall json[=] device= scan",
            ),
            Operands::Any,
        )],
    ),
    filter(
        "sort",
        &[form(
            &[],
            getopt(
                "bdfghiMnRrVcCmuszk:t:",
                "reverse numeric-sort human-numeric-sort general-numeric-sort version-sort \
                 month-sort ignore-case unique stable check zero-terminated key= \
                 field-separator=",
            ),
            Operands::Any,
        )],
    ),
    // Settings of the login (`~/.sqliterc`) may run programs: `-init /dev/null`
    // is in their place. `acting` looks at the rest.
    program(
        "sqlite3",
        &[Form {
            words: &[],
            flags: Flags::Only("-readonly -safe -init -json -batch -bail"),
            operands: Operands::Sqlite,
            required: "-readonly -safe -init",
        }],
    ),
    program(
        "ss",
        &[form(
            &[],
            getopt(
                "tulnpaeimosxw046HrOf:A:",
                "tcp udp listening numeric processes all extended info memory options summary \
                 unix raw ipv4 ipv6 no-header resolve oneline family= query=",
            ),
            Operands::Any,
        )],
    ),
    reads("stat", false),
    program(
        "sysctl",
        &[form(
            &[],
            getopt("abenNq", "all values names ignore binary"),
            Operands::Names,
        )],
    ),
    program(
        "systemctl",
        &[
            form(
                &[
                    "is-active is-enabled is-failed is-system-running show status cat list-units \
                     list-unit-files list-timers list-sockets list-jobs list-dependencies",
                ],
                SYSTEMCTL,
                Operands::Any,
            ),
            form(&[], SYSTEMCTL, Operands::None),
        ],
    ),
    filter(
        "tail",
        &[form(
            &[],
            getopt(
                "n:c:qvz0123456789",
                "lines= bytes= quiet silent verbose zero-terminated",
            ),
            Operands::Any,
        )],
    ),
    // Without `-f` it would read a tape. `-I`, `--to-command` and
    // `--checkpoint-action` run programs.
    filter(
        "tar",
        &[Form {
            words: &[],
            flags: getopt("tzJjf:", "exclude="),
            operands: Operands::None,
            required: "-f",
        }],
    ),
    reads("test", false),
    program(
        "timedatectl",
        &[form(
            &["status show timesync-status show-timesync"],
            getopt("p:a", "property= all value no-pager"),
            Operands::None,
        )],
    ),
    reads("tr", true),
    reads("uname", false),
    filter(
        "uniq",
        &[form(
            &[],
            getopt(
                "cdDiuzf:s:w:",
                "count repeated ignore-case unique zero-terminated skip-fields= skip-chars= \
                 check-chars=",
            ),
            Operands::One,
        )],
    ),
    program(
        "unzip",
        &[Form {
            words: &[],
            flags: Flags::Only("-tqq"),
            operands: Operands::Any,
            required: "-tqq",
        }],
    ),
    reads("uptime", false),
    reads("wc", true),
    reads("who", false),
    program("xz", TESTS_OR_PRINTS),
    program(
        "zfs",
        &[
            form(&["list"], getopt("rHpd:o:t:s:S:", ""), Operands::Any),
            form(&["get"], getopt("rHpd:o:t:s:", ""), Operands::Any),
        ],
    ),
    program(
        "zpool",
        &[
            form(&["status"], getopt("vxLPgpst", ""), Operands::Any),
            form(&["list"], getopt("vHLPgpo:", ""), Operands::Any),
            form(&["get"], getopt("Hpo:", ""), Operands::Any),
        ],
    ),
    program("zstd", TESTS_OR_PRINTS),
];

/// Programs that pack: to test a file, or to print what is packed in it. With
/// other flags they put one file in the place of another.
const TESTS_OR_PRINTS: &[Form] = &[
    Form {
        words: &[],
        flags: Flags::Only("-t -q"),
        operands: Operands::Any,
        required: "-t",
    },
    Form {
        words: &[],
        flags: Flags::Only("-dc -q"),
        operands: Operands::Any,
        required: "-dc",
    },
];

/// `ip` takes any start of a flag's name for the flag, and `-b` reads commands
/// from a file; these are the ones that are safe as they stand.
const IP: Flags = Flags::Only(
    "-4 -6 -j -json -p -pretty -br -brief -o -oneline -d -details -s -stats \
     -statistics -r -N -Numeric",
);

/// Not `--repository-file`: nobody has seen what address is in it.
const RESTIC: Flags = getopt("r:q", "repo= password-file= no-lock no-cache json quiet");

const SYSTEMCTL: Flags = getopt(
    "p:t:n:o:alq",
    "property= type= state= lines= output= all full failed no-pager no-legend \
     plain quiet value reverse recursive after before user system",
);

/// `docker`, and `podman`, which has its forms.
const CONTAINERS: &[Form] = &[
    form(
        &["ps"],
        getopt(
            "aqlsn:f:",
            "all quiet latest last= size no-trunc filter= format=",
        ),
        Operands::None,
    ),
    form(
        &["container", "ls list"],
        getopt(
            "aqlsn:f:",
            "all quiet latest last= size no-trunc filter= format=",
        ),
        Operands::None,
    ),
    form(
        &["inspect"],
        getopt("sf:", "size format= type="),
        Operands::Any,
    ),
    form(
        &["container network volume image", "inspect"],
        getopt("sf:", "size format="),
        Operands::Any,
    ),
    form(
        &["network volume", "ls list"],
        getopt("qf:", "quiet no-trunc filter= format="),
        Operands::None,
    ),
    form(
        &["logs"],
        getopt("tn:", "since= until= tail= timestamps details"),
        Operands::Any,
    ),
    form(
        &["images"],
        getopt("aqf:", "all quiet no-trunc digests filter= format="),
        Operands::Any,
    ),
    form(&["version info"], getopt("f:", "format="), Operands::None),
    Form {
        words: &["stats"],
        flags: getopt("a", "all no-stream no-trunc format="),
        operands: Operands::Any,
        required: "--no-stream",
    },
    form(&["port"], getopt("", ""), Operands::Any),
    form(
        &["system", "df"],
        getopt("v", "verbose format="),
        Operands::None,
    ),
    form(
        &["compose", "ps ls"],
        getopt(
            "f:p:aq",
            "file= project-name= project-directory= all quiet services format= filter= \
             status=",
        ),
        Operands::Any,
    ),
];
