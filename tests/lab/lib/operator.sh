# shellcheck shell=bash
# The operator's side: a home folder with the key, the true host keys, a
# certificate authority for the public gateway, and the password of `checker`.

make_operator() {
  local ssh=$STATE/home/.ssh host
  mkdir -p "$ssh"
  chmod 700 "$STATE/home" "$ssh"
  ssh-keygen -q -t ed25519 -N '' -C operator@lab -f "$ssh/id_ed25519"
  for host in "${HOSTS[@]}"; do
    printf 'Host %s %s\n  HostName %s\n  User %s\n' \
      "$host" "${ADDRESS[$host]}" "${ADDRESS[$host]}" "${LOGIN[$host]}"
  done >"$ssh/config"
  # Full paths, so that the file serves from outside of the namespace, too.
  cat >>"$ssh/config" <<END
Host *
  IdentityFile $ssh/id_ed25519
  IdentitiesOnly yes
  UserKnownHostsFile $ssh/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
  ConnectTimeout 5
END
  (umask 077 && openssl rand -hex 12 >"$STATE/checker-password")
  make_gateway_certificate
}

make_gateway_certificate() {
  local key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30)
  openssl req -x509 "${key[@]}" -subj '/CN=coldstart lab CA' \
    -keyout "$STATE/ca.key" -out "$STATE/ca.pem" 2>/dev/null
  openssl req -x509 "${key[@]}" -subj '/CN=awoooi.wooo.work' \
    -CA "$STATE/ca.pem" -CAkey "$STATE/ca.key" \
    -addext 'subjectAltName=DNS:awoooi.wooo.work,DNS:mo.wooo.work' \
    -addext 'basicConstraints=critical,CA:FALSE' \
    -keyout "$STATE/gateway.key" -out "$STATE/gateway.pem" 2>/dev/null
}

# certificate [NAME DAYS]: the gateway shows another one of the same authority;
# -1 day is over since yesterday. Without arguments its own comes back.
certificate() {
  local file=gateway
  if (($#)); then
    file=other
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
      -addext "subjectAltName=DNS:$1" -keyout "$STATE/other.key" -out "$STATE/other.csr" 2>/dev/null
    openssl x509 -req -in "$STATE/other.csr" -CA "$STATE/ca.pem" -CAkey "$STATE/ca.key" \
      -copy_extensions copy -days "${2:?for how many days}" -out "$STATE/other.pem" 2>/dev/null
  fi
  cp "$STATE/$file.pem" "$(root_of data188)/etc/nginx/gateway.pem"
  cp "$STATE/$file.key" "$(root_of data188)/etc/nginx/gateway.key"
  on_host data188 systemctl restart nginx
}

# Written from the hosts' files, never asked over the network: these are the truth.
write_known_hosts() {
  local host
  for host in "${HOSTS[@]}"; do
    printf '%s %s\n' "${ADDRESS[$host]}" \
      "$(cut -d' ' -f1,2 "$(root_of "$host")/etc/ssh/ssh_host_ed25519_key.pub")"
  done >"$STATE/home/.ssh/known_hosts"
}

print_env() {
  [[ -e $STATE/checker-password ]] || die "the lab is down"
  local ssh=$STATE/home/.ssh
  printf '%s=%q\n' \
    COLDSTART_LAB_HOME "$STATE/home" \
    COLDSTART_LAB_SSH_KEY "$ssh/id_ed25519" \
    COLDSTART_LAB_SSH_CONFIG "$ssh/config" \
    COLDSTART_LAB_KNOWN_HOSTS "$ssh/known_hosts" \
    COLDSTART_LAB_CA "$STATE/ca.pem" \
    COLDSTART_LAB_NETNS "$OPERATOR_NETNS" \
    CHECKER_PGPASSWORD "$(<"$STATE/checker-password")"
}
