use std::fmt::Write as _;
use std::process::Command;

use proptest::prelude::*;
use rstest::rstest;

use super::allow::{Flags, Form, Operands, PROGRAMS};
use super::refusals::{INSTEAD, RUNNERS};
use super::*;

fn parse(text: &str) -> Result<ReadOnlyCommand, Refused> {
    ReadOnlyCommand::parse(&Policy::default(), text)
}

#[test]
fn what_only_reads_is_accepted() {
    let lines = r#"
systemctl is-active containerd docker postgresql@14-main redis-server ollama nginx
systemctl --failed --no-pager
systemctl
systemctl --failed
systemctl show actions.runner.x.service -p ActiveState -p SubState -pNRestarts --property=MemoryMax --value
systemctl list-units 'actions.runner.*' --all --no-legend --plain
systemctl status nginx -n 20 --no-pager
systemctl list-timers
/usr/bin/systemctl is-system-running
sudo -n systemctl status k3s
sudo -n -u postgres pg_isready -h localhost -p 5432
sudo -u postgres -n /usr/bin/pg_isready
cat /etc/os-release
cat /proc/loadavg | cut -d ' ' -f 1
head -120 /var/log/syslog
head -n 20 file
tail -40 /var/log/syslog
tail -n 5 -q file
tail -n5 file
tail --lines=5 file
ls -lah --time-style=full-iso /home/ollama/node_exporter_textfiles
stat -c %Y /var/backups/latest
test -f /etc/passwd
df -hT --output=pcent /var
df -B1 /
free -b
uptime
who -b
last -x reboot shutdown | head -20
date
date -u +%s
date '+%Y-%m-%d %H:%M:%S'
hostname
hostname -I
uname -a
id -u
ps aux
ps -eo pid,comm --sort=-%cpu | head -5
ss -tlnp
ss -lntp 'sport = :5432'
netstat -tln
netstat -anW -p tcp
ss -tln 'sport = :5432'
ip addr show
ip -4 -br addr
ip a
ip -j addr show dev eth0
ip -json addr
ifconfig -a
ifconfig
sudo -n iscsiadm -m node -o show
iscsiadm -m session
iscsiadm -m session -P 2
ip route get 192.0.2.1
ip neigh show | grep -c INCOMPLETE
arp -an | grep -E '192\.168\.0\.(110|120)'
lsblk -J
mount
mount -l
findmnt -n -o OPTIONS /
nproc
getconf _NPROCESSORS_ONLN
redis-cli -p 6380 ping
redis-cli -h 127.0.0.1 INFO replication
redis-cli --no-raw SMEMBERS module/mail1/backups
redis-cli --no-raw --scan --pattern 'module/*/backups'
docker ps --format '{{.Names}}\t{{.Status}}\t{{.Ports}}' | head -120
docker ps -aq
docker inspect momo-scheduler
docker inspect -f '{{.State.Health.Status}}' web
docker logs --since 6h momo-scheduler | grep -c 全部排程任務已註冊
docker logs --tail 100 web
docker stats --no-stream
docker compose -f /srv/app/compose.yml ps
docker network ls
docker network inspect bridge
podman ps -a
kubectl --cache-dir=/dev/null get nodes -o wide
kubectl get pods -A --cache-dir /dev/null | grep -v -E 'Running|Completed'
kubectl --cache-dir=/dev/null get deploy -n awoooi-prod
kubectl --cache-dir=/dev/null -n awoooi-prod get pods -o wide
kubectl --cache-dir=/dev/null get events -n awoooi-prod --sort-by=.lastTimestamp | tail -40
kubectl --cache-dir=/dev/null get cronjobs,jobs -n awoooi-prod
kubectl --cache-dir=/dev/null describe pod web-0
kubectl --cache-dir=/dev/null logs web-0 --tail=100 -c app
kubectl --cache-dir=/dev/null top nodes
kubectl --cache-dir=/dev/null version -o json
kubectl --cache-dir=/dev/null get nodes --kubeconfig=/etc/rancher/k3s/k3s.yaml
kubectl --cache-dir=/dev/null get nodes --kubeconfig /root/.kube/config
kubectl --cache-dir=/dev/null get nodes --kubeconfig=/home/wooo/.kube/k3s/config
kubectl --cache-dir=/dev/null get nodes --kubeconfig=/var/lib/k0s/pki/admin.conf
sudo -n kubectl get nodes -o json --cache-dir=/dev/null --kubeconfig /etc/rancher/k3s/k3s.yaml
sudo -n kubectl get nodes -o json --cache-dir=/dev/null --kubeconfig /root/.kube/config
sudo -n kubectl get nodes --cache-dir=/dev/null --kubeconfig /var/lib/rancher/k3s/server/cred/admin.kubeconfig
grep -eD -m1 file
grep -A1 -d skip D /etc/motd
md5sum -b cab
tail +5 file
cat /dev/sda
k3s kubectl --cache-dir=/dev/null get nodes
sudo -n k3s kubectl --cache-dir=/dev/null get nodes -ojson
k3s --version
crontab -l
crontab -l -u root
journalctl -u nginx --since '1 hour ago' --no-pager
journalctl -b -k -p err -n 50
journalctl --boot=-1
journalctl --no-pager --output=json --output-fields=MESSAGE --all --reverse --lines=201 --since=-3600s --priority=err --unit=postgresql@14-main
sudo -n journalctl --no-pager --output=json --lines=201 --boot --dmesg
docker logs --timestamps --since=21600s --tail=5001 momo-scheduler
sudo -n podman logs --timestamps --since=3600s --tail=201 web
tail -c 1000001 /var/log/syslog | tail -n 200
dmesg -T --level=err,crit
sysctl -n vm.swappiness
chronyc tracking
chronyc -n sources
timedatectl show -p NTPSynchronized --value
zpool status -x
zfs list -H -o name,used
restic -r /srv/restic snapshots --no-lock --no-cache --json
rclone lsjson backup:daily
rclone lsjson backup: --recursive --no-mimetype --ask-password=false --config /etc/rclone.conf
rclone lsjson backup: --config=/home/wooo/.config/rclone/rclone.conf
restic list locks --no-lock --no-cache
restic cat lock 0123 --no-lock --no-cache
restic cat config --no-lock --no-cache
restic check --no-lock --no-cache -r /backup/gitea
sha256sum /etc/hosts
sha256 -q /etc/hosts
shasum -a 256 /etc/hosts
sqlite3 -readonly -safe -json -init /dev/null 'file:/srv/db.sqlite?mode=ro' 'PRAGMA integrity_check'
sudo -n sqlite3 -readonly -safe -init /dev/null 'file:/srv/db?mode=ro&readonly_shm=1' 'SELECT count(*) FROM users'
gzip -t /backup/a.gz
sudo -n gzip -dc /backup/a.gz | tail -c 4096
zstd -t -q /backup/a.tar.zst
zstd -dc /backup/a.tar.zst | tar -tf- '--exclude=*'
xz -t /backup/a.xz
bzip2 -dc /backup/a.bz2 | head -c 512
tar -tzf /backup/a.tar.gz
tar -tf /backup/2026-06-05T04:00.tar | head -n 1
unzip -tqq /backup/a.zip
find /var/backups -name '*.tgz' -mtime -1 -size +10k
find /srv -maxdepth 1 -type f -not -name '.*' -print
sort -k2,2n -u file
cat a b | sort | uniq -c | sort -rn | head -3
cat x | jq -r '.items[] | .name'
grep -r 'a;b && c > d' /etc
grep "it's" /etc/motd
grep it\'s\ \$HOME /etc/motd
cat a#b c~d
cat ''
getent hosts db
smartctl -H /dev/sda
mdadm --detail /dev/md0
du -sh /var
"#;
    let mut count = 0;
    for line in lines.lines().filter(|line| !line.is_empty()) {
        if let Err(refused) = parse(line) {
            panic!("{line}: {refused}");
        }
        count += 1;
    }
    assert!(count >= 90, "{count}");
}

#[test]
fn what_could_do_more_is_refused() {
    let lines = r#"
rm -rf /
cat /etc/passwd; rm -rf /
cat /etc/passwd && rm x
cat /etc/passwd || true
cat /etc/passwd & rm x
cat /etc/passwd |& tee x
cat /etc/passwd > /etc/shadow
cat /etc/passwd >> x
cat < /etc/passwd
cat << EOF
uptime 2>/dev/null
uptime 2>&1
cat $(rm x)
cat `rm x`
cat $HOME/x
cat ${HOME}
cat "$(rm x)"
cat "`rm x`"
cat "$HOME"
cat "a\$b"
(uptime)
{ uptime; }
ls *.log
ls file?
ls [ab]
ls {a,b}
ls ~/x
cat ~root/.ssh/id_rsa
! uptime
find . ! -name x
LD_PRELOAD=/tmp/x.so cat file
PATH=/tmp uptime
uptime | PAGER=x cat
uptime # comment
cat 'unclosed
cat "unclosed
cat x\
|
uptime |
| cat
uptime | | cat
sh -c 'rm -rf /'
bash -c id
/bin/sh -c id
/usr/bin/../bin/sh -c id
../../bin/sh
busybox sh
env sh
env X=1 cat y
xargs rm
cat x | xargs rm
cat x | sh
cat x | bash
cat x | sudo -n tee /etc/passwd
cat x | tee /etc/passwd
cat x | ls
cat x | docker ps
cat x | awk '{print > "/etc/passwd"}'
awk 'BEGIN{system("rm x")}'
sed -i s/a/b/ /etc/passwd
sed -n 'w /etc/passwd' x
perl -e 'unlink "x"'
python3 -c 'import os'
eval uptime
exec uptime
command rm x
time rm x
nohup rm x
nice rm x
timeout 5 rm x
watch uptime
ssh other rm x
curl -X POST http://127.0.0.1/
curl http://127.0.0.1/
wget http://127.0.0.1/
psql -c 'drop table x'
nc -z 127.0.0.1 22
su -c id
sudo uptime
sudo
sudo -n
sudo -n -s
sudo -n -i
sudo -n sudo -n id
sudo -n sh
sudo -n rm x
sudo -n -E uptime
sudo -n -u
sudo -n -u '#0' id
sudo -n LD_PRELOAD=x uptime
sudo -ni
sudo -S uptime
/home/user/cat x
/tmp/systemctl status x
./cat x
systemctl restart nginx
systemctl stop nginx
systemctl daemon-reload
systemctl reboot
systemctl nginx status
systemctl -H root@other status nginx
systemctl -p restart nginx
systemctl -n --now status x
systemctl status nginx --now
systemctl --signal=KILL kill nginx
systemctl show --root=/x y
tail -f /var/log/syslog
tail -F /var/log/syslog
tail -fn5 x
tail -n5f x | tail -f
tail -5f x
tail --follow x
tail --foll x
tail --follow=name x
tail -n 5 -f x
tail --retry x
date -s '2026-01-01'
date --set=2026-01-01
date --se=2026-01-01
date 010112002026
date -d 1
date -us 12:00
hostname evil
hostname -F /tmp/x
hostname -b x
ip addr add 192.0.2.1/24 dev eth0
ip addr del 192.0.2.1/24 dev eth0
ip link set eth0 down
ip route flush all
ip a a 192.0.2.1 dev eth0
ip addr flush dev eth0
ip -b /tmp/commands
ip -force -batch /tmp/x
ip netns exec x sh
arp -d 192.0.2.1
netstat -c
netstat -w 1
netstat -an 1
netstat -p tcp 1
arp -s 192.0.2.1 00:00:00:00:00:00
ss -K dst 192.0.2.1
ss -tK
ss --kill
ss -D /tmp/dump
mount /dev/sda1 /mnt
mount -a
mount -o remount,rw /
docker rm -f web
docker restart web
docker exec web sh
docker run alpine
docker logs -f web
docker logs --follow web
docker stats
docker stats --no-stream=false
docker compose up -d
docker compose -f x.yml down
docker compose -f ps up
docker system prune
docker network rm x
docker -H tcp://127.0.0.1:2375 ps
docker container prune
podman system reset
kubectl --cache-dir=/dev/null delete pod x
kubectl --cache-dir=/dev/null apply -f x.yml
kubectl --cache-dir=/dev/null get pods -w
kubectl --cache-dir=/dev/null get pods --watch
kubectl --cache-dir=/dev/null get pods --watch-only
kubectl --cache-dir=/dev/null get secrets
kubectl --cache-dir=/dev/null get secret/db -o yaml
kubectl --cache-dir=/dev/null get pods,secrets -o yaml
kubectl --cache-dir=/dev/null get Secrets.v1 x
kubectl --cache-dir=/dev/null get --raw /api/v1/secrets
kubectl --cache-dir=/dev/null describe secret x
kubectl --cache-dir=/dev/null logs -f web-0
kubectl --cache-dir=/dev/null logs web-0 --follow
kubectl --cache-dir=/dev/null exec web-0 -- sh
kubectl --cache-dir=/dev/null rollout restart deploy/x
kubectl --cache-dir=/dev/null -n get delete pod x
kubectl --cache-dir=/dev/null cluster-info dump --output-directory=/x
k3s server
k3s kubectl --cache-dir=/dev/null delete node x
crontab -r
crontab -e
crontab file
crontab
crontab -l file
crontab -lr
journalctl -f
journalctl --follow
journalctl --vacuum-size=1M
journalctl --vacuum-time=1s
journalctl --rotate
journalctl --flush
journalctl --fol
journalctl -fu nginx
journalctl --cursor-file=/x
journalctl --cursor-file /x
journalctl --vacuum-files=1
journalctl --sync
journalctl --relinquish-var
journalctl --smart-relinquish-var
journalctl --setup-keys
journalctl --update-catalog
journalctl --rotate -u nginx
journalctl -u nginx --vac=1s
journalctl --no-pager --output=json --follow
journalctl -M machine
journalctl --root=/x
tail -c 10 -f /var/log/syslog
docker logs -f web
docker logs --follow web
docker logs --tail=5 --follow web
dmesg -c
dmesg -C
dmesg --clear
dmesg -w
dmesg -Tc
dmesg -n 1
iscsiadm -m node -o update
iscsiadm -m node -o delete
iscsiadm -m node -u
iscsiadm -m session -o update -n x -v y
iscsiadm -m session -R
iscsiadm -m discovery -t st -p 192.0.2.1
iscsiadm -m node show -o delete
iscsiadm -m node -o show -n x -v y
ifconfig eth0 down
ifconfig eth0 192.0.2.1
ifconfig -a eth0
sysctl -w vm.swappiness=1
sysctl vm.swappiness=1
sysctl -p
sysctl --system
sysctl --load=/x
chronyc makestep
chronyc tracking makestep
timedatectl set-time 12:00
timedatectl set-ntp true
zpool destroy tank
zpool scrub tank
zpool status -c script
zfs destroy tank/x
zfs set a=b tank
restic snapshots
restic --no-lock --no-cache forget --prune
restic --no-lock --no-cache snapshots
podman -q images pull x
podman --quiet images pull x
kubectl --cache-dir=/dev/null -A get delete pods
kubectl --cache-dir=/dev/null -An delete get pods
kubectl --cache-dir=/dev/null --all-namespaces get delete pods
docker compose -a ps
docker -l ps
rclone -R lsf x
restic snapshots --no-cache --no-lock=false
restic --no-lock --no-cache --password-command 'rm x' snapshots
restic --no-lock --no-cache -o sftp.command=sh snapshots
restic --no-cache --no-lock=false snapshots
restic cat masterkey --no-lock --no-cache
restic cat key 0123 --no-lock --no-cache
restic list keys --no-lock --no-cache
restic list locks
restic check
restic snapshots --no-lock
restic stats --no-lock --json
restic list locks --no-lock
restic cat config --no-lock
restic cat lock 0123 --no-lock
restic check --no-lock
restic check --no-cache
restic check --no-lock --no-cache=false
restic check --no-lock --no-cache --with-cache
restic unlock --no-lock --no-cache
rclone lsjson a: --config /tmp/rclone.conf
rclone lsjson a: --config=/home/wooo/.config/../x/rclone.conf
rclone lsjson a: --password-command id
rclone sync a: b:
rclone delete a:
rclone lsf ':sftp,ssh="sh -c id":/'
rclone lsf 'remote,ssh=sh:/'
redis-cli FLUSHALL
redis-cli SHUTDOWN
redis-cli CONFIG SET dir /
redis-cli --eval x.lua
redis-cli --pattern x
redis-cli --scan --pattern x FLUSHALL
redis-cli --scan --bigkeys
redis-cli HDEL a b
redis-cli -x HGETALL
redis-cli -s /run/redis.sock --no-raw HGETALL cluster/backup/1
redis-cli hgetall cluster/backup_repository/uuid1
sudo -n redis-cli HGETALL cluster/backup_repository/uuid1
redis-cli -a secret PING
redis-cli PING FLUSHALL
redis-cli
find / -delete
shasum -a 256 -c /tmp/list
shasum /etc/hosts
sha256 -q -c 0 /etc/hosts
sqlite3 /srv/db
sqlite3 -readonly /srv/db 'SELECT 1'
sqlite3 -readonly -safe 'file:/srv/db?mode=ro' 'SELECT 1'
sqlite3 -safe -init /dev/null 'file:/srv/db?mode=ro' 'SELECT 1'
sqlite3 -readonly -init /dev/null 'file:/srv/db?mode=ro' 'SELECT 1'
sqlite3 -readonly -safe -init /tmp/x /dev/null 'file:/srv/db?mode=ro' 'SELECT 1'
sqlite3 -readonly -safe -init /dev/null -init /tmp/x 'file:/srv/db?mode=ro' 'SELECT 1'
sqlite3 -readonly -safe -init /dev/null 'file:/srv/db' 'SELECT 1'
sqlite3 -readonly -safe -init /dev/null 'file:/srv/db?mode=rwc' 'SELECT 1'
sqlite3 -readonly -safe -init /dev/null 'file:/srv/db?mode=ro&vfs=x' 'SELECT 1'
sqlite3 -readonly -safe -init /dev/null 'file:/srv/db?mode=ro' '.shell id'
sqlite3 -readonly -safe -init /dev/null 'file:/srv/db?mode=ro' ' .shell id'
sqlite3 -readonly -safe -init /dev/null 'file:/srv/db?mode=ro' 'VACUUM INTO x'
sqlite3 -readonly -safe -init /dev/null 'file:/srv/db?mode=ro' 'PRAGMA wal_checkpoint'
sqlite3 -readonly -safe -init /dev/null 'file:/srv/db?mode=ro' 'SELECT 1; VACUUM INTO x'
sqlite3 -readonly -safe -init /dev/null 'file:/srv/db?mode=ro' 'SELECT 1' '.shell id'
sqlite3 -readonly -safe -init /dev/null -cmd '.shell id' 'file:/srv/db?mode=ro' 'SELECT 1'
sqlite3 -readonly -safe -init /dev/null -nonce x 'file:/srv/db?mode=ro' 'SELECT 1'
gzip /backup/a
gzip -d /backup/a.gz
gzip -c /backup/a
gzip -dck /backup/a.gz
gzip -t -d /backup/a.gz
cat x | gzip -dc
zstd --rm /backup/a
zstd -dc -o /etc/passwd /backup/a.zst
zstd -t --rm /backup/a.zst
xz -dk /backup/a.xz
bzip2 -t -f -z /backup/a
tar -xf /backup/a.tar
tar -t
tar xf /backup/a.tar
tar -cf /backup/a.tar /etc
tar -tf other:/backup/a.tar
tar -tf a.tar
tar -tf /backup/a.tar -C /
tar -tf /backup/a.tar -I sh
tar -tf /backup/a.tar --use-compress-program=sh
tar -tf /backup/a.tar --to-command=sh
tar -tf /backup/a.tar --checkpoint-action=exec=sh
tar -tf /backup/a.tar -F sh
tar -rf /backup/a.tar x
tar --delete -f /backup/a.tar x
tar -tf /dev/st0
unzip /backup/a.zip
unzip -t -o /backup/a.zip
unzip -p /backup/a.zip
find / -exec rm '{}' ';'
find / -execdir rm '{}' +
find / -ok rm '{}' ';'
find / -fprint /etc/passwd
find / -fls /x
find / -fprintf /x %p
find / -name x -delet
sort -o /etc/passwd x
sort -no /etc/passwd x
sort --output=/etc/passwd x
sort --outp=/x x
sort --compress-program=sh x
sort -T /x y
uniq a b
uniq -c a b
uniq -- a b
cat x | uniq - /etc/passwd
smartctl -t long /dev/sda
smartctl -s off /dev/sda
mdadm --stop /dev/md0
mdadm /dev/md0 --fail /dev/sda
ntpq -c 'rm'
ntpq -4c ':config restrict default' -p
ntpq -p host -6c saveconfig
mdadm --detail -1S /dev/md0
pg_isready -d 'host=x sslkeylogfile=/home/x/.profile'
pg_isready '-dhost=x sslkey=engine:x'
pg_isready --dbname=postgres://x/y
pg_isready --dbname 'a=b'
getent -s /tmp/x passwd
getent --service=/tmp/x passwd
restic snapshots --no-lock --no-cache -r 'rclone::sftp,ssh="touch /x":/y'
restic snapshots --no-lock --no-cache -r=rclone:--config=x
restic snapshots --no-lock --no-cache --repo 'rclone:a,b=c:/'
restic snapshots --no-lock --no-cache --repo=sftp:-oProxyCommand=x:/y
restic snapshots --no-lock --no-cache -rsftp://x@-oProxyCommand=x/y
restic snapshots --no-lock --no-cache --repository-file /srv/address
restic check --no-lock --no-cache --repository-file=/srv/address
docker compose -f https://github.com/x/y.git ps
docker compose -f github.com/x/y ps
docker compose --file=oci://x/y ps
docker compose --project-directory git@x:y ps
cat /dev/watchdog
head -c 1 /dev/watchdog0
cat /dev/../dev//watchdog
cat /proc/1/root/dev/watchdog
cat /proc/kmsg
wc --files0-from=/dev/watchdog
wc --files0-from=/tmp/list
du --files0-from=/tmp/list
du --files=-
cat /dev/st0a
cat /dev/st1l
cat /dev/nst0m
grep -rD read x /dev
grep -D read x /dev
grep -riDread x /dev
grep --devices=read -r x /dev
egrep --dev read -r x /dev
grep -e -- -D read -r x /dev
md5sum -c list
md5sum -bc list
sha256sum --check list
cat x | sha256sum --c
tail +5f x
tail +f x
tail +5lf x
kubectl get pods
kubectl describe pod web-0
kubectl logs web-0
kubectl top nodes
kubectl version --client
kubectl api-resources
kubectl cluster-info
k3s kubectl get nodes -o json
kubectl get pods --cache-dir=/tmp/cache
kubectl get pods --cache-dir=/dev/null --cache-dir=/tmp/cache
kubectl get pods --cache-dir=/dev/null --cache-dir /tmp/cache
kubectl get pods --cache-dir=
kubectl get pods --cache-dir
sudo -n kubectl --cache-dir=/dev/null get nodes --kubeconfig=/home/wooo/.kube/config
sudo -n kubectl --cache-dir=/dev/null get nodes --kubeconfig=/etc/../home/wooo/.kube/config
sudo -n kubectl --cache-dir=/dev/null get nodes --kubeconfig=/var/lib/postgresql/config
sudo -n -u root k3s kubectl --cache-dir=/dev/null get nodes --kubeconfig /home/wooo/.kube/config
sudo -n rclone lsjson a: --config=/home/wooo/.config/rclone/rclone.conf
kubectl --cache-dir=/dev/null get pods --kubeconfig=/var/lib/postgresql/config
kubectl --cache-dir=/dev/null get pods --kubeconfig=/tmp/config
kubectl --cache-dir=/dev/null get pods --kubeconfig config
kubectl --cache-dir=/dev/null get pods --kubeconfig=/etc/../tmp/config
kubectl --cache-dir=/dev/null get pods --kubeconfig /home/x/config
kubectl --cache-dir=/dev/null get pods --kubeconfig=/home/x/.kube/../config
kubectl --cache-dir=/dev/null version --kubeconfig=/root/.kube
k3s kubectl --cache-dir=/dev/null get pods --kubeconfig=/tmp/config
reboot
shutdown -h now
kill 1
pkill x
touch x
cp a b
mv a b
dd if=/dev/zero of=/dev/sda
chmod 777 x
ln -s a b
tar czf x y
apt-get install x
git pull
pg_resetwal x
"#;
    let mut count = 0;
    for line in lines.lines().filter(|line| !line.is_empty()) {
        if parse(line).is_ok() {
            panic!("accepted: {line}");
        }
        count += 1;
    }
    assert!(count >= 200, "{count}");
}

#[rstest]
#[case("", 0, "an empty command")]
#[case(
    "uptime; id",
    6,
    "at character 7: `;` is not available here: one check runs one command"
)]
#[case(
    "grep 全 x > y",
    11,
    "at character 10: `>` is not available here: nothing is written"
)]
#[case(
    "uptime || true",
    7,
    "at character 8: `||` is not available here: an exit status"
)]
#[case("uptime |", 8, "no program after the last `|`")]
#[case("uptime | | cat", 9, "no program before this `|`")]
#[case(
    "cat \"$HOME\"",
    5,
    "between double quotes would act in a shell: use single quotes"
)]
#[case("cat 'a", 4, "text without its closing '")]
#[case("uptime\nid", 6, "write it on one line")]
#[case("A=b uptime", 0, "the environment is the login's")]
#[case("uptime | A=b cat", 9, "the environment is the login's")]
#[case("cat a\u{1b}", 5, "a control character (\\u{1b})")]
#[case("cat '\0'", 5, "a NUL")]
fn refusals_tell_the_place(#[case] text: &str, #[case] at: usize, #[case] message: &str) {
    let refused = parse(text).expect_err(text);
    assert_eq!(refused.at, Some(at), "{refused}");
    assert!(refused.message.contains(message), "{refused}");
}

#[rstest]
#[case("curl http://x", "use the http kind")]
#[case("psql -c x", "use the postgres kind")]
#[case("ssh x id", "the check's `on` names the host")]
#[case("timeout 5 id", "every command is given its check's `timeout`")]
#[case(
    "frobnicate",
    "frobnicate is not known to only read: if it does, add it to `policy.allow`"
)]
#[case("/opt/x", "/opt/x is not a program of /bin")]
#[case("bash x", "bash runs whatever it is given")]
#[case("sudo id", "write `sudo -n`")]
#[case("systemctl restart x", "systemctl only reads as is-active|")]
#[case("docker rm x", "docker only reads as ps, container ls|list")]
#[case("docker logs -f x", "docker -f is not known to only read")]
#[case(
    "tail --foll x",
    "tail --foll is not known to only read: write flags out in full"
)]
#[case("crontab -u x", "crontab needs -l, so that it only reads")]
#[case(
    "kubectl get pods",
    "kubectl get needs --cache-dir=/dev/null, so that it only reads"
)]
#[case("kubectl get pods --cache-dir=/x", "kubectl would write there")]
#[case(
    "restic snapshots",
    "restic snapshots|stats needs --no-lock --no-cache"
)]
#[case("date 1", "it would set the clock")]
#[case("hostname x", "no further argument is known")]
#[case("kubectl get secrets --cache-dir=/dev/null", "secrets are not shown")]
#[case("cat x | ls", "ls after a pipe: only cat, ")]
#[case(
    "kubectl --cache-dir=/dev/null -A get pods",
    "kubectl -A before the subcommand: write it after `get`"
)]
#[case("tail -n", "tail -n needs a value")]
#[case("tail -n --follow", "tail -n needs a value")]
fn refusals_tell_what_to_do(#[case] text: &str, #[case] message: &str) {
    let refused = parse(text).expect_err(text);
    assert!(refused.message.contains(message), "{refused}");
}

#[rstest]
#[case("a 'b c' \"d e\" f\\ g ''", &["a", "b c", "d e", "f g", ""])]
#[case("a'b'\"c\"\\d", &["abcd"])]
#[case("  a\t b  ", &["a", "b"])]
#[case("a 'x;y&z|$(q)`r`*?[]{}~#!<>'", &["a", "x;y&z|$(q)`r`*?[]{}~#!<>"])]
#[case("a \"it's; *\"", &["a", "it's; *"])]
#[case("a b=c '全部' --x=y,z", &["a", "b=c", "全部", "--x=y,z"])]
#[case("'A=b' c", &["A=b", "c"])]
fn words_are_the_shells(#[case] text: &str, #[case] words: &[&str]) {
    assert_eq!(lexer::lex(text).expect(text), [words]);
}

fn policy(entries: &[&str]) -> Policy {
    Policy::extended(
        entries
            .iter()
            .map(|entry| Policy::entry(entry).expect(entry))
            .collect(),
    )
}

#[rstest]
#[case("zpool iostat", "zpool iostat", true)]
#[case("zpool iostat", "zpool iostat tank", false)]
#[case("zpool iostat *", "zpool iostat tank", true)]
#[case("zpool iostat *", "zpool iostat", true)]
#[case("zpool iostat *", "zpool scrub tank", false)]
#[case("/opt/check", "/opt/check", true)]
#[case("/opt/check", "check", false)]
#[case("zpool iostat", "sudo -n zpool iostat", true)]
#[case("zpool iostat", "sudo zpool iostat", false)]
#[case("zpool iostat", "zpool iostat | head", true)]
#[case("zpool iostat", "cat x | zpool iostat", false)]
#[case("zpool iostat *", "zpool iostat ; rm x", false)]
#[case("echo 'a b'", "echo 'a b'", true)]
fn entries_extend_the_list(#[case] entry: &str, #[case] text: &str, #[case] accepted: bool) {
    let command = ReadOnlyCommand::parse(&policy(&[entry]), text);
    assert_eq!(command.is_ok(), accepted, "{command:?}");
    assert!(command.is_ok_and(|command| command.by_extension()) == accepted);
}

#[rstest]
#[case("")]
#[case("*")]
#[case(" *")]
#[case("sh -c *")]
#[case("/bin/bash *")]
#[case("sudo *")]
#[case("sudo -n zpool status")]
#[case("env *")]
#[case("xargs *")]
#[case("busybox *")]
#[case("timeout 5 *")]
#[case("/usr/bin/watch *")]
#[case("chroot /x *")]
#[case("ssh other *")]
#[case("pkexec *")]
#[case("zpool * status")]
#[case("zpool status | cat")]
#[case("a; b")]
fn entries_that_allow_everything_or_nothing_are_refused(#[case] entry: &str) {
    assert!(Policy::entry(entry).is_err(), "{entry}");
}

#[test]
fn a_shell_is_refused_even_when_an_entry_got_in() {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let policy = Policy::extended(vec![
        words("sh *"),
        words("/bin/bash -c id"),
        words("sudo *"),
        words("*"),
    ]);
    for line in [
        "sh -c id",
        "/bin/bash -c id",
        "sudo id",
        "sudo -n sh",
        "rm x",
    ] {
        assert!(ReadOnlyCommand::parse(&policy, line).is_err(), "{line}");
    }
    assert_eq!(policy.extra().len(), 4);
}

#[test]
fn the_built_in_list_is_not_an_extension() {
    let command = ReadOnlyCommand::parse(&policy(&["uptime"]), "uptime").expect("built in");
    assert!(!command.by_extension());
}

#[test]
fn lines_are_quoted() {
    let command = parse("grep -E 'a b' \"it's\" x=y | head -3").expect("reads");
    assert_eq!(command.line(), r#"grep -E 'a b' 'it'\''s' 'x=y' | head -3"#);
    assert_eq!(
        command.bounded_line(Duration::from_millis(2500)),
        r#"timeout -k 1 3 grep -E 'a b' 'it'\''s' 'x=y' | timeout -k 1 3 head -3"#
    );
    assert!(
        command
            .bounded_line(Duration::ZERO)
            .starts_with("timeout -k 1 1 grep")
    );
    assert_eq!(command.args(), ["grep", "-E", "a b", "it's", "x=y"]);
    assert_eq!(command.pipeline().len(), 2);
}

#[test]
fn argument_lists_are_checked_like_lines() {
    let from = |args: &[&str]| ReadOnlyCommand::from_args(&Policy::default(), args.iter().copied());
    assert!(from(&["cat", "a; rm b"]).is_ok_and(|command| command.line() == "cat 'a; rm b'"));
    assert!(from(&[]).is_err());
    assert!(from(&["rm", "x"]).is_err());
    assert!(from(&["cat", "a\0b"]).is_err());
    assert!(from(&["cat", "a\nreboot"]).is_err());
    assert!(from(&["cat", "a\rb"]).is_err());
    assert!(from(&["sh", "-c", "id"]).is_err());
}

/// What `sh` makes of the quoted arguments.
fn through_sh(arguments: &[String]) -> Vec<String> {
    let script = format!(r"printf '%s\0' {}", quoting::quote_all(arguments));
    let output = Command::new("sh")
        .arg("-c")
        .arg(script)
        .output()
        .expect("sh runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.split_terminator('\0').map(str::to_owned).collect()
}

#[rstest]
#[case(&["", " ", "\n", "a\nb\n"])]
#[case(&["'", "''", "\"", "\\", "\\\\n", "'\\''"])]
#[case(&["$HOME", "`id`", "$(id)", "a;b", "a&b", "*", "~", "#x", "!x", "{a,b}", "A=b", "if"])]
#[case(&["-n", "--", "-e", "-", "%s", "\t", "\u{1b}[0m", "全部", "😀"])]
fn a_shell_gives_back_what_was_quoted(#[case] arguments: &[&str]) {
    let arguments: Vec<String> = arguments
        .iter()
        .map(|argument| (*argument).to_owned())
        .collect();
    assert_eq!(through_sh(&arguments), arguments);
}

#[test]
fn nothing_that_fish_or_csh_acts_on_stands_between_quotes() {
    assert_eq!(quoting::quote(r"a\';b;!#"), r"'a'\\''\'';b;'\!'#'",);
}

/// What may print credentials is for a kind that hides them.
#[rstest]
#[case("redis-cli -s /run/redis.sock --no-raw HGETALL cluster/backup/1", true)]
#[case(
    "sudo -n redis-cli --no-raw HGETALL module/mail1/backup_status/1",
    true
)]
#[case("redis-cli --no-raw SMEMBERS module/mail1/backups", true)]
#[case("redis-cli --no-raw --scan --pattern module/*/backups", true)]
#[case("redis-cli --no-raw HDEL a b", false)]
#[case("redis-cli -a secret HGETALL a", false)]
#[case("redis-cli -x HGETALL a", false)]
#[case("sudo redis-cli HGETALL a", false)]
#[case("/tmp/redis-cli HGETALL a", false)]
#[case("HGETALL", false)]
fn what_a_kind_may_ask_and_a_command_line_may_not(#[case] line: &str, #[case] accepted: bool) {
    let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let typed = ReadOnlyCommand::typed(&Policy::default(), args);
    assert_eq!(typed.is_ok(), accepted, "{typed:?}");
    if line.contains("HGETALL") {
        let refused = parse(line).expect_err(line);
        assert_eq!(
            refused.message.contains("backup_plan"),
            accepted,
            "{refused}"
        );
    }
}

#[test]
fn no_program_is_both_allowed_and_refused() {
    for program in PROGRAMS {
        assert!(
            !RUNNERS.contains(&program.name)
                && INSTEAD.iter().all(|(name, _)| *name != program.name),
            "{}",
            program.name
        );
    }
    assert!(PROGRAMS.is_sorted_by_key(|program| program.name));
    assert!(RUNNERS.is_sorted());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn quoting_survives_a_shell(arguments in prop::collection::vec("[^\0]{0,20}", 1..6)) {
        prop_assert_eq!(through_sh(&arguments), arguments);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parsing_never_panics(text in "\\PC{0,40}") {
        let _ = parse(&text);
    }

    #[test]
    fn nothing_that_a_shell_acts_on_is_accepted(
        before in "(cat|ls|grep a) [a-z /.-]{0,10}",
        special in prop::sample::select(vec![';', '&', '>', '<', '$', '`', '(', ')', '{', '}', '*', '?', '[', '!', '\n']),
        after in "[ a-z/|]{0,10}",
    ) {
        let line = format!("{before}{special}{after}");
        prop_assert!(parse(&line).is_err(), "{}", line);
    }

    #[test]
    fn accepted_lines_mean_the_same_when_quoted(line in "(cat|grep|wc|ls)( [a-z'\"\\\\=~#;&|$ -]{0,6}){0,4}") {
        if let Ok(command) = parse(&line) {
            let again = lexer::lex(&command.line());
            prop_assert_eq!(again.as_deref(), Ok(command.pipeline()));
        }
    }
}

fn taking(line: &str, names: &[&str]) -> Result<ReadOnlyCommand, Refused> {
    let variable = |name: &&str| {
        let mut programs = super::variables::VARIABLES.iter();
        programs.find_map(|(program, _)| Variable::of(program, name))
    };
    let variables = names.iter().filter_map(variable).collect();
    parse(line)?.taking(variables)
}

const LIST: &str = "restic list locks --no-lock --no-cache";

#[rstest]
#[case::none(LIST, &[], LIST)]
#[case::one(LIST, &["B2_ACCOUNT_ID"], "B2_ACCOUNT_ID=*** restic list locks --no-lock --no-cache")]
#[case::by_its_path("/usr/bin/restic list locks --no-lock --no-cache", &["ST_KEY"], "ST_KEY=*** /usr/bin/restic list locks --no-lock --no-cache")]
#[case::sudo(
    "sudo -n restic list locks --no-lock --no-cache",
    &["B2_ACCOUNT_ID", "B2_ACCOUNT_KEY"],
    "B2_ACCOUNT_ID=*** B2_ACCOUNT_KEY=*** sudo '--preserve-env=B2_ACCOUNT_ID,B2_ACCOUNT_KEY' -n restic list locks --no-lock --no-cache"
)]
#[case::sudo_of_a_user(
    "sudo -u backup -n restic list locks --no-lock --no-cache",
    &["ST_KEY"],
    "ST_KEY=*** sudo '--preserve-env=ST_KEY' -u backup -n restic list locks --no-lock --no-cache"
)]
#[case::sudo_without(
    "sudo -n restic list locks --no-lock --no-cache",
    &[],
    "sudo -n restic list locks --no-lock --no-cache"
)]
fn takes_secrets_by_variables(#[case] line: &str, #[case] names: &[&str], #[case] shown: &str) {
    let command = taking(line, names).expect("variables of restic");
    assert_eq!(command.shown(), shown);
}

#[rstest]
#[case::of_another_program("uptime", &["RESTIC_PASSWORD"], "uptime takes no secret by RESTIC_PASSWORD")]
#[case::of_the_program_after_sudo("sudo -n cat /x", &["ST_KEY"], "cat takes no secret by ST_KEY")]
#[case::a_pipeline("restic list locks --no-lock --no-cache | wc -l", &["ST_KEY"], "a pipeline takes no secrets")]
fn others_take_none(#[case] line: &str, #[case] names: &[&str], #[case] message: &str) {
    let refused = taking(line, names).expect_err("refused");
    assert_eq!(refused.message, message);
}

#[rstest]
#[case("PATH")]
#[case("LD_PRELOAD")]
#[case("RESTIC_PASSWORD_COMMAND")]
#[case("restic_password")]
#[case("")]
fn the_list_of_variables_is_closed(#[case] name: &str) {
    assert_eq!(Variable::of("restic", name), None);
}

#[rstest]
#[case("two\nlines")]
#[case("two\r")]
#[case("a\0b")]
fn a_value_is_one_line_and_not_repeated(#[case] value: &str) {
    let variable = Variable::of("restic", "RESTIC_PASSWORD").expect("known");
    let mut values = Values::default();
    let refused = values
        .give(variable, value.to_owned().into())
        .expect_err("refused");
    assert_eq!(
        refused.message,
        "the value for RESTIC_PASSWORD has a line break in it: one line is expected"
    );
    assert!(values.variables().is_empty());
    values.give(variable, "one line".into()).expect("taken");
    assert!(!format!("{values:?}").contains("one line"));
}

/// Where an address comes from does not matter: this is the one way to the program.
#[rstest]
#[case("RESTIC_REPOSITORY", "rclone:wd,bearer_token_command=/tmp/evil:x")]
#[case("RESTIC_REPOSITORY", "sftp://[-oProxyCommand=evil]/x")]
#[case("RCLONE_CONFIG", "/tmp/evil.conf")]
#[case("RCLONE_CONFIG", "evil")]
#[case("RCLONE_CONFIG", "")]
#[case("RCLONE_CONFIG", "/home/evil/rclone.conf")]
#[case("RCLONE_CONFIG", "/etc/../home/evil/rclone.conf")]
fn a_value_by_which_a_program_would_run_is_refused(#[case] name: &str, #[case] value: &str) {
    let variable = Variable::of("restic", name).expect("known");
    let mut values = Values::default();
    let refused = values
        .give(variable, value.to_owned().into())
        .expect_err("refused");
    let expected = format!("the value for {name} is refused: ");
    assert!(refused.message.starts_with(&expected), "{refused:?}");
    assert!(!refused.message.contains("evil"), "{refused:?}");
    assert!(values.variables().is_empty());
}

#[rstest]
#[case("RESTIC_REPOSITORY", "rclone:gdrive:backups/gitea")]
#[case("RCLONE_CONFIG", "/etc/rclone.conf")]
#[case("RCLONE_CONFIG", "/root/.config/rclone/rclone.conf")]
#[case("RESTIC_PASSWORD", "rclone:a,b=c:")]
fn other_values_are_taken(#[case] name: &str, #[case] value: &str) {
    let variable = Variable::of("restic", name).expect("known");
    let mut values = Values::default();
    values
        .give(variable, value.to_owned().into())
        .expect("taken");
    assert_eq!(values.variables(), [variable]);
}

/// What sh makes of the line that takes variables.
#[test]
fn sh_gives_the_program_what_it_reads() {
    use std::io::Write as _;
    let mut command = taking(LIST, &["RESTIC_PASSWORD", "B2_ACCOUNT_KEY"]).expect("known");
    command.pipeline = vec![["env"].map(str::to_owned).to_vec()];
    let mut child = Command::new("sh")
        .args(["-c", &command.reading_line()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("sh");
    let secrets = "  a'b\\c $(id) `x` \"d \nsecond\nrest\n";
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(secrets.as_bytes()).expect("written");
    drop(stdin);
    let output = child.wait_with_output().expect("an end");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |start: &str| text.lines().find(|line| line.starts_with(start));
    assert_eq!(
        line("RESTIC_PASSWORD="),
        Some("RESTIC_PASSWORD=  a'b\\c $(id) `x` \"d ")
    );
    assert_eq!(line("B2_ACCOUNT_KEY="), Some("B2_ACCOUNT_KEY=second"));
}

/// `docs/commands.md`, from the tables.
fn reference() -> String {
    let mut page = String::from(PAGE_START);
    for program in PROGRAMS {
        for form in program.forms {
            let words = rules::form_words(form);
            let name = if words.is_empty() {
                program.name.to_owned()
            } else {
                format!("{} {}", program.name, words.replace('|', "\\|"))
            };
            let pipe = if program.filter { "yes" } else { "" };
            let row = format!(
                "| `{name}` | {} | {} | {pipe} |",
                flags(form),
                operands(form)
            );
            page.push_str(&row);
            page.push('\n');
        }
    }
    page.push_str("\n## Variables for secrets\n\n| program | variables |\n|---|---|\n");
    for (program, names) in super::variables::VARIABLES {
        let _ = writeln!(page, "| `{program}` | `{}` |", names.join("` `"));
    }
    page.push_str("\n## What to use instead\n\n| program | instead |\n|---|---|\n");
    for (program, instead) in INSTEAD {
        let _ = writeln!(page, "| `{program}` | {instead} |");
    }
    let _ = write!(
        page,
        "\nNever, not even by `policy.allow`, because they run whatever they are given: `{}`.\n",
        RUNNERS.join("` `")
    );
    page
}

fn flags(form: &Form) -> String {
    let listed = match &form.flags {
        Flags::Any => return "any".to_owned(),
        Flags::Only(flags) => flags
            .split_ascii_whitespace()
            .map(|flag| format!("`{flag}`"))
            .collect::<Vec<_>>(),
        Flags::Getopt { short, long } => {
            let mut short = short.chars().peekable();
            let mut listed = Vec::new();
            while let Some(letter) = short.next() {
                let value = if short.next_if_eq(&':').is_some() {
                    " …"
                } else {
                    ""
                };
                listed.push(format!("`-{letter}{value}`"));
            }
            listed.extend(long.split_ascii_whitespace().map(
                |flag| match flag.strip_suffix("[=]") {
                    Some(flag) => format!("`--{flag}[=…]`"),
                    None if flag.ends_with('=') => format!("`--{flag}…`"),
                    None => format!("`--{flag}`"),
                },
            ));
            listed
        }
    };
    let required = if form.required.is_empty() {
        String::new()
    } else {
        format!(", with `{}`", form.required)
    };
    format!(
        "{}{required}",
        if listed.is_empty() {
            "none".to_owned()
        } else {
            listed.join(" ")
        }
    )
}

fn operands(form: &Form) -> &'static str {
    if matches!(form.flags, Flags::Any) {
        return "any";
    }
    match form.operands {
        Operands::None => "none",
        Operands::Any => "any",
        Operands::One => "one at most",
        Operands::Format => "`+FORMAT`",
        Operands::Names => "names without `=`",
        Operands::Resources => "resources, no secrets",
        Operands::Sqlite => "`/dev/null`, `file:/PATH?mode=ro`, statements that read",
        Operands::Remotes => "configured remotes",
    }
}

const PAGE_START: &str = "\
# Commands that only read

What a command on a host may be. The table is made from the one in the program;
a test holds the two together.

A command is a program with its arguments, and may be piped into filters:

```
docker ps --format '{{.Names}}' | grep -c '^web'
sudo -n journalctl -u nginx --since '1 hour ago' | tail -20
```

Words may be quoted with `'…'`, with `\"…\"` (without `$`, backtick and backslash inside) and with a backslash.
Nothing else of the shell's language is available: no `;` `&` `&&` `||`, no redirections, no variables, no file name
patterns, no comments. Each refusal tells the place and what to do instead. Before a command is sent, every word of it
is quoted again for a POSIX shell. On the operator's own machine there is no shell, and of the environment only `HOME`,
`USER` and a `PATH` of the system's folders.

- Flags that are not listed are refused, and so are long flags that are cut short (`--foll`).
- `sudo -n` and `sudo -n -u USER` may stand before the first program.
- A program may be given by its path in `/bin`, `/usr/bin`, `/sbin` or `/usr/sbin`.
- Flags without a value stand after the subcommand of `docker`, `podman`, `kubectl`, `restic` and `rclone`.
- `k3s kubectl` is `kubectl`.
- Values that name something to run, write or fetch are refused: settings in the place of `pg_isready`'s database,
  `rclone` and `sftp` repositories of `restic` with settings or flags in them and those of a kind that is not known,
  addresses as `docker compose -f`, a `--kubeconfig` that is not below `/etc`, `/root/.kube`, `/home/USER/.kube` or
  where a cluster has its own (`/var/lib/rancher`, `/var/lib/k0s`, `/var/lib/kubelet`), and a `--config` of `rclone`
  that is neither below `/etc` nor where rclone has its own. With `sudo` both have to be where only root can write:
  nowhere below `/home`. The values of `RESTIC_REPOSITORY` and `RCLONE_CONFIG` are looked at in the same way, whoever
  they come from.
- `restic` needs `--no-lock`, so that the repository stays as it is, and `--no-cache`, so that the host does.
- `kubectl` is called with `--cache-dir=/dev/null`: it writes a cache below `~/.kube` otherwise, whatever it is asked.
- Files whose reading does something (`/dev/watchdog`, tapes, `/proc/kmsg`, trace pipes) are refused, and so are flags
  that lead to files which the command does not name: `grep -D`, `md5sum -c`, `sha256sum -c`, `--files0-from`.

A secret is never on a command line. `restic` and `rclone` take theirs from their environment, by the kinds of that name
alone: `sh` reads the values from its standard input, exports them under the names below and becomes the program.

`policy.allow` of a baseline adds commands that its owner knows to only read. An entry is matched word for word; with
`*` as its last word any further arguments are allowed, and it is for its owner to know what they could do:

```yaml
policy:
  allow:
    - zpool iostat
    - /opt/raid/check --status *
```

Every command that only such an entry lets through is marked in the plan.

## The list

| command | flags | further arguments | after a pipe |
|---|---|---|---|
";

#[test]
fn the_page_shows_the_list() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md");
    let page = reference();
    if std::env::var_os("COLDSTART_UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).expect("docs/commands.md can be written");
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == page,
        "docs/commands.md is not what the table says: run this test with COLDSTART_UPDATE_DOCS=1"
    );
}
