//! RESP2, the protocol that every Redis speaks until asked for another
//! (<https://redis.io/docs/latest/develop/reference/protocol-spec/>).

use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// Lines of a reply are short: a status, a number, a length, an error.
const LINE_MAX: u64 = 64 * 1024;
/// Replies nest: `COMMAND INFO` goes five deep.
const DEPTH_MAX: u8 = 16;

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`
    Status(String),
    /// `-LOADING Redis is loading the dataset in memory`
    Error(String),
    /// `:3`
    Integer(i64),
    /// `$5`, or `$-1` for nothing
    Bulk(Option<Vec<u8>>),
    /// `*2`, or `*-1` for nothing
    Array(Option<Vec<Reply>>),
}

/// The bytes of a command.
pub(super) fn encode<S: AsRef<[u8]>>(words: &[S]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Reads one reply of at most `room` bytes of content, which it takes off `room`.
///
/// # Errors
/// `UnexpectedEof` when it is cut off, `InvalidData` when it is not RESP2 or
/// larger than `room`; else the stream's own error.
pub(super) fn read<'a, R>(
    stream: &'a mut R,
    room: &'a mut usize,
    depth: u8,
) -> Pin<Box<dyn Future<Output = io::Result<Reply>> + Send + 'a>>
where
    R: AsyncBufRead + Unpin + Send,
{
    Box::pin(async move {
        let line = read_line(stream).await?;
        take(room, line.len() + 3)?;
        let (&mark, rest) = line.split_first().ok_or_else(|| invalid("an empty line"))?;
        let text = || String::from_utf8_lossy(rest).into_owned();
        match mark {
            b'+' => Ok(Reply::Status(text())),
            b'-' => Ok(Reply::Error(text())),
            b':' => Ok(Reply::Integer(number(rest)?)),
            b'$' => {
                let Ok(length) = usize::try_from(number(rest)?) else {
                    return Ok(Reply::Bulk(None));
                };
                take(room, length)?;
                let mut content = vec![0; length];
                stream.read_exact(&mut content).await?;
                let mut end = [0; 2];
                stream.read_exact(&mut end).await?;
                if &end != b"\r\n" {
                    return Err(invalid("a string does not end where it says"));
                }
                Ok(Reply::Bulk(Some(content)))
            }
            b'*' => {
                let Ok(count) = usize::try_from(number(rest)?) else {
                    return Ok(Reply::Array(None));
                };
                if depth >= DEPTH_MAX {
                    return Err(invalid("the reply nests too deep"));
                }
                let mut items = Vec::new();
                for _ in 0..count {
                    items.push(read(stream, room, depth + 1).await?);
                }
                Ok(Reply::Array(Some(items)))
            }
            _ => Err(invalid("it begins with none of + - : $ *")),
        }
    })
}

async fn read_line<R: AsyncBufRead + Unpin>(stream: &mut R) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    stream.take(LINE_MAX).read_until(b'\n', &mut line).await?;
    if line.ends_with(b"\r\n") {
        line.truncate(line.len() - 2);
        return Ok(line);
    }
    if line.ends_with(b"\n") || line.len() as u64 >= LINE_MAX {
        return Err(invalid("a line does not end with CR LF"));
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

fn take(room: &mut usize, bytes: usize) -> io::Result<()> {
    *room = room
        .checked_sub(bytes)
        .ok_or_else(|| invalid("the reply is larger than allowed"))?;
    Ok(())
}

fn number(digits: &[u8]) -> io::Result<i64> {
    std::str::from_utf8(digits)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| invalid("a number is none"))
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    async fn parse(mut bytes: &[u8], mut room: usize) -> io::Result<Reply> {
        read(&mut bytes, &mut room, 0).await
    }

    #[rstest]
    #[case(b"+PONG\r\n", Reply::Status("PONG".to_owned()))]
    #[case(b"-NOAUTH Authentication required.\r\n", Reply::Error("NOAUTH Authentication required.".to_owned()))]
    #[case(b":-3\r\n", Reply::Integer(-3))]
    #[case(b"$4\r\na\r\nb\r\n", Reply::Bulk(Some(b"a\r\nb".to_vec())))]
    #[case(b"$-1\r\n", Reply::Bulk(None))]
    #[case(b"*-1\r\n", Reply::Array(None))]
    #[case(b"*2\r\n:1\r\n*0\r\n", Reply::Array(Some(vec![Reply::Integer(1), Reply::Array(Some(vec![]))])))]
    #[tokio::test]
    async fn replies(#[case] bytes: &[u8], #[case] expected: Reply) {
        assert_eq!(parse(bytes, 100).await.expect("a reply"), expected);
    }

    #[rstest]
    #[case::cut(b"$4\r\nab", 100, io::ErrorKind::UnexpectedEof)]
    #[case::cut_line(b"+PON", 100, io::ErrorKind::UnexpectedEof)]
    #[case::nothing(b"", 100, io::ErrorKind::UnexpectedEof)]
    #[case::http(b"HTTP/1.1 400 Bad Request\r\n", 100, io::ErrorKind::InvalidData)]
    #[case::bare_newline(b"+OK\n", 100, io::ErrorKind::InvalidData)]
    #[case::large(b"$200\r\n", 100, io::ErrorKind::InvalidData)]
    #[case::vast(b"$99999999999999\r\n", 100, io::ErrorKind::InvalidData)]
    #[case::endless_array(
        b"*999999999\r\n:1\r\n:1\r\n:1\r\n:1\r\n",
        20,
        io::ErrorKind::InvalidData
    )]
    #[case::no_number(b":x\r\n", 100, io::ErrorKind::InvalidData)]
    #[tokio::test]
    async fn what_is_no_reply(
        #[case] bytes: &[u8],
        #[case] room: usize,
        #[case] kind: io::ErrorKind,
    ) {
        assert_eq!(parse(bytes, room).await.expect_err("an error").kind(), kind);
    }

    #[tokio::test]
    async fn nesting_has_an_end() {
        let deep = b"*1\r\n".repeat(100);
        assert_eq!(
            parse(&deep, 1000).await.expect_err("an error").kind(),
            io::ErrorKind::InvalidData
        );
    }

    #[test]
    fn commands_are_arrays_of_strings() {
        assert_eq!(
            encode(&["GET", "gr\u{fc}n"]),
            b"*2\r\n$3\r\nGET\r\n$5\r\ngr\xc3\xbcn\r\n"
        );
    }
}
