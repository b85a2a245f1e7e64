//! Headers that log in: what is in them is a secret, and a baseline holds none.

use super::problem;
use crate::probe::OptionProblem;

/// What ends the name of a header that holds what logs in, whatever is in it.
const NAMES: [&str; 12] = [
    "authorization",
    "api-key",
    "apikey",
    "access-key",
    "auth-key",
    "x-auth",
    "token",
    "secret",
    "password",
    "session",
    "session-id",
    "jwt",
];

/// What the name of a cookie that logs in has in it: `JSESSIONID`, `connect.sid`.
const COOKIES: [&str; 9] = [
    "sess", "sid", "auth", "token", "jwt", "login", "secret", "passw", "key",
];

/// Characters of a cookie's value from which on it may be one that nobody guesses:
/// 64 bits, the least of a session's, as hexadecimal digits.
const LONG: usize = 16;

/// How a scheme is written before what logs in.
const SCHEMES: [&str; 3] = ["Bearer ", "Basic ", "Token "];

/// What is wrong with a header of that name whose text stands in the baseline.
pub(super) fn problem_of(name: &str, text: &str) -> Option<OptionProblem> {
    let lower = name.to_ascii_lowercase();
    let (message, prefix) = if lower == "cookie" {
        let (cookie, before) = login_cookie(text)?;
        let message = format!("the cookie {cookie} may log in: a baseline holds no secrets");
        (message, Some(before))
    } else if !text.is_empty() && NAMES.iter().any(|end| lower.ends_with(end)) {
        let scheme = SCHEMES.iter().find(|scheme| {
            let start = text.get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        });
        let message = format!("{name} is sent to log in: a baseline holds no secrets");
        (message, scheme.copied())
    } else {
        return None;
    };
    let prefix = prefix.map_or_else(String::new, |prefix| format!(", prefix: {prefix:?}"));
    let variable = variable(&lower);
    let what = if prefix.is_empty() { "it" } else { "the rest" };
    let suggestion = format!(
        "write `{name}: {{ secret: env:{variable}{prefix} }}` and give {what} in the environment, \
         as {variable}; or name a file that holds it, `secret: file:/path`"
    );
    Some(problem(&["headers", name], message, Some(&suggestion)))
}

/// What the secret of a header may be called in the environment.
fn variable(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect()
}

/// The name of the first cookie that may log in, and the text up to its value. One that only chooses a language or a
/// look has a short value, or words.
fn login_cookie(text: &str) -> Option<(&str, &str)> {
    let mut start = 0;
    text.split(';').find_map(|cookie| {
        let end = start + cookie.len();
        start = end + 1;
        let (name, value) = cookie.trim().split_once('=')?;
        let lower = name.to_ascii_lowercase();
        let named = COOKIES.iter().any(|part| lower.contains(part));
        let long = value.len() >= LONG && value.bytes().any(|b| b.is_ascii_digit());
        let before = text.get(..end - cookie.trim_start().len() + name.len() + 1)?;
        (!value.is_empty() && (named || long)).then_some((name, before))
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::a_scheme(
        "Authorization",
        "bearer hunter22",
        "write `Authorization: { secret: env:AUTHORIZATION, prefix: \"Bearer \" }`"
    )]
    #[case::no_scheme(
        "authorization",
        "hunter22",
        "write `authorization: { secret: env:AUTHORIZATION }`"
    )]
    #[case::a_key(
        "X-API-Key",
        "hunter22",
        "write `X-API-Key: { secret: env:X_API_KEY }`"
    )]
    #[case::a_session(
        "Cookie",
        "lang=en; i_like_gitea_session=hunter22",
        "write `Cookie: { secret: env:COOKIE, prefix: \"lang=en; i_like_gitea_session=\" }`"
    )]
    #[case::a_long_cookie(
        "cookie",
        "i_like_gitea=0123456789abcdef",
        "write `cookie: { secret: env:COOKIE, prefix: \"i_like_gitea=\" }`"
    )]
    fn what_logs_in_is_told_with_what_to_write(
        #[case] name: &str,
        #[case] text: &str,
        #[case] written: &str,
    ) {
        let problem = problem_of(name, text).expect("a problem");
        let suggestion = problem.suggestion.expect("a suggestion");
        assert!(suggestion.starts_with(written), "{suggestion}");
        let told = format!("{}{suggestion}", problem.message);
        assert!(
            !told.contains("hunter22") && !told.contains("0123"),
            "{told}"
        );
        // What is to be written is a header that is taken.
        let yaml = written
            .strip_prefix("write `")
            .and_then(|rest| rest.split_once(": "));
        assert_eq!(yaml.map(|(header, _)| header), Some(name));
    }

    #[rstest]
    #[case("cookie", "lang=en; theme=dark")]
    #[case("cookie", "tz=America/Argentina/Buenos_Aires")]
    #[case("cookie", "session=")]
    #[case("cookie", "")]
    #[case("authorization", "")]
    #[case("accept", "application/json")]
    #[case("x-author", "me")]
    fn what_does_not_log_in_is_taken(#[case] name: &str, #[case] text: &str) {
        assert_eq!(problem_of(name, text), None);
    }
}
