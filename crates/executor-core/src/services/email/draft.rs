//! An e-mail as a script describes it.

use std::time::Duration;

use bytes::Bytes;
use picloud_shared::{
    mail::Mailbox,
    services::{
        Attachment, EMAIL_ATTACHMENTS_MAX, EMAIL_BYTES_MAX, EMAIL_FILE_NAME_BYTES_MAX, EMAIL_RECIPIENTS_MAX,
        EMAIL_SUBJECT_BYTES_MAX, EMAIL_TIMEOUT_MAX, Email,
    },
};
use rhai::{Dynamic, EvalAltResult, Map};

use super::{FUNCTION, invalid};
use crate::{
    api::{Fallible, fail, spend_bytes, type_name},
    gate,
};

/// What an e-mail leaves of the time of its run, so that the script can do something about a timeout.
const TIME_LEFT_AFTER: Duration = Duration::from_millis(100);

/// No longer text is an address with a name.
const MAILBOX_TEXT_BYTES_MAX: usize = 512;

const FIELDS: &str = "to, cc, bcc, reply_to, from, subject, text, html and attachments";

/// Reads the e-mail in a map; tells also how many bytes it has.
pub(super) fn read(map: &Map) -> Fallible<(Email, usize)> {
    let mut reader = Reader { bytes: 0 };
    let mut email = Email {
        to: Vec::new(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        from: None,
        subject: String::new(),
        text: None,
        html: None,
        attachments: Vec::new(),
        timeout_ms: 0,
    };
    for (name, value) in map {
        let name = name.as_str();
        match name {
            _ if value.is_unit() => {}
            "to" => email.to = mailboxes(name, value)?,
            "cc" => email.cc = mailboxes(name, value)?,
            "bcc" => email.bcc = mailboxes(name, value)?,
            "reply_to" => email.reply_to = Some(mailbox(name, value)?),
            "from" => email.from = Some(mailbox(name, value)?),
            "subject" => email.subject = subject(value)?,
            "text" => email.text = Some(reader.text(name, value)?),
            "html" => email.html = Some(reader.text(name, value)?),
            "attachments" => email.attachments = reader.attachments(value)?,
            other => {
                return Err(wrong(&format!("there is no field `{other}`, only {FIELDS}")));
            }
        }
    }
    let is_given = |name: &str| map.get(name).is_some_and(|value| !value.is_unit());
    for (is_there, name) in [
        (!email.to.is_empty(), "`to`"),
        (is_given("subject"), "`subject`"),
        (email.text.is_some() || email.html.is_some(), "`text` or `html`"),
    ] {
        if !is_there {
            return Err(wrong(&format!("the e-mail has no {name}")));
        }
    }
    let recipients = email.to.len() + email.cc.len() + email.bcc.len();
    if recipients > EMAIL_RECIPIENTS_MAX {
        return Err(too_many_people(recipients));
    }
    let left = gate::time_left().saturating_sub(TIME_LEFT_AFTER);
    let timeout = EMAIL_TIMEOUT_MAX.min(left).max(Duration::from_millis(1));
    email.timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    let bytes = reader.bytes + email.subject.len();
    Ok((email, bytes))
}

struct Reader {
    /// Bytes of what was read.
    bytes: usize,
}

impl Reader {
    /// Counts so many more, before they are copied: once for what is asked, and once for who answers.
    fn count(&mut self, bytes: usize) -> Fallible<()> {
        self.bytes += bytes;
        if self.bytes > EMAIL_BYTES_MAX {
            return Err(wrong(&format!(
                "an e-mail has at most {EMAIL_BYTES_MAX} bytes, with its attachments"
            )));
        }
        gate::reserve(bytes)?;
        spend_bytes(bytes)
    }

    fn text(&mut self, name: &str, value: &Dynamic) -> Fallible<String> {
        let text = value
            .as_immutable_string_ref()
            .map_err(|_| is_no(name, "a string", value))?;
        self.count(text.len())?;
        Ok(text.to_string())
    }

    fn attachments(&mut self, value: &Dynamic) -> Fallible<Vec<Attachment>> {
        let values = value
            .as_array_ref()
            .map_err(|_| is_no("attachments", "an array of maps", value))?;
        if values.len() > EMAIL_ATTACHMENTS_MAX {
            return Err(wrong(&format!(
                "an e-mail has at most {EMAIL_ATTACHMENTS_MAX} attachments, not {}",
                values.len()
            )));
        }
        values.iter().map(|value| self.attachment(value)).collect()
    }

    fn attachment(&mut self, value: &Dynamic) -> Fallible<Attachment> {
        let map = value
            .as_map_ref()
            .map_err(|_| is_no("an attachment", "a map with `name` and `content`", value))?;
        let mut name = None;
        let mut content = None;
        let mut media_type = None;
        for (field, value) in map.iter() {
            match field.as_str() {
                "name" => name = Some(file_name(value)?),
                "content" => content = Some(self.content(value)?),
                "type" if value.is_unit() => {}
                "type" => media_type = Some(self::media_type(value)?),
                other => {
                    return Err(wrong(&format!(
                        "an attachment has no field `{other}`, only name, content and type"
                    )));
                }
            }
        }
        let name = name.ok_or_else(|| wrong("an attachment has no `name`"))?;
        let (content, usual_type) = content.ok_or_else(|| wrong("an attachment has no `content`"))?;
        Ok(Attachment {
            name,
            media_type: media_type.unwrap_or_else(|| usual_type.to_owned()),
            content,
        })
    }

    /// What is in an attachment, and its type unless something else is said.
    fn content(&mut self, value: &Dynamic) -> Fallible<(Bytes, &'static str)> {
        if let Ok(blob) = value.as_blob_ref() {
            self.count(blob.len())?;
            return Ok((Bytes::copy_from_slice(&blob), "application/octet-stream"));
        }
        match value.as_immutable_string_ref() {
            Ok(text) => {
                self.count(text.len())?;
                Ok((
                    Bytes::copy_from_slice(text.as_bytes()),
                    "text/plain; charset=utf-8",
                ))
            }
            Err(_) => Err(is_no("the content of an attachment", "a string or a blob", value)),
        }
    }
}

fn subject(value: &Dynamic) -> Fallible<String> {
    let text = value
        .as_immutable_string_ref()
        .map_err(|_| is_no("subject", "a string", value))?;
    if text.len() > EMAIL_SUBJECT_BYTES_MAX || text.contains(char::is_control) {
        return Err(invalid(format!(
            "subject: it has at most {EMAIL_SUBJECT_BYTES_MAX} bytes and no line breaks"
        )));
    }
    Ok(text.to_string())
}

fn file_name(value: &Dynamic) -> Fallible<String> {
    let text = value
        .as_immutable_string_ref()
        .map_err(|_| is_no("the name of an attachment", "a string", value))?;
    if !(1..=EMAIL_FILE_NAME_BYTES_MAX).contains(&text.len()) || text.contains(char::is_control) {
        return Err(invalid(format!(
            "the name of an attachment has 1 to {EMAIL_FILE_NAME_BYTES_MAX} bytes and no line breaks"
        )));
    }
    Ok(text.to_string())
}

fn media_type(value: &Dynamic) -> Fallible<String> {
    let text = value
        .as_immutable_string_ref()
        .map_err(|_| is_no("the type of an attachment", "a string", value))?;
    let is_token = |part: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte);
        (1..=64).contains(&part.len()) && part.bytes().all(is_part)
    };
    let is_type = text
        .split_once('/')
        .is_some_and(|(kind, name)| is_token(kind) && is_token(name));
    // Parts in it would need a way to tell them apart.
    if !is_type || text.starts_with("multipart/") || text.starts_with("message/") {
        return Err(invalid(
            "the type of an attachment looks like `application/pdf`".to_owned(),
        ));
    }
    Ok(text.to_string())
}

/// An address, or an array of them.
fn mailboxes(name: &str, value: &Dynamic) -> Fallible<Vec<Mailbox>> {
    match value.as_array_ref() {
        Ok(values) if values.len() > EMAIL_RECIPIENTS_MAX => Err(too_many_people(values.len())),
        Ok(values) => values.iter().map(|value| mailbox(name, value)).collect(),
        Err(_) => Ok(vec![mailbox(name, value)?]),
    }
}

fn mailbox(name: &str, value: &Dynamic) -> Fallible<Mailbox> {
    let text = value
        .as_immutable_string_ref()
        .map_err(|_| is_no(name, "a string", value))?;
    if text.len() > MAILBOX_TEXT_BYTES_MAX {
        return Err(invalid(format!(
            "{name}: an address with its name has at most {MAILBOX_TEXT_BYTES_MAX} bytes"
        )));
    }
    text.parse()
        .map_err(|error| invalid(format!("{name}: {error}; this is `{}`", text.escape_debug())))
}

#[expect(
    clippy::unnecessary_box_returns,
    reason = "the form in which Rhai takes errors"
)]
fn too_many_people(people: usize) -> Box<EvalAltResult> {
    wrong(&format!(
        "an e-mail goes to at most {EMAIL_RECIPIENTS_MAX} people, not {people}"
    ))
}

#[expect(
    clippy::unnecessary_box_returns,
    reason = "the form in which Rhai takes errors"
)]
fn is_no(name: &str, expected: &str, value: &Dynamic) -> Box<EvalAltResult> {
    wrong(&format!("{name} is {expected}, not {}", type_name(value)))
}

#[expect(
    clippy::unnecessary_box_returns,
    reason = "the form in which Rhai takes errors"
)]
fn wrong(what: &str) -> Box<EvalAltResult> {
    fail(format!("{FUNCTION}: {what}"))
}
