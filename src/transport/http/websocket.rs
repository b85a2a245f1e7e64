//! The opening and the closing of a WebSocket (RFC 6455), and nothing between.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use crate::transport::{Fault, FaultKind};

/// What the key is joined with before it is hashed (RFC 6455, section 1.3).
const SALT: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// How long the server's own close is waited for.
const GOODBYE: Duration = Duration::from_secs(1);
/// Bytes that a server may send before it.
const BEFORE_GOODBYE: usize = 64 * 1024;
/// The opcode of a close frame that is not continued (section 5.2).
const CLOSE: u8 = 0x88;

/// A question for a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opening {
    key: String,
}

impl Opening {
    pub(super) fn new() -> Result<Self, Fault> {
        Ok(Self {
            key: STANDARD.encode(random::<16>()?),
        })
    }

    /// The headers that ask for it.
    pub(super) fn headers(&self) -> Result<HeaderMap, Fault> {
        let key = HeaderValue::try_from(&self.key)
            .map_err(|error| Fault::new(FaultKind::Internal, error.to_string()))?;
        Ok(HeaderMap::from_iter([
            (CONNECTION, HeaderValue::from_static("Upgrade")),
            (UPGRADE, HeaderValue::from_static("websocket")),
            (
                hyper::header::SEC_WEBSOCKET_VERSION,
                HeaderValue::from_static("13"),
            ),
            (hyper::header::SEC_WEBSOCKET_KEY, key),
        ]))
    }

    /// Whether the headers of a 101 are the answer to this question (section 4.1).
    pub(super) fn is_answered_by(&self, headers: &HeaderMap) -> bool {
        let one = |name| {
            let mut all = headers.get_all(name).iter();
            let first = all.next().and_then(|value| value.to_str().ok());
            first.filter(|_| all.next().is_none()).map(str::trim)
        };
        let connection = headers.get_all(CONNECTION).iter().any(|value| {
            let words = value.to_str().unwrap_or_default();
            words
                .split(',')
                .any(|word| word.trim().eq_ignore_ascii_case("upgrade"))
        });
        connection
            && one(UPGRADE).is_some_and(|word| word.eq_ignore_ascii_case("websocket"))
            && one(hyper::header::SEC_WEBSOCKET_ACCEPT) == Some(accept(&self.key).as_str())
    }
}

/// `Sec-WebSocket-Accept` for a key.
fn accept(key: &str) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{SALT}").as_bytes());
    STANDARD.encode(hash)
}

fn random<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Fault::new(FaultKind::LocalSetup, "this machine has no random numbers"))?;
    Ok(bytes)
}

/// Says goodbye (status 1000) and waits a moment for the server to do so, too:
/// otherwise its log would tell of a connection lost. What goes wrong here changes
/// nothing, it was an open WebSocket.
pub(super) async fn close(mut stream: impl AsyncRead + AsyncWrite + Unpin, deadline: Instant) {
    let Ok(mask) = random::<4>() else {
        return;
    };
    let [high, low] = 1000_u16.to_be_bytes();
    // A client masks what it sends (section 5.3).
    let frame = [
        CLOSE,
        0x80 | 2,
        mask[0],
        mask[1],
        mask[2],
        mask[3],
        high ^ mask[0],
        low ^ mask[1],
    ];
    let goodbye = async {
        stream.write_all(&frame).await?;
        stream.flush().await?;
        let mut room = BEFORE_GOODBYE;
        while let Some(left) = skip_frame(&mut stream, room).await? {
            room = left;
        }
        stream.shutdown().await
    };
    let deadline = deadline.min(Instant::now() + GOODBYE);
    drop(timeout_at(deadline, goodbye).await);
}

/// Reads past one frame of the server's; nothing once that was its close, or when
/// it is longer than `room`.
async fn skip_frame(
    stream: &mut (impl AsyncRead + Unpin),
    room: usize,
) -> std::io::Result<Option<usize>> {
    let opcode = stream.read_u8().await?;
    let length = match stream.read_u8().await? & 0x7f {
        126 => usize::from(stream.read_u16().await?),
        127 => usize::try_from(stream.read_u64().await?).unwrap_or(usize::MAX),
        short => usize::from(short),
    };
    let Some(left) = room.checked_sub(length) else {
        return Ok(None);
    };
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok((opcode != CLOSE).then_some(left))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// The example of RFC 6455, section 1.3.
    fn example() -> Opening {
        Opening {
            key: "dGhlIHNhbXBsZSBub25jZQ==".to_owned(),
        }
    }

    const GOOD: &[(&str, &str)] = &[
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ];

    #[rstest]
    #[case::good(GOOD, true)]
    #[case::no_connection(&GOOD[1..], false)]
    #[case::no_upgrade(&[GOOD[0], GOOD[2]], false)]
    #[case::no_accept(&GOOD[..2], false)]
    #[case::of_another_key(&[GOOD[0], GOOD[1], ("sec-websocket-accept", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")], false)]
    #[case::twice(&[GOOD[0], GOOD[1], GOOD[2], GOOD[2]], false)]
    #[case::of_another_protocol(&[GOOD[0], ("upgrade", "h2c"), GOOD[2]], false)]
    fn what_answers_the_question(
        #[case] headers: &[(&'static str, &'static str)],
        #[case] yes: bool,
    ) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        assert_eq!(example().is_answered_by(&map), yes);
    }

    #[test]
    fn no_two_questions_are_the_same() {
        let keys = [Opening::new(), Opening::new()].map(|key| key.expect("a key").key);
        assert_ne!(keys[0], keys[1]);
        assert_eq!(keys.map(|key| key.len()), [24, 24]);
    }

    #[rstest]
    #[case::at_once(&[0x88, 2, 3, 0xe8])]
    #[case::after_a_message(&[0x81, 2, b'h', b'i', 0x88, 0])]
    #[case::after_a_longer_one(&[0x82, 126, 0, 3, 1, 2, 3, 0x88, 0])]
    #[case::after_more_than_is_read(&[0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255])]
    #[case::cut_off(&[0x81, 9])]
    #[tokio::test]
    async fn a_goodbye_is_one_close_frame(#[case] answer: &[u8]) {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(answer).await.expect("room");
        let deadline = Instant::now() + Duration::from_secs(20);
        let told = async {
            let mut frame = [0; 8];
            theirs.read_exact(&mut frame).await.expect("a frame");
            theirs.shutdown().await.expect("an end");
            let mut rest = Vec::new();
            theirs.read_to_end(&mut rest).await.expect("the end");
            (frame, rest)
        };
        let ((), (frame, rest)) = tokio::join!(close(ours, deadline), told);
        assert_eq!(frame[..2], [0x88, 0x82]);
        assert_eq!([frame[6] ^ frame[2], frame[7] ^ frame[3]], [3, 0xe8]);
        assert!(rest.is_empty(), "{rest:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_says_goodbye_is_left() {
        let (ours, _theirs) = tokio::io::duplex(1024);
        close(ours, Instant::now() + Duration::from_secs(3600)).await;
    }
}
