//! The body: one alert that says of itself that it is a test.

use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::transport::{Fault, FaultKind};

/// The label that holds the id of a test.
pub const ID_LABEL: &str = "coldstart_test_id";

/// Go's zero time, by which Alertmanager says that an alert has no end yet.
const NO_END: &str = "0001-01-01T00:00:00Z";

/// The name of an alert: a letter or `_`, then letters, digits, `_` and `-`, 64 at most.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct AlertName(
    #[schemars(
        regex(pattern = r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$"),
        extend("x-expected" = "the name of an alert, such as ColdStartE2ETest")
    )]
    String,
);

impl TryFrom<String> for AlertName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let first = text.bytes().next();
        let is_name = text.len() <= 64
            && first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if is_name {
            Ok(Self(text))
        } else {
            Err(format!("`{text}` is not the name of an alert"))
        }
    }
}

impl Default for AlertName {
    fn default() -> Self {
        Self("ColdStartE2ETest".to_owned())
    }
}

/// A test alert with an id that no other has.
#[derive(Debug, Clone)]
pub struct TestAlert {
    id: String,
    fingerprint: String,
    name: AlertName,
    starts_at: Timestamp,
}

impl TestAlert {
    /// One that fires since `starts_at`.
    ///
    /// # Errors
    /// `LocalSetup` when this machine gives no random numbers for the id.
    pub fn new(name: AlertName, starts_at: Timestamp) -> Result<Self, Fault> {
        let mut bytes = [0; 8];
        SystemRandom::new().fill(&mut bytes).map_err(|_| {
            Fault::new(
                FaultKind::LocalSetup,
                "this machine gives no random numbers for the id of the test",
            )
        })?;
        let fingerprint = format!("{:016x}", u64::from_be_bytes(bytes));
        Ok(Self {
            id: format!("coldstart-{fingerprint}"),
            fingerprint,
            name,
            starts_at,
        })
    }

    /// `coldstart-` and 16 hexadecimal digits: in a label, an annotation and the group's key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The moment it was made.
    #[must_use]
    pub fn starts_at(&self) -> Timestamp {
        self.starts_at
    }

    /// The webhook payload, version 4, of Alertmanager.
    #[must_use]
    pub(super) fn body(&self) -> Vec<u8> {
        let labels = json!({
            "alertname": self.name.0,
            "severity": "info",
            ID_LABEL: self.id,
        });
        let annotations = json!({
            "summary": format!("TEST: cold start E2E test, ignore ({})", self.id),
            "description": "Sent by coldstart to prove the alert chain. Nothing is wrong, and there is nothing to do.",
        });
        let payload = json!({
            "version": "4",
            "groupKey": format!("cold-start-test:{}", self.id),
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "cold-start-test",
            "groupLabels": { "alertname": self.name.0 },
            "commonLabels": labels,
            "commonAnnotations": annotations,
            "externalURL": "",
            "alerts": [{
                "status": "firing",
                "labels": labels,
                "annotations": annotations,
                "startsAt": self.starts_at.to_string(),
                "endsAt": NO_END,
                "generatorURL": "",
                "fingerprint": self.fingerprint,
            }],
        });
        payload.to_string().into_bytes()
    }
}
