//! Patterns of names.

/// Whether `name` is of the `pattern`: `*` stands for any text, `?` for any
/// byte, and all else for itself. Takes no longer than the product of their
/// lengths, whatever the pattern.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut seen) = (0, 0);
    // Where the last `*` stood and what it had taken when we tried last.
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((place, taken)) = star else {
                    return false;
                };
                star = Some((place, taken + 1));
                at = place + 1;
                seen = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_stars_take_no_time() {
        let name = "a".repeat(200);
        let pattern = "*a".repeat(60);
        assert!(matches(&pattern, &name));
        assert!(!matches(&format!("{pattern}*b"), &name));
    }
}
