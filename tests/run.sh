#!/usr/bin/env bash
# Every test of the project: cargo's own, then the shipped baseline against four
# real hosts. Installs from Debian 12 what is missing; needs a Rust toolchain.
set -euo pipefail
exec </dev/null

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=tests/debian.sh
source "$ROOT/tests/debian.sh"
LAB=$ROOT/tests/lab/lab

# ring compiles C, and rustc links with cc. The rest are the servers that the tests
# start for themselves on loopback, and what they look at them with.
PACKAGES=(
  gcc:cc libc6-dev:/usr/include/stdio.h ca-certificates:/etc/ssl/certs/ca-certificates.crt
  openssh-server:/usr/sbin/sshd openssh-client:ssh-keygen
  postgresql:'/usr/lib/postgresql/*/bin/postgres' redis-server:redis-server
  nginx:/usr/sbin/nginx openssl:openssl iproute2:ip util-linux:unshare
  procps:pgrep strace:strace systemd:systemd-analyze restic:restic rclone:rclone
  sqlite3:sqlite3 zstd:zstd xz-utils:xz bzip2:bzip2 jq:jq sudo:sudo cron:crontab redis-tools:redis-cli
  prometheus:promtool prometheus-alertmanager:prometheus-alertmanager
  prometheus-pushgateway:prometheus-pushgateway prometheus-node-exporter:prometheus-node-exporter
)

usage() {
  cat <<'END'
usage: tests/run.sh [--no-lab]
       tests/run.sh --fuzz [SECONDS]

  --no-lab   leave out the cases that need the four hosts, and with them root
  --fuzz     nothing but this: feed every target of fuzz/ for SECONDS each, 20 when
             not said. COLDSTART_FUZZ_TARGETS names the targets, all when not set
END
}

say() { printf 'run: %s\n' "$*"; }

passed=0
failed=0
lab=yes
watched=no
[[ ! -t 2 ]] || watched=yes

# Adds up what `cargo test` printed: one `test result:` line a test program.
count() {
  local sums
  sums=$(awk '/^test result: / { for (i = 1; i < NF; i++) {
      if ($(i + 1) == "passed;") p += $i
      if ($(i + 1) == "failed;") f += $i } }
    END { print p + 0, f + 0 }' "$1")
  passed=$((passed + ${sums% *}))
  failed=$((failed + ${sums#* }))
}

# stage NAME COMMAND…: runs it, and tells how it ended and how long it took. A stage
# that fails before it could count a test is a failure of its own.
stage() {
  local name=$1 began=$SECONDS before=$((passed + failed)) failed_before=$failed log status=0
  shift
  say "$name"
  log=$(mktemp)
  "$@" 2>&1 | tee "$log" || status=1
  count "$log"
  rm -f "$log"
  if ((status != 0 && failed == failed_before)); then
    failed=$((failed + 1))
    say "$name: FAILED, by no test, after $((SECONDS - began)) s"
  elif ((passed + failed > before)); then
    say "$name: $((passed + failed - before)) tests, $((failed - failed_before)) failed, $((SECONDS - began)) s"
  else
    say "$name: done in $((SECONDS - began)) s"
  fi
  return "$status"
}

totals() {
  echo "$passed passed, $failed failed"
  ((failed == 0 && passed > 0)) || exit 1
}

install_packages() {
  local missing
  mapfile -t missing < <(debian_missing "${PACKAGES[@]}")
  if ((${#missing[@]} == 0)); then
    echo "everything is here"
    return
  fi
  if ((EUID != 0)); then
    echo "not root, so not installed: ${missing[*]}; tests that need them will fail"
    return
  fi
  echo "${missing[*]}"
  debian_install "${missing[@]}"
}

# within SECONDS COMMAND…: a test that waits for ever is told of and ends its stage;
# libtest has named it by then. At a terminal somebody watches, and `timeout` would
# keep their Ctrl-C from the tests.
within() {
  local limit=$1 status=0
  shift
  if [[ $watched == yes ]]; then
    "$@"
    return
  fi
  timeout --kill-after=30 "$limit" "$@" || status=$?
  ((status != 124 && status != 137)) || say "cut off: not over in $limit s"
  return "$status"
}

# Without --no-fail-fast the first broken program would hide all those after it. Most
# tests wait, for a server or for a limit, so there are two for each core.
cargo_tests() {
  RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((2 * $(nproc)))} \
    within 2700 cargo test --locked --workspace --all-targets --no-fail-fast
}
doc_tests() { within 600 cargo test --locked --workspace --doc; }

take_down() {
  "$LAB" down || say "the lab did not come down: tests/lab/lab down"
}

# The whole time, so that two runs do not pull cables on each other.
lab_cases() {
  mkdir -p /run/lock
  exec {fd}>/run/lock/coldstart-lab-tests
  flock -w 1800 "$fd" || {
    say "another run has held the lab for half an hour"
    return 1
  }
  "$LAB" install {fd}>&- || return 1
  "$LAB" build {fd}>&- || return 1
  trap take_down EXIT
  # A lab that somebody left standing has their faults in it.
  "$LAB" down {fd}>&- && "$LAB" up {fd}>&- || return 1
  within 1500 cargo test --locked --test lab -- --test-threads=1 {fd}>&-
}

# Built once a machine, outside of the clone.
FUZZ_VERSION=0.13.2
FUZZ_TOOL=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/coldstart-ci/cargo-fuzz-$FUZZ_VERSION

# libFuzzer is C++.
install_fuzzer() {
  PACKAGES+=(g++:c++)
  install_packages
  [[ -x $FUZZ_TOOL/bin/cargo-fuzz ]] ||
    CARGO_TARGET_DIR=$FUZZ_TOOL/target cargo install --locked --debug --root "$FUZZ_TOOL" \
      --version "$FUZZ_VERSION" cargo-fuzz
  rm -rf "$FUZZ_TOOL/target"
}

# No sanitizer: it would want an unstable compiler, and there is no unsafe code of
# ours for it to watch over.
# cargo-fuzz would bring a lock file that lags behind the program's up to date by
# itself, and fuzz with other versions than those in the repository.
build_targets() {
  cargo fetch --locked --manifest-path fuzz/Cargo.toml &&
    "$FUZZ_TOOL/bin/cargo-fuzz" build --sanitizer none
}

# fuzz_one TARGET SECONDS: what is found goes to fuzz/found/TARGET, what breaks a
# promise to fuzz/artifacts/TARGET. The known inputs are read and not added to.
fuzz_one() {
  local target=$1 seconds=$2 log status=0 found=fuzz/found/$1 crashes=fuzz/artifacts/$1
  mkdir -p "$found" "$crashes"
  log=$(mktemp)
  # An input over 64 KiB finds nothing that a shorter one does not. A second is
  # long for what is read between two frames of a terminal; ten are a hang.
  "fuzz/target/$FUZZ_MACHINE/release/$target" "$found" "fuzz/corpus/$target" \
    -max_total_time="$seconds" -max_len=65536 -len_control=20 -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$ROOT/$crashes/" >"$log" 2>&1 || status=1
  awk '/stat::number_of_executed_units/ { n = $2 } / cov: / { c = $4 } /^SUMMARY|panicked at/ { print }
    END { print n + 0 " inputs, coverage " c + 0 }' "$log"
  if ((status == 0)); then
    echo "test result: ok. 1 passed; 0 failed;"
  else
    tail -n 40 "$log"
    echo "the input is in $crashes; to look at it again: cargo fuzz run --sanitizer none $target FILE"
    echo "test result: FAILED. 0 passed; 1 failed;"
  fi
  rm -f "$log"
  return "$status"
}

fuzz() {
  local seconds=$1 target targets
  stage "what fuzzing needs" install_fuzzer || return 0
  stage "building the targets" build_targets || return 0
  FUZZ_MACHINE=$(rustc -vV | sed -n 's/^host: //p')
  read -ra targets <<<"${COLDSTART_FUZZ_TARGETS:-$(cd fuzz/corpus && echo *)}"
  for target in "${targets[@]}"; do
    stage "fuzzing $target" fuzz_one "$target" "$seconds" || true
  done
}

main() {
  local argument began=$SECONDS
  if [[ ${1-} == --fuzz ]]; then
    [[ ${2-20} =~ ^[0-9]+$ && $# -le 2 ]] || {
      usage >&2
      exit 64
    }
    export CARGO_TERM_COLOR=never
    cd "$ROOT"
    fuzz "${2-20}"
    say "$((SECONDS - began)) s in all"
    totals
    return
  fi
  for argument; do
    case $argument in
      --no-lab) lab=no ;;
      -h | --help)
        usage
        exit 0 ;;
      *)
        usage >&2
        exit 64 ;;
    esac
  done
  export CARGO_TERM_COLOR=never NO_COLOR=1
  cd "$ROOT"
  command -v cargo >/dev/null || {
    say "cargo is missing: a Rust toolchain is the one thing that is not installed here"
    failed=1
    totals
  }
  stage "what the tests need" install_packages || true
  stage "cargo's tests" cargo_tests || true
  stage "the examples in the documentation" doc_tests || true
  if [[ $lab == no ]]; then
    say "the lab: left out (--no-lab)"
  elif ((EUID != 0)); then
    say "the lab: left out, it needs root; --no-lab says that this is as wanted"
    failed=$((failed + 1))
  else
    stage "the lab" lab_cases || true
  fi
  say "$((SECONDS - began)) s in all"
  totals
}

main "$@"
