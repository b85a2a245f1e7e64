//! The words by which a plain connection becomes a TLS one: of SMTP (RFC 3207)
//! and of PostgreSQL (`SSLRequest`). Nothing else of these protocols is spoken.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::open::Opener;
use super::{Fault, FaultKind};

/// Who is asked to begin TLS on a plain connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrade {
    /// `EHLO`, then `STARTTLS`.
    Smtp,
    /// `SSLRequest`.
    Postgres,
}

/// A line of SMTP has 512 bytes at most (RFC 5321, 4.5.3.1.5); some servers
/// write longer ones.
const LINE_CAP: usize = 4096;
/// Lines of one reply.
const REPLY_CAP: usize = 100;
/// A name that nobody has: what we are called does not matter before a mail.
const EHLO: &str = "EHLO coldstart.invalid";
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

impl Upgrade {
    /// As the audit calls it.
    #[must_use]
    pub fn protocol(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Postgres => "postgres",
        }
    }

    /// What is sent, in order.
    #[must_use]
    pub fn sends(self) -> &'static [&'static str] {
        match self {
            Self::Smtp => &[EHLO, "STARTTLS"],
            Self::Postgres => &["SSLRequest"],
        }
    }

    /// Speaks until the other side waits for the TLS handshake. `peer` is for
    /// the audit. Not a byte of what follows is read.
    ///
    /// # Errors
    /// `Protocol` when it offers no TLS or speaks another language, `Denied`
    /// when it refuses, `Closed`, `TimedOut` after `budget`.
    pub async fn speak<S>(
        self,
        stream: &mut S,
        opener: &impl Opener,
        peer: &str,
        budget: Duration,
    ) -> Result<(), Fault>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let talk = async {
            match self {
                Self::Smtp => smtp(stream, opener, peer).await,
                Self::Postgres => postgres(stream, opener, peer).await,
            }
        };
        timeout(budget, talk).await.unwrap_or_else(|_| {
            let seconds = budget.as_secs_f64();
            Err(Fault::new(
                FaultKind::TimedOut,
                format!("the server did not begin TLS within {seconds:.1} s"),
            ))
        })
    }
}

fn cut<T>(_: T) -> Fault {
    Fault::new(
        FaultKind::Closed,
        "the connection was cut off before TLS began",
    )
}

fn not_offered() -> Fault {
    Fault::new(FaultKind::Protocol, "the server does not offer TLS")
}

async fn postgres<S>(stream: &mut S, opener: &impl Opener, peer: &str) -> Result<(), Fault>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    opener.note(peer, "postgres", "SSLRequest");
    stream.write_all(&SSL_REQUEST).await.map_err(cut)?;
    stream.flush().await.map_err(cut)?;
    match stream.read_u8().await.map_err(cut)? {
        b'S' => Ok(()),
        b'N' => Err(not_offered().hint("`ssl = on` in its postgresql.conf turns it on")),
        b'E' => Err(Fault::new(
            FaultKind::Refused,
            "the server answered the question for TLS by an error",
        )),
        _ => Err(Fault::new(
            FaultKind::Protocol,
            "the answer is not PostgreSQL's",
        )),
    }
}

async fn smtp<S>(stream: &mut S, opener: &impl Opener, peer: &str) -> Result<(), Fault>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let greeting = Reply::read(stream).await?;
    greeting.expect(220, "its greeting")?;
    let offers = Reply::ask(stream, opener, peer, EHLO).await?;
    offers.expect(250, "EHLO")?;
    // The first line is the server's name.
    let offered = offers
        .lines
        .iter()
        .skip(1)
        .any(|line| line.trim().eq_ignore_ascii_case("STARTTLS"));
    if !offered {
        return Err(not_offered());
    }
    let ready = Reply::ask(stream, opener, peer, "STARTTLS").await?;
    ready.expect(220, "STARTTLS")
}

/// A reply of an SMTP server: its code and the text of its lines.
#[derive(Debug, PartialEq)]
struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl Reply {
    async fn ask<S>(
        stream: &mut S,
        opener: &impl Opener,
        peer: &str,
        command: &str,
    ) -> Result<Self, Fault>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        opener.note(peer, "smtp", command);
        let line = format!("{command}\r\n");
        stream.write_all(line.as_bytes()).await.map_err(cut)?;
        stream.flush().await.map_err(cut)?;
        Self::read(stream).await
    }

    async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Self, Fault> {
        let mut lines = Vec::new();
        loop {
            let line = read_line(stream).await?;
            let (code, last, text) = part(&line).ok_or_else(|| {
                let shown: String = line.chars().take(60).collect();
                Fault::new(
                    FaultKind::Protocol,
                    format!("the answer is not SMTP: {shown:?}"),
                )
            })?;
            lines.push(text.to_owned());
            if last {
                return Ok(Self { code, lines });
            }
            if lines.len() == REPLY_CAP {
                return Err(Fault::new(
                    FaultKind::Protocol,
                    format!("the server's reply has more than {REPLY_CAP} lines"),
                ));
            }
        }
    }

    fn expect(&self, code: u16, to: &str) -> Result<(), Fault> {
        if self.code == code {
            return Ok(());
        }
        let text: String = self
            .lines
            .join(" ")
            .chars()
            .map(|char| if char.is_control() { ' ' } else { char })
            .take(200)
            .collect();
        // 4xx may pass, 5xx is a decision (RFC 5321, 4.2.1).
        let kind = match self.code {
            400..=499 => FaultKind::Refused,
            500..=599 => FaultKind::Denied,
            _ => FaultKind::Protocol,
        };
        let answer = format!("{} {text}", self.code);
        Err(Fault::new(
            kind,
            format!("the server answered {} to {to}", answer.trim()),
        ))
    }
}

/// Code, whether it is the reply's last line, and text.
fn part(line: &str) -> Option<(u16, bool, &str)> {
    let (code, rest) = line.split_at_checked(3)?;
    if !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let code = code.parse().ok().filter(|code| (200..600).contains(code))?;
    match rest.bytes().next() {
        None => Some((code, true, "")),
        Some(b' ') => Some((code, true, &rest[1..])),
        Some(b'-') => Some((code, false, &rest[1..])),
        Some(_) => None,
    }
}

/// One byte at a time: what follows the line belongs to TLS. Were it read here
/// and kept, plain text sent early would count as if it had been encrypted.
async fn read_line<S: AsyncRead + Unpin>(stream: &mut S) -> Result<String, Fault> {
    let mut line = Vec::new();
    loop {
        match stream.read_u8().await.map_err(cut)? {
            b'\n' => break,
            _ if line.len() == LINE_CAP => {
                return Err(Fault::new(
                    FaultKind::Protocol,
                    "the answer is not SMTP: its line does not end",
                ));
            }
            byte => line.push(byte),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use rstest::rstest;
    use tokio::io::duplex;

    use super::*;
    use crate::transport::Connection;

    #[rstest]
    #[case("220 mx.lan ESMTP", Some((220, true, "mx.lan ESMTP")))]
    #[case("250-STARTTLS", Some((250, false, "STARTTLS")))]
    #[case("250", Some((250, true, "")))]
    #[case("250 ", Some((250, true, "")))]
    #[case("25", None)]
    #[case("2500 x", None)]
    #[case("+20 x", None)]
    #[case("999 x", None)]
    #[case("SSH-2.0-OpenSSH_9.2", None)]
    #[case("25\u{fffd} x", None)]
    #[case("", None)]
    fn lines_of_smtp(#[case] line: &str, #[case] expected: Option<(u16, bool, &str)>) {
        assert_eq!(part(line), expected);
    }

    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);

    impl Opener for Notes {
        async fn open(&self, _: &str, _: u16) -> Result<Connection, Fault> {
            Err(Fault::new(FaultKind::Internal, "nothing to open"))
        }

        fn note(&self, _: &str, protocol: &str, sent: &str) {
            let mut notes = self.0.lock().expect("the lock");
            notes.push(format!("{protocol} {sent}"));
        }
    }

    /// The whole of what a server says, whatever it is asked.
    async fn told(upgrade: Upgrade, server: &[u8]) -> (Result<(), Fault>, Vec<String>, Vec<u8>) {
        let (mut ours, mut theirs) = duplex(1 << 16);
        theirs.write_all(server).await.expect("room");
        theirs.shutdown().await.expect("an end");
        let notes = Notes::default();
        let budget = Duration::from_secs(20);
        let result = upgrade.speak(&mut ours, &notes, "peer", budget).await;
        let mut left = Vec::new();
        ours.read_to_end(&mut left).await.expect("the rest");
        (result, notes.0.into_inner().expect("the lock"), left)
    }

    const POSTFIX: &str = "220 mx.lan ESMTP Postfix (Debian/GNU)\r\n\
        250-mx.lan\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n\
        250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n\
        250 CHUNKING\r\n220 2.0.0 Ready to start TLS\r\n";

    #[tokio::test]
    async fn smtp_begins_tls_and_reads_no_further() {
        let (result, sent, left) = told(Upgrade::Smtp, format!("{POSTFIX}rest").as_bytes()).await;
        assert_eq!(result, Ok(()));
        assert_eq!(sent, ["smtp EHLO coldstart.invalid", "smtp STARTTLS"]);
        assert_eq!(left, b"rest");
    }

    #[rstest]
    #[case::offers_none(
        "220 a\r\n250-a\r\n250 SIZE\r\n",
        FaultKind::Protocol,
        "does not offer TLS"
    )]
    #[case::called_so("220 a\r\n250 STARTTLS\r\n", FaultKind::Protocol, "does not offer TLS")]
    #[case::refuses(
        "554-5.7.1 go\r\n554 away\r\n",
        FaultKind::Denied,
        "554 5.7.1 go away to its greeting"
    )]
    #[case::busy("421 too busy\r\n", FaultKind::Refused, "421 too busy to its greeting")]
    #[case::no_ehlo("220 a\r\n502 no\r\n", FaultKind::Denied, "502 no to EHLO")]
    #[case::no_key(
        "220 a\r\n250-a\r\n250 STARTTLS\r\n454 4.7.0 TLS not available due to local problem\r\n",
        FaultKind::Refused,
        "454 4.7.0 TLS not available"
    )]
    #[case::colours("554 \u{1b}[31mred\r\n", FaultKind::Denied, "554  [31mred to")]
    #[case::ssh("SSH-2.0-OpenSSH_9.2\r\n", FaultKind::Protocol, "not SMTP: \"SSH-2.0")]
    #[case::not_text("\u{0}\u{1}\n", FaultKind::Protocol, "not SMTP")]
    #[case::cut("220 a\r\n250-a\r\n", FaultKind::Closed, "cut off")]
    #[case::nothing("", FaultKind::Closed, "cut off")]
    #[tokio::test]
    async fn smtp_that_does_not(#[case] server: &str, #[case] kind: FaultKind, #[case] seen: &str) {
        let (result, ..) = told(Upgrade::Smtp, server.as_bytes()).await;
        let fault = result.expect_err("a fault");
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(fault.seen.contains(seen), "{fault}");
        assert!(!fault.seen.contains('\u{1b}'), "{fault:?}");
    }

    #[tokio::test]
    async fn a_reply_without_end_is_given_up() {
        let long = vec![b'2'; LINE_CAP + 2];
        let many = "220-a\r\n".repeat(REPLY_CAP + 1);
        for server in [&long[..], many.as_bytes()] {
            let (result, ..) = told(Upgrade::Smtp, server).await;
            assert_eq!(result.expect_err("a fault").kind, FaultKind::Protocol);
        }
    }

    #[rstest]
    #[case(b"S", None)]
    #[case(b"N", Some((FaultKind::Protocol, "does not offer TLS")))]
    #[case(b"E\0\0", Some((FaultKind::Refused, "by an error")))]
    #[case(b"HTTP/1.1 400", Some((FaultKind::Protocol, "not PostgreSQL")))]
    #[case(b"", Some((FaultKind::Closed, "cut off")))]
    #[tokio::test]
    async fn postgres_answers_by_a_letter(
        #[case] server: &[u8],
        #[case] expected: Option<(FaultKind, &str)>,
    ) {
        let (result, sent, _) = told(Upgrade::Postgres, server).await;
        assert_eq!(sent, ["postgres SSLRequest"]);
        match expected {
            None => assert_eq!(result, Ok(())),
            Some((kind, seen)) => {
                let fault = result.expect_err("a fault");
                assert_eq!(fault.kind, kind, "{fault}");
                assert!(fault.seen.contains(seen), "{fault}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends() {
        let (mut ours, _theirs) = duplex(64);
        let budget = Duration::from_secs(3);
        let fault = Upgrade::Smtp
            .speak(&mut ours, &Notes::default(), "peer", budget)
            .await
            .expect_err("silence");
        assert_eq!(fault.kind, FaultKind::TimedOut);
        assert!(fault.seen.contains("within 3.0 s"), "{fault}");
    }
}
