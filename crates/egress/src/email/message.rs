//! What is sent: the e-mail in the form of the Internet, and whom it goes to.
//!
//! What a script gives becomes no header of its own and no line of the protocol. Addresses are parsed and written anew, no
//! other text of one line has a control character in it, and all line ends are made whole.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lettre::{
    Address, Message,
    message::{
        Attachment as Part, Body as Encoded, Mailbox as Header, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType},
    },
};
use picloud_shared::{
    mail::{MailAddress, Mailbox},
    services::{Attachment, Email, EmailFailure, EmailFailureKind},
};
use uuid::Uuid;

use super::failure;

/// How an encoded word begins.
const ENCODED_WORD: &str = "=?";

/// Bytes of text in one encoded word, so that it fits in a line with the name of its header.
const WORD_BYTES_MAX: usize = 39;

/// An e-mail that is ready to be handed over.
pub(super) struct Letter {
    pub(super) from: Address,
    /// Everybody who gets it, in order.
    pub(super) to: Vec<Address>,
    /// What the sender's mail server is called.
    pub(super) host: String,
    pub(super) bytes: Vec<u8>,
}

impl Letter {
    pub(super) fn new(from: &Mailbox, email: Email) -> Result<Self, EmailFailure> {
        one_line("the subject", &email.subject)?;
        let host = from.address.host().as_str().to_owned();
        let id = format!("<{}@{host}>", Uuid::new_v4());
        let mut message = Message::builder()
            .from(header(from)?)
            .message_id(Some(id))
            .subject(as_it_is(email.subject));
        for to in &email.to {
            message = message.to(header(to)?);
        }
        for cc in &email.cc {
            message = message.cc(header(cc)?);
        }
        for bcc in &email.bcc {
            // Left out of the headers when the message is built.
            message = message.bcc(header(bcc)?);
        }
        if let Some(reply_to) = &email.reply_to {
            message = message.reply_to(header(reply_to)?);
        }
        let body = match (email.text, email.html) {
            (Some(text), Some(html)) => {
                Body::Two(MultiPart::alternative_plain_html(lines(&text), lines(&html)))
            }
            (None, Some(html)) => Body::One(SinglePart::html(lines(&html))),
            (text, None) => Body::One(SinglePart::plain(lines(&text.unwrap_or_default()))),
        };
        let message = if email.attachments.is_empty() {
            match body {
                Body::One(part) => message.singlepart(part),
                Body::Two(parts) => message.multipart(parts),
            }
        } else {
            let mixed = MultiPart::mixed();
            let mut mixed = match body {
                Body::One(part) => mixed.singlepart(part),
                Body::Two(parts) => mixed.multipart(parts),
            };
            for attachment in email.attachments {
                mixed = mixed.singlepart(part(attachment)?);
            }
            message.multipart(mixed)
        };
        let message = message.map_err(|error| failure(EmailFailureKind::Invalid, error.to_string()))?;
        Ok(Self {
            from: address(&from.address)?,
            to: message.envelope().to().to_vec(),
            host,
            bytes: message.formatted(),
        })
    }
}

enum Body {
    One(SinglePart),
    Two(MultiPart),
}

fn header(mailbox: &Mailbox) -> Result<Header, EmailFailure> {
    Ok(Header::new(mailbox.name.clone(), address(&mailbox.address)?))
}

/// It was looked at before; here it is looked at once more, by those who write it.
fn address(address: &MailAddress) -> Result<Address, EmailFailure> {
    Address::new(address.local(), address.host().as_str()).map_err(|_| {
        failure(
            EmailFailureKind::Invalid,
            format!("`{address}` is no address for e-mail"),
        )
    })
}

fn part(attachment: Attachment) -> Result<SinglePart, EmailFailure> {
    one_line("the name of an attachment", &attachment.name)?;
    one_line("the type of an attachment", &attachment.media_type)?;
    let media_type = ContentType::parse(&attachment.media_type).map_err(|_| {
        failure(
            EmailFailureKind::Invalid,
            format!("`{}` is no media type", attachment.media_type),
        )
    })?;
    // As it is to the last byte, and without a line end of its own.
    let content = Encoded::new_with_encoding(attachment.content.to_vec(), ContentTransferEncoding::Base64);
    let content = content.map_err(|_| {
        failure(
            EmailFailureKind::Invalid,
            format!("`{}` could not be encoded", attachment.name),
        )
    })?;
    Ok(Part::new(attachment.name).body(content, media_type))
}

fn one_line(what: &str, text: &str) -> Result<(), EmailFailure> {
    if text.contains(char::is_control) {
        return Err(failure(
            EmailFailureKind::Invalid,
            format!("{what} has a line break or another control character"),
        ));
    }
    Ok(())
}

/// Text of one line that is shown as it is: what looks like an encoded word (RFC 2047) would be decoded by whoever shows
/// it, to characters that nobody looked at. Other text stays, and is encoded where it has to be when it is written.
fn as_it_is(text: String) -> String {
    if !text.contains(ENCODED_WORD) {
        return text;
    }
    let mut words = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(WORD_BYTES_MAX));
        words.push(format!("{ENCODED_WORD}utf-8?b?{}?=", STANDARD.encode(word)));
        rest = after;
    }
    // Spaces between two of them are none of the text.
    words.join(" ")
}

/// The same with the line ends of e-mail, whatever they were: one that some take for a line end and others do not could
/// end the e-mail for those, and begin another.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn email() -> Email {
        Email {
            to: vec!["Ada <ada@example.com>".parse().unwrap()],
            cc: Vec::new(),
            bcc: vec!["eve@example.com".parse().unwrap()],
            reply_to: None,
            from: None,
            subject: "Grüße".to_owned(),
            text: Some("Bcc: tom@example.com\r\n\r\n.\r\nend\r.\rof\n.\nit".to_owned()),
            html: None,
            attachments: Vec::new(),
            timeout_ms: 1_000,
        }
    }

    fn written(email: Email) -> Result<String, EmailFailure> {
        let from = "Cloud <cloud@example.com>".parse().unwrap();
        Letter::new(&from, email).map(|letter| String::from_utf8_lossy(&letter.bytes).into_owned())
    }

    #[test]
    fn nothing_of_a_script_becomes_a_header_or_an_end() {
        let text = written(email()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("Bcc") && !head.contains("eve"), "{head}");
        assert!(head.is_ascii() && !head.contains("Grüße"), "{head}");
        assert!(!body.replace("\r\n", "").contains(['\r', '\n']), "{body:?}");
        let odd = |change: fn(&mut Email)| {
            let mut email = email();
            change(&mut email);
            written(email).map_err(|failure| failure.kind)
        };
        for (what, changed) in [
            (
                "subject",
                odd(|email| email.subject = "a\r\nBcc: eve@example.com".to_owned()),
            ),
            ("subject", odd(|email| email.subject = "a\0".to_owned())),
            (
                "name",
                odd(|email| {
                    email.attachments = vec![Attachment {
                        name: "a\r\nX: y".to_owned(),
                        media_type: "text/plain".to_owned(),
                        content: Bytes::new(),
                    }];
                }),
            ),
            (
                "type",
                odd(|email| {
                    email.attachments = vec![Attachment {
                        name: "a".to_owned(),
                        media_type: "text/plain\r\nX: y".to_owned(),
                        content: Bytes::new(),
                    }];
                }),
            ),
        ] {
            assert_eq!(changed, Err(EmailFailureKind::Invalid), "{what}");
        }
    }

    #[test]
    fn a_subject_is_shown_as_it_is() {
        let subject_of = |subject: &str| {
            let mut email = email();
            email.subject = subject.to_owned();
            let text = written(email).unwrap();
            let (_, after) = text.split_once("\r\nSubject: ").unwrap();
            let mut lines = after.split("\r\n");
            let mut subject = lines.next().unwrap().to_owned();
            assert!(subject.len() <= 78 - "Subject: ".len(), "{subject}");
            for line in lines.take_while(|line| line.starts_with(' ')) {
                assert!(line.len() <= 78, "{line}");
                subject.push_str(line);
            }
            subject
        };
        assert_eq!(subject_of("Is 1 =1?"), "Is 1 =1?");
        let odd = "=?utf-8?Q?=0D=0ABcc:_eve?=";
        let encoded = "=?utf-8?b?PT91dGYtOD9RPz0wRD0wQUJjYzpfZXZlPz0=?=";
        assert_eq!(subject_of(odd), encoded);
        let long = format!("{}{odd}", "Grüße ".repeat(60));
        let decoded: Vec<u8> = subject_of(&long)
            .split_whitespace()
            .flat_map(|word| {
                let word = word.strip_prefix("=?utf-8?b?").unwrap();
                let part = STANDARD.decode(word.strip_suffix("?=").unwrap()).unwrap();
                // Each is text of its own.
                String::from_utf8(part).unwrap().into_bytes()
            })
            .collect();
        assert_eq!(String::from_utf8(decoded).unwrap(), long);
    }

    #[test]
    fn everybody_gets_it_and_the_parts_are_there() {
        let mut email = email();
        email.html = Some("<p>Hello</p>".to_owned());
        email.attachments = vec![Attachment {
            name: "Übersicht \"neu\".csv".to_owned(),
            media_type: "text/csv".to_owned(),
            content: Bytes::from_static(b"a,b\n.\n1,2\r"),
        }];
        let from = "cloud@example.com".parse().unwrap();
        let letter = Letter::new(&from, email.clone()).unwrap();
        let to: Vec<_> = letter.to.iter().map(ToString::to_string).collect();
        assert_eq!(to, ["ada@example.com", "eve@example.com"]);
        let text = written(email).unwrap();
        for expected in [
            "multipart/mixed",
            "multipart/alternative",
            "<p>Hello</p>",
            "YSxiCi4KMSwyDQ==",
            "text/csv",
        ] {
            assert!(text.contains(expected), "{expected} is not in {text}");
        }
        assert!(text.is_ascii(), "{text}");
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{text:?}");
    }
}
