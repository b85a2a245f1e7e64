//! The header `authorization`, from secrets, for the kinds that ask an API over HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::http::SecretText;
use crate::probe::{Context, Fault, FaultKind, OptionProblem, SecretRef};

/// How a login is given instead of in an address.
pub(super) const LOGIN: &str = "authorization: { user: NAME, password: env:PASSWORD }";

/// The header `authorization`. Untagged, so that a secret that was written out is not
/// repeated in the error.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "`{ secret: env:NAME, prefix: \"Bearer \" }` or `{ user: NAME, password: env:NAME }`"
)]
pub(super) enum Authorization {
    /// A secret, after a prefix such as `Bearer `.
    Secret(SecretText),
    /// A name and a password.
    Basic(Basic),
}

/// A login of HTTP's basic authentication.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Basic {
    /// The name, without a colon.
    user: String,
    /// Where the password is kept.
    password: SecretRef,
}

impl Authorization {
    pub(super) fn secret(&self) -> &SecretRef {
        match self {
            Self::Secret(text) => &text.secret,
            Self::Basic(login) => &login.password,
        }
    }

    /// Its value, marked as one not to be shown.
    pub(super) fn value(&self, context: &Context) -> Result<HeaderValue, Fault> {
        let secret = context.secret(self.secret())?.expose_secret();
        let text = match self {
            Self::Secret(text) => format!("{}{secret}", text.prefix),
            Self::Basic(login) => {
                format!(
                    "Basic {}",
                    STANDARD.encode(format!("{}:{secret}", login.user))
                )
            }
        };
        let mut value = HeaderValue::try_from(text).map_err(|_| {
            Fault::new(
                FaultKind::LocalSetup,
                format!("the secret {} cannot be sent in a header", self.secret()),
            )
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// What is wrong with it, below `path` of the options.
    pub(super) fn problem(&self, path: &[&str]) -> Option<OptionProblem> {
        let (option, message, suggestion) = match self {
            Self::Secret(text) => {
                HeaderValue::try_from(text.prefix.as_str()).err()?;
                let message = format!("{:?} cannot be sent in a header", text.prefix);
                ("prefix", message, Some("prefix: \"Bearer \"".to_owned()))
            }
            Self::Basic(login) => {
                // RFC 7617: the first colon ends the name.
                if !login.user.contains(':') {
                    return None;
                }
                let message = format!("the name {:?} has a colon, which ends it", login.user);
                ("user", message, None)
            }
        };
        Some(OptionProblem {
            path: path
                .iter()
                .chain(&[option])
                .map(|&part| part.to_owned())
                .collect(),
            message,
            suggestion,
        })
    }
}
