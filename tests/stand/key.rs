//! The key of a repository of restic, made cheap. restic makes the way from the password to it
//! slow on purpose, half a second of work for each of its runs, and the tests run it hundreds of
//! times. It stands in the key's file how slow it is.
//!
//! The format is that of restic's design document, "Keys, Encryption and MAC": scrypt of the
//! password gives an AES-256 key, an AES-128 key and the `r` of Poly1305-AES; `data` is 16 bytes
//! of a nonce, the master keys in AES-256-CTR, and 16 bytes of a MAC.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The least that scrypt takes.
const N: u64 = 2;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn openssl(args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(input).expect("taken");
    drop(stdin);
    let done = child.wait_with_output().expect("an end");
    assert!(done.status.success(), "openssl {args:?}: {done:?}");
    done.stdout
}

/// What the password opens, by the way that the key's file tells.
struct UserKey {
    encryption: String,
    mac_aes: String,
    mac_r: String,
}

impl UserKey {
    fn of(password: &str, key: &Value) -> Self {
        let salt = STANDARD.decode(key["salt"].as_str().expect("a salt"));
        let mut args = vec!["kdf".to_owned(), "-keylen".to_owned(), "64".to_owned()];
        for option in [
            format!("pass:{password}"),
            format!("hexsalt:{}", hex(&salt.expect("base64"))),
            format!("n:{}", key["N"]),
            format!("r:{}", key["r"]),
            format!("p:{}", key["p"]),
            "maxmem_bytes:1000000000".to_owned(),
        ] {
            args.extend(["-kdfopt".to_owned(), option]);
        }
        args.extend(["-binary".to_owned(), "SCRYPT".to_owned()]);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let bytes = openssl(&args, b"");
        Self {
            encryption: hex(&bytes[..32]),
            mac_aes: hex(&bytes[32..48]),
            mac_r: hex(&bytes[48..64]),
        }
    }

    /// AES in counter mode is its own inverse.
    fn encrypt(&self, nonce: &[u8], text: &[u8]) -> Vec<u8> {
        let nonce = hex(nonce);
        let args = ["enc", "-aes-256-ctr", "-K", &self.encryption, "-iv", &nonce];
        openssl(&args, text)
    }

    fn mac(&self, nonce: &[u8], encrypted: &[u8]) -> Vec<u8> {
        let args = ["enc", "-aes-128-ecb", "-nopad", "-K", &self.mac_aes];
        let key = format!("hexkey:{}{}", self.mac_r, hex(&openssl(&args, nonce)));
        openssl(
            &["mac", "-macopt", &key, "-in", "-", "-binary", "POLY1305"],
            encrypted,
        )
    }
}

/// Makes the one key of a repository cheap to come to.
pub(super) fn cheapen(repository: &Path, password: &str) {
    let mut keys = std::fs::read_dir(repository.join("keys")).expect("keys");
    let old = keys.next().expect("a key").expect("an entry").path();
    let mut key: Value =
        serde_json::from_slice(&std::fs::read(&old).expect("a file")).expect("JSON");
    let data = STANDARD.decode(key["data"].as_str().expect("data"));
    let data = data.expect("base64");
    let (nonce, encrypted) = data.split_at(16);
    let (encrypted, mac) = encrypted.split_at(encrypted.len() - 16);

    let slow = UserKey::of(password, &key);
    assert_eq!(slow.mac(nonce, encrypted), mac, "restic's format");
    let master = slow.encrypt(nonce, encrypted);
    key["N"] = json!(N);
    let cheap = UserKey::of(password, &key);
    let encrypted = cheap.encrypt(nonce, &master);
    let mac = cheap.mac(nonce, &encrypted);
    key["data"] = json!(STANDARD.encode([nonce, &encrypted, &mac].concat()));

    // It is called by the digest of what is in it.
    let bytes = key.to_string().into_bytes();
    let name = hex(&Sha256::digest(&bytes));
    std::fs::remove_file(&old).expect("removed");
    std::fs::write(repository.join("keys").join(name), bytes).expect("written");
}
