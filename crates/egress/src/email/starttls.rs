//! The beginning of a connection that is not secure yet.
//!
//! Nothing that is heard here counts later: what a mail server can do is asked again when the connection is secure, and
//! whoever says more than they were asked for before that is not believed.

use picloud_shared::services::{EmailFailure, EmailFailureKind};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use super::failure;

/// Bytes that a mail server may say until the connection is made secure.
const HEARD_BYTES_MAX: u64 = 64 * 1_024;

/// Goes as far as where both sides begin with TLS.
pub(super) async fn begin(stream: TcpStream, hello: &str) -> Result<TcpStream, EmailFailure> {
    let mut reader = BufReader::new(stream);
    let mut left = HEARD_BYTES_MAX;
    expect(&mut reader, &mut left, "220").await?;
    say(&mut reader, &format!("EHLO {hello}\r\n")).await?;
    let able = expect(&mut reader, &mut left, "250").await?;
    if !able.iter().any(|line| line.eq_ignore_ascii_case("STARTTLS")) {
        return Err(failure(
            EmailFailureKind::Tls,
            "the mail server does not offer STARTTLS; set the security `tls`, or `none` if it is on this machine",
        ));
    }
    say(&mut reader, "STARTTLS\r\n").await?;
    expect(&mut reader, &mut left, "220").await?;
    if !reader.buffer().is_empty() {
        return Err(failure(
            EmailFailureKind::Tls,
            "the mail server, or somebody between, said more than it was asked for before the connection was secure",
        ));
    }
    Ok(reader.into_inner())
}

async fn say(reader: &mut BufReader<TcpStream>, line: &str) -> Result<(), EmailFailure> {
    let written = reader.get_mut().write_all(line.as_bytes()).await;
    written.map_err(|_| ended())
}

/// The lines of an answer, if it has the code that is hoped for and not more than `left` bytes.
async fn expect(
    reader: &mut BufReader<TcpStream>,
    left: &mut u64,
    code: &str,
) -> Result<Vec<String>, EmailFailure> {
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        let mut heard = reader.take(*left);
        heard.read_until(b'\n', &mut line).await.map_err(|_| ended())?;
        *left = heard.limit();
        let line = String::from_utf8_lossy(&line);
        let line = line.strip_suffix('\n').ok_or_else(ended)?.trim_end();
        let rest = line.strip_prefix(code).ok_or_else(|| {
            failure(
                EmailFailureKind::Unavailable,
                "the mail server does not go along before the connection is secure; try again later",
            )
        })?;
        let Some(rest) = rest.strip_prefix('-') else {
            lines.push(rest.trim_start().to_owned());
            return Ok(lines);
        };
        lines.push(rest.to_owned());
    }
}

fn ended() -> EmailFailure {
    failure(
        EmailFailureKind::Unavailable,
        "the connection to the mail server ended before it was secure; try again later",
    )
}
