//! What a check of `http` can tell.

use crate::probe::{FactSpec, Type, Unit};

/// Every fact: of the answer, of its times, of the certificate.
pub(super) const FACTS: [FactSpec; 16] = [
    FactSpec::number("status", Unit::None, "The status code."),
    FactSpec::new("version", Type::Text, "`HTTP/1.1` or `HTTP/1.0`."),
    FactSpec::new(
        "url",
        Type::Text,
        "Where the answer came from, after redirects.",
    ),
    FactSpec::new(
        "redirected_to",
        Type::Text,
        "Where a redirect that was not followed points to.",
    ),
    FactSpec::number(
        "connect_ms",
        Unit::Milliseconds,
        "Time to open the TCP connection.",
    ),
    FactSpec::number(
        "tls_ms",
        Unit::Milliseconds,
        "From the open connection to the end of the TLS handshake; absent for `http`.",
    ),
    FactSpec::number(
        "ttfb_ms",
        Unit::Milliseconds,
        "From the request to the end of the answer's headers.",
    ),
    FactSpec::number(
        "total_ms",
        Unit::Milliseconds,
        "From the first packet to the last byte, over all redirects.",
    ),
    FactSpec::new(
        "headers",
        Type::Map(&Type::Text),
        "Headers by lower-case name, several of one name joined by `, `.",
    ),
    FactSpec::new(
        "body",
        Type::Text,
        "The whole body; absent when it was cut: raise `body_max` to look into a long one.",
    ),
    FactSpec::number(
        "body_bytes",
        Unit::Bytes,
        "Bytes of the whole body; absent when it was cut.",
    ),
    FactSpec::new(
        "body_whole",
        Type::Bool,
        "The body ended within `body_max`.",
    ),
    FactSpec::new(
        "json",
        Type::Json,
        "The body as JSON; absent when it is none or was cut.",
    ),
    FactSpec::new(
        "upgraded",
        Type::Bool,
        "The server opened a WebSocket: status 101, with the right `Sec-WebSocket-Accept`. Only with `websocket`.",
    ),
    FactSpec::new(
        "certificate_expires",
        Type::Time,
        "When the server's certificate expires.",
    ),
    FactSpec::number(
        "certificate_days",
        Unit::None,
        "Days until the certificate expires, negative after it.",
    ),
];
