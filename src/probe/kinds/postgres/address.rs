//! The address of a database, as libpq spells it, without what this tool does not do.

use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::transport::postgres::Encryption;

/// `postgres://USER@HOST:PORT/DATABASE?sslmode=MODE`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) encryption: Encryption,
}

/// Why an address cannot be used. Never repeats it: it may hold a password.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) suggestion: Option<&'static str>,
}

impl FromStr for Address {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |message: &str, suggestion| Wrong {
            message: message.to_owned(),
            suggestion,
        };
        const SHAPE: Option<&str> = Some("postgres://USER@HOST:PORT/DATABASE");
        let url: Url = text
            .parse()
            .map_err(|error| wrong(&format!("this is no address: {error}"), SHAPE))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(wrong(
                "the address of a database begins with postgres://",
                SHAPE,
            ));
        }
        if url.password().is_some() {
            return Err(wrong(
                "a password does not belong into the address",
                Some("password: env:NAME"),
            ));
        }
        if url.fragment().is_some() {
            return Err(wrong(
                "the address has a part after `#`, which means nothing",
                SHAPE,
            ));
        }
        let decoded = |text: &str| {
            percent_decode_str(text)
                .decode_utf8()
                .map(std::borrow::Cow::into_owned)
                .map_err(|_| wrong("a %-escape in the address is not UTF-8", None))
        };
        let user = decoded(url.username())?;
        if user.is_empty() {
            return Err(wrong("the address names no user", SHAPE));
        }
        let database = decoded(url.path().trim_start_matches('/'))?;
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| wrong("the address names no host", SHAPE))?;
        let mut encryption = Encryption::default();
        for (name, value) in url.query_pairs() {
            match (name.as_ref(), value.as_ref()) {
                ("sslmode", "disable") => encryption = Encryption::Disable,
                ("sslmode", "prefer") => encryption = Encryption::Prefer,
                ("sslmode", "require") => encryption = Encryption::Require,
                ("sslmode", "verify-full") => encryption = Encryption::VerifyFull,
                ("sslmode", _) => {
                    return Err(wrong(
                        "sslmode is one of disable, prefer, require, verify-full",
                        None,
                    ));
                }
                (other, _) => {
                    return Err(wrong(
                        &format!("{other} is not understood after the `?`"),
                        Some("?sslmode=verify-full"),
                    ));
                }
            }
        }
        Ok(Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(5432),
            database: if database.is_empty() {
                user.clone()
            } else {
                database
            },
            user,
            encryption,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(
        "postgres://me@db.lan/store",
        "db.lan",
        5432,
        "me",
        "store",
        Encryption::Prefer
    )]
    #[case(
        "postgresql://me@10.0.0.1:6432?sslmode=verify-full",
        "10.0.0.1",
        6432,
        "me",
        "me",
        Encryption::VerifyFull
    )]
    #[case(
        "postgres://a%40b@[::1]/d%2Fe?sslmode=disable",
        "[::1]",
        5432,
        "a@b",
        "d/e",
        Encryption::Disable
    )]
    fn addresses(
        #[case] text: &str,
        #[case] host: &str,
        #[case] port: u16,
        #[case] user: &str,
        #[case] database: &str,
        #[case] encryption: Encryption,
    ) {
        let expected = Address {
            host: host.to_owned(),
            port,
            user: user.to_owned(),
            database: database.to_owned(),
            encryption,
        };
        assert_eq!(text.parse::<Address>().expect("an address"), expected);
    }

    #[rstest]
    #[case("postgres://me:word@db.lan/", "password")]
    #[case("postgres://db.lan/", "no user")]
    #[case("mysql://me@db.lan/", "begins with postgres")]
    #[case("db.lan", "no address")]
    #[case("postgres://me@db.lan/?sslmode=allow", "one of disable")]
    #[case("postgres://me@db.lan/?options=-c", "options is not understood")]
    fn what_is_refused(#[case] text: &str, #[case] why: &str) {
        let wrong = text.parse::<Address>().expect_err("refused");
        assert!(wrong.message.contains(why), "{}", wrong.message);
        assert!(!wrong.message.contains(":word"), "{}", wrong.message);
    }
}
