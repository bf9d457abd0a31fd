//! `docs::…`

mod find;
mod functions;
mod options;
mod pending;
mod write;

use std::rc::Rc;

use picloud_shared::services::{
    Answer, Question, Service,
    docs::{
        CollectionName, DOCUMENT_ID_BYTES_MAX, DocsAnswer, DocsAsk, DocsFound, DocsQuestion, is_document_id,
    },
};
use rhai::Dynamic;

pub(crate) use self::functions::module;
#[cfg(test)]
pub(super) use self::pending::Places;
pub(super) use self::pending::{Docs, Parsed, Pending};
use self::pending::{Known, Seen};
use super::{
    commit as conflict,
    foreign::ForeignAnswer,
    session::{Session, unexpected},
};
use crate::{
    api::{Fallible, fail, spend_bytes},
    gate, json,
};

/// Lends what is known of a collection, which is there from the first question about it on.
fn known<T>(session: &Session, name: &str, act: impl FnOnce(&mut Known) -> T) -> T {
    session.state(|state| act(state.transaction.docs.known_mut(name)))
}

/// Whether anything was asked about a collection.
fn is_known(session: &Session, name: &str) -> bool {
    session.state(|state| state.transaction.docs.known(name).is_some())
}

/// Asks about a collection, and notes what it is. Its answer is for `act`.
fn ask<T>(
    session: &Session,
    name: &str,
    ask: impl FnOnce() -> DocsAsk,
    act: impl FnOnce(&DocsFound) -> Fallible<T>,
) -> Fallible<T> {
    let answer: ForeignAnswer = session.ask(Service::Docs, || {
        Question::Docs(DocsQuestion {
            collection: name.to_owned(),
            ask: ask(),
        })
    })?;
    let Answer::Docs(DocsAnswer { collection, found }) = &*answer else {
        return Err(unexpected(&answer));
    };
    let before = is_known(session, name);
    let is_same = session.state(|state| {
        let known = state.transaction.docs.known_mut(name);
        if !before {
            known.seen = collection.clone().map(Rc::new);
        }
        known.seen.as_ref().map(|seen| (seen.id, seen.version))
            == collection.as_ref().map(|now| (now.id, now.version))
    });
    if !is_same {
        // What follows from the one form of the collection would be laid over what follows from the other.
        return Err(conflict::met(session, name));
    }
    session.state(|state| state.transaction.begin_moment());
    let result = act(found)?;
    session.check_reads()?;
    Ok(result)
}

/// Looks a document up as it is stored, and with it the collection. It is asked for unless it is known.
fn look_up(session: &Session, name: &str, id: &str) -> Fallible<Option<Seen>> {
    let known_before = is_known(session, name)
        .then(|| known(session, name, |known| known.read(id).map(Option::<&Seen>::cloned)))
        .flatten();
    if let Some(seen) = known_before {
        return Ok(seen);
    }
    let ids = || vec![id.to_owned()];
    ask(
        session,
        name,
        || DocsAsk::Get { ids: ids() },
        |found| {
            let DocsFound::Documents { documents } = found else {
                return Err(refused(found));
            };
            let seen = match documents.first() {
                Some(document) => Some(Seen {
                    text: copied(session, &document.document)?,
                    version: document.version,
                }),
                None => None,
            };
            known(session, name, |known| known.note_document(id, seen.clone()));
            Ok(seen)
        },
    )
}

/// Learns what a collection is, unless it is known.
fn look_at(session: &Session, name: &str) -> Fallible<()> {
    if is_known(session, name) {
        return Ok(());
    }
    ask(session, name, || DocsAsk::Get { ids: Vec::new() }, |_| Ok(()))
}

/// The text of a document as the run sees it.
fn current(session: &Session, name: &str, id: &str) -> Fallible<Option<Rc<str>>> {
    let own = is_known(session, name)
        .then(|| {
            known(session, name, |known| {
                let pending = known.written.get(id);
                pending.map(|pending| {
                    pending
                        .document
                        .as_ref()
                        .map(|document| Rc::clone(&document.text))
                })
            })
        })
        .flatten();
    match own {
        Some(text) => Ok(text),
        None => Ok(look_up(session, name, id)?.map(|seen| seen.text)),
    }
}

fn get(session: &Session, name: &str, id: &str) -> Fallible<Dynamic> {
    match current(session, name, id)? {
        Some(text) => Ok(json::parse_text(&text)?),
        None => Ok(Dynamic::UNIT),
    }
}

/// A copy that counts as memory of the run, and as read.
fn copied(session: &Session, text: &str) -> Fallible<Rc<str>> {
    gate::reserve(text.len())?;
    session.meter(Service::Docs, |used| used.bytes_read += text.len() as u64);
    Ok(Rc::from(text))
}

/// A document in memory. What it takes there is a few times its text.
fn parsed(text: Rc<str>) -> Fallible<Parsed> {
    spend_bytes(text.len())?;
    gate::reserve(text.len().saturating_mul(BYTES_PER_BYTE_OF_TEXT))?;
    let value = serde_json::from_str(&text).map_err(|error| fail(format!("docs: no document: {error}")))?;
    Ok(Parsed {
        text,
        value: Rc::new(value),
    })
}

/// How much memory a byte of JSON takes at most, roughly, once it is read: a member of an array is at least two bytes.
const BYTES_PER_BYTE_OF_TEXT: usize = 16;

/// What is wrong with a cursor when another index is used than for the page before.
const OTHER_ORDER: &str = "docs::find: that cursor is one of another order: without a sort it is that of the index that is \
    used, and since that page another one is; leave it out to begin with the first, or say a sort";

/// Why a question was refused.
#[expect(
    clippy::unnecessary_box_returns,
    reason = "the form in which Rhai takes errors"
)]
fn refused(found: &DocsFound) -> Box<rhai::EvalAltResult> {
    match found {
        DocsFound::Refused { message } => fail(message.clone()),
        DocsFound::OtherOrder => fail(OTHER_ORDER),
        _ => fail("the host answered a question about documents with something else"),
    }
}

/// `name`, if a collection may have it.
fn valid_name(function: &str, name: &str) -> Fallible<()> {
    match CollectionName::new(name) {
        Ok(_) => Ok(()),
        Err(error) => Err(fail(format!("{function}: {error}"))),
    }
}

/// `id`, if a document may have it.
fn valid_id(function: &str, id: &str) -> Fallible<()> {
    if is_document_id(id) {
        return Ok(());
    }
    Err(fail(format!(
        "{function}: an id has 1 to {DOCUMENT_ID_BYTES_MAX} bytes, not {}",
        id.len()
    )))
}
