//! Redis in its bad states.

use super::stage::Lab;
use super::story::{Expected, Story};

const CLI: &str = "redis-cli -p 6380";

fn told(
    lab: &Lab,
    (name, baseline): (&'static str, &'static str),
    cause: &'static str,
    next: &'static str,
) {
    Story::new(lab, name, baseline).meets(Expected {
        status: 2,
        roots: &["redis@data188"],
        cause,
        next,
    });
}

#[test]
fn it_loads_its_data() {
    let lab = Lab::take();
    // Debian's own file is left as it is: what follows is added, and taken away.
    let slow = "key-load-delay 5000\\nloading-process-events-interval-bytes 1024\\n";
    let bring = format!(
        "{CLI} eval \"for i=1,8000 do redis.call('set','k'..i,string.rep('x',100)) end\" 0 && {CLI} save && \
         cp -p /etc/redis/redis.conf /etc/redis/redis.conf.kept && printf '{slow}' >>/etc/redis/redis.conf && \
         systemctl restart --no-block redis-server && \
         until {CLI} ping 2>&1 | grep -q LOADING; do sleep 0.05; done"
    );
    // Killed, it would be started again at once, and could keep the data in memory.
    let undo = "mv /etc/redis/redis.conf.kept /etc/redis/redis.conf; systemctl stop redis-server; \
        rm -f /var/lib/redis/dump.rdb; systemctl start redis-server";
    let _loading = lab.script("data188", &bring, undo);
    told(
        &lab,
        ("redis-loads-its-data", "redis"),
        "LOADING",
        "While it loads its data, wait.",
    );
}

#[test]
fn it_cannot_save() {
    let lab = Lab::take();
    let bring = format!(
        "{CLI} set a b && {CLI} config set save '3600 1' && chown root: /var/lib/redis && chmod 500 /var/lib/redis && \
         {CLI} bgsave; until {CLI} info persistence | grep -q rdb_last_bgsave_status:err; do sleep 0.05; done"
    );
    let undo = format!(
        "chown redis: /var/lib/redis; chmod 750 /var/lib/redis; {CLI} bgsave; \
         until {CLI} info persistence | grep -q rdb_last_bgsave_status:ok; do sleep 0.05; done"
    );
    let _full = lab.script("data188", &bring, &undo);
    told(
        &lab,
        ("redis-cannot-save", "redis"),
        "MISCONF",
        "On 188: its log.",
    );
}

#[test]
fn it_wants_another_password() {
    let lab = Lab::take();
    let undo = format!("{CLI} -a another config set requirepass ''");
    let _changed = lab.script(
        "data188",
        &format!("{CLI} config set requirepass another"),
        &undo,
    );
    told(
        &lab,
        ("redis-wants-another-password", "redis-password"),
        "WRONGPASS",
        "Compare the password with",
    );
}

#[test]
fn it_wants_a_password() {
    let lab = Lab::take();
    let undo = format!("{CLI} -a another config set requirepass ''");
    let _changed = lab.script(
        "data188",
        &format!("{CLI} config set requirepass another"),
        &undo,
    );
    told(
        &lab,
        ("redis-wants-a-password", "redis"),
        "NOAUTH",
        "give a password by `password: env:NAME`",
    );
}

#[test]
fn it_hangs() {
    let lab = Lab::take();
    let _frozen = lab.fault(
        &["freeze", "data188", "redis-server"],
        &["thaw", "data188", "redis-server"],
    );
    told(
        &lab,
        ("redis-hangs", "redis"),
        "no answer to PING",
        "On 188: its log.",
    );
}
