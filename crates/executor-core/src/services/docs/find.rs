//! Finding documents: what is stored, with what the run has written among it.

use std::rc::Rc;

use picloud_shared::services::docs::{
    Definition, DocsAsk, DocsFound, Find, FoundPage, Plan, Selection, cursor_text,
};
use rhai::{Array, Dynamic, Map};

use super::{OTHER_ORDER, ask, copied, is_known, known, options::Options, parsed, refused};
use crate::{
    api::{Fallible, fail},
    json,
    services::session::Session,
};

/// A document that was found, with its place among others.
struct Found {
    position: Vec<u8>,
    id: String,
    text: Rc<str>,
}

/// What is stored of a page: without what the run has written itself.
struct Stored {
    documents: Vec<(String, Rc<str>)>,
    count: u64,
    until: Option<Vec<u8>>,
}

/// The documents of one page, and where the next one begins.
pub(super) fn find(session: &Session, name: &str, options: Options) -> Fallible<Map> {
    let Options {
        selection,
        limit,
        after,
    } = options;
    let stored = stored(session, name, || Find {
        selection: selection.clone(),
        after: after.clone(),
        limit,
        except: written(session, name),
        only_count: false,
    })?;
    let Stored { documents, until, .. } = stored;
    if !has_written(session, name) {
        return page(&selection, documents, until);
    }
    let (plan, own) = own(session, name, &selection)?;
    let begin = position_in(&plan, after.as_deref())?;
    let end = position_in(&plan, until.as_deref())?;
    let is_behind = |position: &[u8], end: &[u8]| plan.is_behind(position, end);
    let own = own.into_iter().filter(|found| {
        begin.is_none_or(|begin| is_behind(&found.position, begin))
            && end.is_none_or(|end| !is_behind(&found.position, end))
    });
    let mut all: Vec<Found> = own.collect();
    let mut cursor = until;
    if all.is_empty() {
        return page(&selection, documents, cursor);
    }
    for (id, text) in documents {
        let document = parsed(Rc::clone(&text))?;
        let position = plan.position(&id, &document.value);
        all.push(Found { position, id, text });
    }
    all.sort_by(|left, right| plan.compare(&left.position, &right.position));
    if all.len() > limit as usize {
        all.truncate(limit as usize);
        cursor = all
            .last()
            .map(|last| plan.place(&plan.just_behind(&last.position)));
    }
    let documents = all.into_iter().map(|found| (found.id, found.text)).collect();
    page(&selection, documents, cursor)
}

/// The position of a place where a page ends, if it does, in the order of `plan`.
fn position_in<'p>(plan: &Plan, place: Option<&'p [u8]>) -> Fallible<Option<&'p [u8]>> {
    place
        .map(|place| plan.position_of(place).ok_or_else(|| fail(OTHER_ORDER)))
        .transpose()
}

/// What a script gets of a page.
fn page(selection: &Selection, documents: Vec<(String, Rc<str>)>, cursor: Option<Vec<u8>>) -> Fallible<Map> {
    let mut items = Array::with_capacity(documents.len());
    for (id, text) in documents {
        items.push(Dynamic::from_map(Map::from([
            ("id".into(), Dynamic::from(id)),
            ("document".into(), json::parse_text(&text)?),
        ])));
    }
    let cursor = cursor.map_or(Dynamic::UNIT, |place| cursor_text(selection, &place).into());
    Ok(Map::from([
        ("items".into(), Dynamic::from_array(items)),
        ("cursor".into(), cursor),
    ]))
}

/// How many documents match.
pub(super) fn count(session: &Session, name: &str, selection: &Selection) -> Fallible<i64> {
    let stored = stored(session, name, || Find {
        selection: selection.clone(),
        after: None,
        limit: 0,
        except: written(session, name),
        only_count: true,
    })?;
    if !has_written(session, name) {
        return Ok(i64::try_from(stored.count).unwrap_or(i64::MAX));
    }
    let (_, own) = own(session, name, selection)?;
    Ok(i64::try_from(stored.count + own.len() as u64).unwrap_or(i64::MAX))
}

fn stored(session: &Session, name: &str, find: impl FnOnce() -> Find) -> Fallible<Stored> {
    ask(
        session,
        name,
        || DocsAsk::Find(find()),
        |found| {
            let nothing = FoundPage::default();
            let page = match found {
                DocsFound::Page(page) => page,
                // There is no collection of this name.
                DocsFound::Documents { .. } => &nothing,
                other => return Err(refused(other)),
            };
            let mut documents = Vec::with_capacity(page.documents.len());
            for document in &page.documents {
                documents.push((document.id.clone(), copied(session, &document.document)?));
            }
            known(session, name, |known| {
                for stretch in &page.stretches {
                    known.note_stretch(stretch.clone());
                }
            });
            Ok(Stored {
                documents,
                count: page.count,
                until: page.until.clone(),
            })
        },
    )
}

/// Whether the run has written in a collection.
fn has_written(session: &Session, name: &str) -> bool {
    is_known(session, name) && known(session, name, |known| !known.written.is_empty())
}

/// The ids of what the run has written in a collection.
fn written(session: &Session, name: &str) -> Vec<String> {
    if !is_known(session, name) {
        return Vec::new();
    }
    known(session, name, |known| known.written.keys().cloned().collect())
}

/// What the run has written that matches, and the plan by which all that matches is ordered.
fn own(session: &Session, name: &str, selection: &Selection) -> Fallible<(Plan, Vec<Found>)> {
    known(session, name, |known| {
        let nothing = Definition::default();
        let definition = known
            .collection()
            .map_or(&nothing, |collection| &collection.definition);
        let plan = Plan::new(definition, selection).map_err(|error| fail(error.to_string()))?;
        let mut found = Vec::new();
        for (id, pending) in &known.written {
            let Some(document) = &pending.document else {
                continue;
            };
            if plan.matches(&document.value) {
                found.push(Found {
                    position: plan.position(id, &document.value),
                    id: id.clone(),
                    text: Rc::clone(&document.text),
                });
            }
        }
        Ok((plan, found))
    })
}
