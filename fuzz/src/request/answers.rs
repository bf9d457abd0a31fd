//! Whether bytes are answers in HTTP, one after the other.

use httparse::{EMPTY_HEADER, Response, Status};

const HEADERS_MAX: usize = 64;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEAD_BYTES: usize = 9;

/// Checks all answers that came back for `sent`.
pub(super) fn check(sent: &[u8], answers: &[u8]) {
    let shown = || {
        format!(
            "{:?}\nwas answered by\n{:?}",
            String::from_utf8_lossy(sent),
            String::from_utf8_lossy(answers)
        )
    };
    if sent.starts_with(PREFACE) {
        assert!(are_frames(answers), "{}", shown());
        return;
    }
    let mut rest = answers;
    while !rest.is_empty() {
        rest = match after_one(rest) {
            Ok(rest) => rest,
            Err(fault) => panic!("{fault}: {}", shown()),
        };
    }
}

/// What follows the first answer.
fn after_one(answers: &[u8]) -> Result<&[u8], String> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut answer = Response::new(&mut headers);
    let head_bytes = match answer.parse(answers) {
        Ok(Status::Complete(bytes)) => bytes,
        Ok(Status::Partial) => return Err("an answer ends in its head".to_owned()),
        Err(error) => return Err(format!("no answer in HTTP, {error}")),
    };
    let header = |name: &str| {
        let mut found = answer
            .headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name));
        (found.next().map(|header| header.value), found.count())
    };
    let rest = &answers[head_bytes..];
    let status = answer.code.unwrap_or(0);
    if status == 100 {
        return Ok(rest);
    }
    if !(200..=599).contains(&status) {
        return Err(format!("a status of {status}"));
    }
    // No script here fails, and nothing is missing: it would be a fault of the server.
    if status >= 500 && !matches!(status, 501 | 505) {
        return Err(format!("the server failed with {status}"));
    }
    if !matches!(header("x-request-id"), (Some(_), 0)) {
        return Err("an answer does not have one id".to_owned());
    }
    if header("transfer-encoding").0.is_some() {
        return Err("an answer of a known length is sent in chunks".to_owned());
    }
    let length = match header("content-length") {
        (None, _) => 0,
        (Some(length), 0) => std::str::from_utf8(length)
            .ok()
            .and_then(|length| length.parse().ok())
            .ok_or("a length that is no number")?,
        _ => return Err("an answer has two lengths".to_owned()),
    };
    // The answer to `HEAD` has the length of a body, and no body. A body never begins like an answer here.
    if rest.is_empty() || rest.starts_with(b"HTTP/1.") {
        return Ok(rest);
    }
    rest.get(length..)
        .ok_or_else(|| "an answer ends in its body".to_owned())
}

/// Whether these are whole frames of HTTP/2.
fn are_frames(mut bytes: &[u8]) -> bool {
    while let Some([a, b, c, ..]) = bytes.first_chunk::<FRAME_HEAD_BYTES>() {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        match bytes.get(FRAME_HEAD_BYTES + length..) {
            Some(rest) => bytes = rest,
            None => return false,
        }
    }
    bytes.is_empty()
}
