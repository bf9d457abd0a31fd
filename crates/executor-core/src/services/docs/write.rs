//! Writing documents.

use std::rc::Rc;

use picloud_shared::services::{
    Service,
    docs::{Collection, DOCUMENT_BYTES_MAX, Definition, DocsAsk, DocsFound, Entry, merge},
};
use rhai::{Dynamic, Map};
use serde_json::Value;

use super::{
    ask, current, known, look_at, look_up, parsed,
    pending::{Parsed, Pending, Places},
    refused,
};
use crate::{
    api::{Fallible, fail, new_v7, spend_bytes},
    json,
    services::session::Session,
};

/// Writes a new document under an id that none has yet.
pub(super) fn insert(session: &Session, name: &str, id: &str, document: Parsed) -> Fallible<()> {
    const FUNCTION: &str = "docs::insert";
    if current(session, name, id)?.is_some() {
        return Err(fail(format!(
            "{FUNCTION}: there is a document `{id}` in `{name}` already"
        )));
    }
    write(session, FUNCTION, name, id, Some(document))
}

/// Writes a new document under a new id, which it gives.
pub(super) fn insert_new(session: &Session, name: &str, document: Parsed) -> Fallible<String> {
    let id = new_v7()?.to_string();
    look_at(session, name)?;
    // Nobody has such an id; if somebody has, it is a conflict.
    known(session, name, |known| known.note_document(&id, None));
    write(session, "docs::insert", name, &id, Some(document))?;
    Ok(id)
}

/// Writes another document in the place of one; tells whether that was there.
pub(super) fn replace(session: &Session, name: &str, id: &str, document: Parsed) -> Fallible<bool> {
    if current(session, name, id)?.is_none() {
        return Ok(false);
    }
    write(session, "docs::replace", name, id, Some(document))?;
    Ok(true)
}

/// Changes parts of a document; gives the whole, or nothing if it is not there.
pub(super) fn patch(session: &Session, name: &str, id: &str, patch: Value) -> Fallible<Dynamic> {
    const FUNCTION: &str = "docs::patch";
    let Some(text) = current(session, name, id)? else {
        return Ok(Dynamic::UNIT);
    };
    let mut value = Rc::unwrap_or_clone(parsed(text)?.value);
    merge(&mut value, patch);
    let text = serde_json::to_string(&value).map_err(|error| fail(format!("{FUNCTION}: {error}")))?;
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(too_large(FUNCTION));
    }
    spend_bytes(text.len())?;
    let document = Parsed {
        text: Rc::from(text),
        value: Rc::new(value),
    };
    let whole = json::parse_text(&document.text)?;
    write(session, FUNCTION, name, id, Some(document))?;
    Ok(whole)
}

/// Deletes a document; tells whether it was there.
pub(super) fn delete(session: &Session, name: &str, id: &str) -> Fallible<bool> {
    if current(session, name, id)?.is_none() {
        return Ok(false);
    }
    write(session, "docs::delete", name, id, None)?;
    Ok(true)
}

/// A document from a script.
pub(super) fn given(function: &str, document: &Map) -> Fallible<Parsed> {
    let text = json_text(function, document)?;
    parsed(Rc::from(text))
}

/// A map as JSON.
pub(super) fn json_text(function: &str, map: &Map) -> Fallible<String> {
    let mut out = Vec::new();
    // The copy is one of handles to what is in the map.
    json::write(&Dynamic::from_map(map.clone()), &mut out, DOCUMENT_BYTES_MAX).map_err(
        |error| match error {
            json::JsonError::TooLarge { .. } => too_large(function),
            other => other.into(),
        },
    )?;
    String::from_utf8(out).map_err(|_| fail(format!("{function}: the document is not UTF-8 text")))
}

#[expect(
    clippy::unnecessary_box_returns,
    reason = "the form in which Rhai takes errors"
)]
fn too_large(function: &str) -> Box<rhai::EvalAltResult> {
    fail(format!(
        "{function}: the document is larger than {DOCUMENT_BYTES_MAX} bytes; keep it in parts"
    ))
}

/// Writes a document, whose stored form was looked up; or deletes it.
fn write(session: &Session, function: &str, name: &str, id: &str, document: Option<Parsed>) -> Fallible<()> {
    let (collection, before) = known(session, name, |known| {
        let before = known.written.get(id).map(|pending| Rc::clone(&pending.before));
        (known.collection().cloned(), before)
    });
    let collection = if let Some(collection) = collection {
        collection
    } else {
        let made = Rc::new(new_collection()?);
        session.state(|state| state.transaction.create_collection(name, Rc::clone(&made)));
        made
    };
    let definition = &collection.definition;
    let before = match before {
        Some(before) => before,
        None => match look_up(session, name, id)? {
            Some(seen) => Rc::new(stored_places(definition, &parsed(seen.text)?.value)),
            None => Rc::default(),
        },
    };
    let after = match &document {
        Some(document) => {
            if let Some(schema) = &definition.schema {
                let fits = schema.check(&document.value);
                fits.map_err(|error| fail(format!("{function}: `{name}` has a schema: {error}")))?;
            }
            places(function, definition, &document.value)?
        }
        None => Places::default(),
    };
    check_claims(session, function, name, id, &collection, &before, &after)?;
    let bytes = id.len() + document.as_ref().map_or(0, |document| document.text.len());
    session.meter(Service::Docs, |used| used.bytes_written += bytes as u64);
    session.state(|state| {
        let pending = Pending {
            document,
            before,
            after,
        };
        state.transaction.write_document(name, id, pending);
    });
    session.check_writes()
}

/// A collection that nobody declared.
fn new_collection() -> Fallible<Collection> {
    Ok(Collection {
        id: new_v7()?,
        version: 0,
        definition: Definition::default(),
    })
}

fn places(function: &str, definition: &Definition, document: &Value) -> Fallible<Places> {
    let entries = definition.entries(document);
    Ok(Places {
        entries: entries.map_err(|error| fail(format!("{function}: {error}")))?,
        claims: definition.claims(document),
    })
}

/// The same of a document that is stored, which may be older than an index that it does not fit.
fn stored_places(definition: &Definition, document: &Value) -> Places {
    Places {
        entries: definition.stored_entries(document),
        claims: definition.claims(document),
    }
}

/// Looks whether another document has what this one claims, among those of the run itself and those that are stored.
fn check_claims(
    session: &Session,
    function: &str,
    name: &str,
    id: &str,
    collection: &Collection,
    before: &Places,
    after: &Places,
) -> Fallible<()> {
    let claims: Vec<Entry> = {
        let new = after.claims.iter().filter(|claim| !before.claims.contains(claim));
        new.cloned().collect()
    };
    let taken = |claim: &Entry| {
        let path = collection
            .definition
            .index(claim.index)
            .map_or("", |index| index.path.as_str());
        fail(format!(
            "{function}: another document in `{name}` has the same value at `{path}`, which is unique"
        ))
    };
    let own = known(session, name, |known| {
        let others = || known.written.iter().filter(|(other, _)| *other != id);
        let is_taken = |claim: &&Entry| others().any(|(_, pending)| pending.after.claims.contains(claim));
        after.claims.iter().find(is_taken).cloned()
    });
    if let Some(claim) = own {
        return Err(taken(&claim));
    }
    let is_stored = known(session, name, |known| known.seen.is_some());
    if claims.is_empty() || !is_stored {
        return Ok(());
    }
    let asked = || DocsAsk::Claims {
        claims: claims.clone(),
    };
    ask(session, name, asked, |found| {
        let DocsFound::Claims { claims: found } = found else {
            return Err(refused(found));
        };
        let mut first = None;
        for (claim, found) in claims.iter().zip(found) {
            let is_taken = known(session, name, |known| {
                known.note_stretch(found.stretch.clone());
                // What the run writes itself was looked at already.
                let mut others = found.ids.iter().filter(|other| *other != id);
                others.any(|other| !known.written.contains_key(other.as_str()))
            });
            if is_taken && first.is_none() {
                first = Some(taken(claim));
            }
        }
        first.map_or(Ok(()), Err)
    })
}
