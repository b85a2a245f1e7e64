//! What a check of `alert_test` can tell.

use crate::probe::{FactSpec, Type, Unit};

/// Every fact: of the test, of the webhook's answer, of the arrival.
pub(super) const FACTS: [FactSpec; 11] = [
    FactSpec::new(
        "sent",
        Type::Bool,
        "A test was sent in this run; if not, that is all there is to tell.",
    ),
    FactSpec::new(
        "test_id",
        Type::Text,
        "The id of the test, by which to find it further down the chain.",
    ),
    FactSpec::new(
        "sent_at",
        Type::Time,
        "When it was sent, by this machine's clock.",
    ),
    FactSpec::number("status", Unit::None, "The status of the webhook's answer."),
    FactSpec::new(
        "accepted",
        Type::Bool,
        "The status is 2xx: the webhook took the alert.",
    ),
    FactSpec::new(
        "redirected_to",
        Type::Text,
        "Where the answer points to, which was not followed.",
    ),
    FactSpec::new(
        "response",
        Type::Text,
        "The first 300 characters of the answer's body, secrets as `***`.",
    ),
    FactSpec::number(
        "answer_ms",
        Unit::Milliseconds,
        "From the request to the end of the answer's headers.",
    ),
    FactSpec::new(
        "arrived",
        Type::Bool,
        "The id was seen where `arrival` looks, before `timeout`; absent without `arrival`, or when the alert was not accepted.",
    ),
    FactSpec::number(
        "arrived_after_ms",
        Unit::Milliseconds,
        "From sending the test to seeing it; absent when it was not seen.",
    ),
    FactSpec::number(
        "looks",
        Unit::Count,
        "How often the place of arrival was asked in this attempt.",
    ),
];
