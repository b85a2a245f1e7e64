//! Values of flags that would make a program do more than read.

use super::address;
use super::allow::Form;

/// What is wrong with the value of `flag`, if it is known to name something
/// that is run, written or fetched. With `sudo` the program has the rights of somebody
/// else, root most likely.
pub(super) fn problem(
    program: &str,
    form: &Form,
    flag: &str,
    value: &str,
    sudo: bool,
) -> Option<&'static str> {
    match (program, flag) {
        // libpq takes settings in the place of a database's name, and among
        // them are a library to load (`sslkey=ENGINE:ID`) and a file to write
        // (`sslkeylogfile`).
        ("pg_isready", "-d" | "--dbname") => (value.contains('=') || value.contains("://"))
            .then_some("it would be read as settings; give the name of a database"),
        // GNU's tar takes a name with a colon in it for one on another host.
        ("tar", "-f") => (value != "-" && !value.starts_with('/'))
            .then_some("give the whole path, or - for what comes by a pipe"),
        ("restic", "-r" | "--repo") => address::problem(value.strip_prefix('=').unwrap_or(value)),
        ("kubectl", "--cache-dir") => (value != "/dev/null")
            .then_some("kubectl would write there; give /dev/null, below which nothing can be"),
        ("kubectl" | "rclone", "--config" | "--kubeconfig") if sudo && !is_roots(value) => Some(
            "with sudo its file could have a program run as root: name one that only root can write, \
             below /etc, /root or, for kubectl, /var/lib/rancher, /var/lib/k0s or /var/lib/kubelet",
        ),
        ("rclone", "--config") => rclone_config(value),
        ("kubectl", "--kubeconfig") => (!is_usual_kubeconfig(value)).then_some(
            "its file can name a program to run; name one below /etc, /root/.kube, /home/USER/.kube or the \
             cluster's own, such as /var/lib/rancher",
        ),
        // Compose fetches a project that is named by an address.
        ("docker" | "podman", "-f" | "--file" | "--project-directory")
            if form.words.first() == Some(&"compose") =>
        {
            (value.contains([':', '@']) || value.trim_start_matches('=').starts_with("github.com/"))
                .then_some("it would be fetched; name a file of the host")
        }
        _ => None,
    }
}

/// The same of the value of a variable, which reaches the program by another way.
pub(super) fn problem_of_variable(variable: &str, value: &str) -> Option<&'static str> {
    match variable {
        "RESTIC_REPOSITORY" => address::problem(value),
        "RCLONE_CONFIG" => rclone_config(value),
        _ => None,
    }
}

fn rclone_config(path: &str) -> Option<&'static str> {
    (!is_usual_rclone_config(path)).then_some(
        "its file can name a program to run; name one below /etc, or where rclone keeps its own",
    )
}

/// Where rclone's own configuration lives, or the system's.
fn is_usual_rclone_config(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    if is_roundabout(&parts) {
        return false;
    }
    matches!(
        parts.as_slice(),
        ["", "etc", _, ..]
            | ["", "root", ".rclone.conf"]
            | ["", "root", ".config", "rclone", _]
            | ["", "home", _, ".rclone.conf"]
            | ["", "home", _, ".config", "rclone", _]
    )
}

/// Whether a path is in a folder that only root can write, as far as its name tells.
fn is_roots(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    !is_roundabout(&parts)
        && (matches!(parts.as_slice(), ["", "etc" | "root", _, ..]) || is_clusters(&parts))
}

/// Where K3s, RKE2, k0s and the kubelet keep theirs.
fn is_clusters(parts: &[&str]) -> bool {
    matches!(
        parts,
        ["", "var", "lib", "rancher" | "k0s" | "kubelet", _, ..]
    )
}

/// Whether a path has parts that lead elsewhere than it looks.
fn is_roundabout(parts: &[&str]) -> bool {
    parts
        .iter()
        .skip(1)
        .any(|part| matches!(*part, "" | "." | ".."))
}

/// Where the system's or a user's own configuration lives. Elsewhere, in
/// `/tmp` say, whoever wrote it could run an `exec` plugin through us.
fn is_usual_kubeconfig(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        parts if is_roundabout(parts) => false,
        parts if is_clusters(parts) => true,
        ["", "etc", _, ..] | ["", "root", ".kube", _, ..] => true,
        ["", "home", _, ".kube", _, ..] => true,
        _ => false,
    }
}
