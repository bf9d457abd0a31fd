//! What is read of documents, and whether it is as it was.

use picloud_shared::{
    id::AppId,
    services::docs::{
        Claim, Collection, CollectionCommit, Definition, DocsAnswer, DocsAsk, DocsFound, DocsQuestion,
        Document, Entry, Find, Stretch, after_all,
    },
};
use rusqlite::{Connection, Error, OptionalExtension as _, Row, Rows, params};
use uuid::Uuid;

use crate::{
    docs::{
        self, conflict_key, nothing,
        walk::{BATCH_BYTES_MAX, Candidate, Walk, Wanted},
    },
    kv::text,
    sqlite::kv::read::{corrupt, id},
    statements::statements,
};

statements! {
    BEGIN_MOMENT = "BEGIN";
    END_MOMENT = "ROLLBACK";
    COLLECTION = "SELECT id, version, definition FROM collections WHERE app_id = ?1 AND name = ?2";
    DOCUMENT = "SELECT id, document, version, created_at, updated_at FROM documents \
        WHERE collection_id = ?1 AND id = ?2";
    DOCUMENTS_BY_ID = "SELECT id, document, version, created_at, updated_at, id FROM documents \
        WHERE collection_id = ?1 AND id >= ?2 AND id < ?3 ORDER BY id LIMIT ?4";
    DOCUMENTS_BY_ID_DOWN = "SELECT id, document, version, created_at, updated_at, id FROM documents \
        WHERE collection_id = ?1 AND id >= ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4";
    // The join is walked in the order in which it is written: through the index.
    DOCUMENTS_BY_INDEX = "SELECT d.id, d.document, d.version, d.created_at, d.updated_at, i.position \
        FROM document_index i CROSS JOIN documents d ON d.collection_id = ?1 AND d.id = i.document_id \
        WHERE i.collection_id = ?1 AND i.index_id = ?5 AND i.position >= ?2 AND i.position < ?3 \
        ORDER BY i.position LIMIT ?4";
    DOCUMENTS_BY_INDEX_DOWN = "SELECT d.id, d.document, d.version, d.created_at, d.updated_at, i.position \
        FROM document_index i CROSS JOIN documents d ON d.collection_id = ?1 AND d.id = i.document_id \
        WHERE i.collection_id = ?1 AND i.index_id = ?5 AND i.position >= ?2 AND i.position < ?3 \
        ORDER BY i.position DESC LIMIT ?4";
    VERSION_OF_COLLECTION = "SELECT id, version FROM collections WHERE app_id = ?1 AND name = ?2";
    VERSION_OF_DOCUMENT = "SELECT version FROM documents WHERE collection_id = ?1 AND id = ?2";
    VERSIONS_BY_ID = "SELECT version, id FROM documents WHERE collection_id = ?1 AND id >= ?2 AND id < ?3";
    VERSIONS_BY_INDEX = "SELECT d.version, d.id \
        FROM document_index i CROSS JOIN documents d ON d.collection_id = ?1 AND d.id = i.document_id \
        WHERE i.collection_id = ?1 AND i.index_id = ?4 AND i.position >= ?2 AND i.position < ?3";
}

/// Answers a question about one collection, as of one moment.
pub(crate) fn answer(
    connection: &Connection,
    app: AppId,
    question: &DocsQuestion,
) -> Result<DocsAnswer, Error> {
    let _moment = Moment::begin(connection)?;
    let Some(collection) = collection(connection, app, &question.collection)? else {
        return Ok(nothing());
    };
    let found = match &question.ask {
        DocsAsk::Get { ids } => {
            let mut documents = Vec::with_capacity(ids.len());
            for one in ids {
                documents.extend(document(connection, collection.id, one)?);
            }
            DocsFound::Documents { documents }
        }
        DocsAsk::Claims { claims } => DocsFound::Claims {
            claims: claims
                .iter()
                .map(|entry| claim(connection, collection.id, entry))
                .collect::<Result<_, _>>()?,
        },
        DocsAsk::Find(ask) => find(connection, collection.id, &collection.definition, ask)?,
    };
    Ok(DocsAnswer {
        collection: Some(collection),
        found,
    })
}

/// Answers what asks for documents if that takes few looks, however many there are.
pub(crate) fn answer_shortly(
    connection: &Connection,
    app: AppId,
    name: &str,
    ask: &Find,
) -> Result<Option<DocsAnswer>, Error> {
    let _moment = Moment::begin(connection)?;
    let Some(collection) = collection(connection, app, name)? else {
        return Ok(Some(nothing()));
    };
    let Ok(walk) = Walk::new(&collection.definition, ask) else {
        return Ok(None);
    };
    if !walk.is_short() {
        return Ok(None);
    }
    let found = end(connection, collection.id, walk)?;
    Ok(Some(DocsAnswer {
        collection: Some(collection),
        found,
    }))
}

/// One moment in which a connection reads, until it is dropped.
struct Moment<'c>(&'c Connection);

impl<'c> Moment<'c> {
    fn begin(connection: &'c Connection) -> Result<Self, Error> {
        connection.prepare_cached(BEGIN_MOMENT)?.execute([])?;
        Ok(Self(connection))
    }
}

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        let ended = self
            .0
            .prepare_cached(END_MOMENT)
            .and_then(|mut end| end.execute([]));
        // Whoever is lent the connection next cannot begin, and gets another one.
        if let Err(error) = ended {
            tracing::warn!(%error, "a moment of reading could not be ended");
        }
    }
}

fn collection(connection: &Connection, app: AppId, name: &str) -> Result<Option<Collection>, Error> {
    let row = connection
        .prepare_cached(COLLECTION)?
        .query_row(params![id(&app), name], |row| {
            Ok((uuid(row, 0)?, row.get(1)?, row.get::<_, String>(2)?))
        })
        .optional()?;
    row.map(|(id, version, definition)| docs::collection(id, version, &definition).map_err(corrupt))
        .transpose()
}

fn document(connection: &Connection, collection: Uuid, document: &str) -> Result<Option<Document>, Error> {
    connection
        .prepare_cached(DOCUMENT)?
        .query_row(params![collection.as_bytes(), document.as_bytes()], of_row)
        .optional()
}

fn claim(connection: &Connection, collection: Uuid, entry: &Entry) -> Result<Claim, Error> {
    let mut stretch = Stretch {
        index: Some(entry.index),
        low: entry.key.clone(),
        high: after_all(&entry.key),
        count: 0,
        mark: 0,
        is_claim: true,
    };
    let mut ids = Vec::new();
    look(connection, collection, &stretch.clone(), |row| {
        stretch.count += 1;
        stretch.mark ^= row.get::<_, i64>(0)?;
        ids.push(text("id of a document", row.get(1)?).map_err(corrupt)?);
        Ok(())
    })?;
    Ok(Claim { ids, stretch })
}

fn find(
    connection: &Connection,
    collection: Uuid,
    definition: &Definition,
    ask: &Find,
) -> Result<DocsFound, Error> {
    match Walk::new(definition, ask) {
        Ok(walk) => end(connection, collection, walk),
        Err(error) => docs::refused(&error).map_err(corrupt),
    }
}

/// Walks to the end.
fn end(connection: &Connection, collection: Uuid, mut walk: Walk<'_>) -> Result<DocsFound, Error> {
    while let Some(wanted) = walk.wanted() {
        let (candidates, is_cut) = candidates(connection, collection, &wanted)?;
        if let Err(error) = walk.take(candidates, is_cut) {
            return docs::refused(&error).map_err(corrupt);
        }
    }
    Ok(DocsFound::Page(walk.finish()))
}

/// The candidates that are wanted, and whether there are fewer because they are large.
fn candidates(
    connection: &Connection,
    collection: Uuid,
    wanted: &Wanted<'_>,
) -> Result<(Vec<Candidate>, bool), Error> {
    let sql = match (wanted.index, wanted.is_descending) {
        (None, false) => DOCUMENTS_BY_ID,
        (None, true) => DOCUMENTS_BY_ID_DOWN,
        (Some(_), false) => DOCUMENTS_BY_INDEX,
        (Some(_), true) => DOCUMENTS_BY_INDEX_DOWN,
    };
    let mut statement = connection.prepare_cached(sql)?;
    let collection = collection.as_bytes();
    let (low, high, limit) = (wanted.low, wanted.high, wanted.limit);
    let mut rows: Rows<'_> = match wanted.index {
        None => statement.query(params![collection, low, high, limit])?,
        Some(index) => statement.query(params![collection, low, high, limit, index])?,
    };
    let mut candidates = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        if bytes > BATCH_BYTES_MAX {
            return Ok((candidates, true));
        }
        let document = of_row(row)?;
        bytes += document.document.len();
        candidates.push(Candidate {
            position: row.get(5)?,
            document,
        });
    }
    Ok((candidates, false))
}

/// What is not as it was read, if there is something.
pub(crate) fn stale(
    connection: &Connection,
    app: AppId,
    commit: &CollectionCommit,
) -> Result<Option<String>, Error> {
    let is_there: Option<(Uuid, i64)> = connection
        .prepare_cached(VERSION_OF_COLLECTION)?
        .query_row(params![id(&app), commit.name], |row| {
            Ok((uuid(row, 0)?, row.get(1)?))
        })
        .optional()?;
    if is_there.map(|(_, version)| version) != commit.version {
        return Ok(Some(conflict_key(commit, "")));
    }
    let Some((collection, _)) = is_there else {
        return Ok(None);
    };
    if commit.id != Some(collection) {
        return Ok(Some(conflict_key(commit, "")));
    }
    for read in &commit.documents {
        let version: Option<i64> = connection
            .prepare_cached(VERSION_OF_DOCUMENT)?
            .query_row(params![collection.as_bytes(), read.id.as_bytes()], |row| {
                row.get(0)
            })
            .optional()?;
        if version != read.version {
            return Ok(Some(conflict_key(commit, &read.id)));
        }
    }
    for stretch in &commit.stretches {
        let (mut count, mut mark) = (0, 0);
        look(connection, collection, stretch, |row| {
            count += 1;
            mark ^= row.get::<_, i64>(0)?;
            Ok(())
        })?;
        if (count, mark) != (stretch.count, stretch.mark) {
            return Ok(Some(conflict_key(commit, "")));
        }
    }
    Ok(None)
}

/// Goes through the versions and ids of the documents in a part of a collection.
fn look(
    connection: &Connection,
    collection: Uuid,
    stretch: &Stretch,
    mut see: impl FnMut(&Row<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let collection = collection.as_bytes();
    let sql = if stretch.index.is_some() {
        VERSIONS_BY_INDEX
    } else {
        VERSIONS_BY_ID
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = match stretch.index {
        None => statement.query(params![collection, stretch.low, stretch.high])?,
        Some(index) => statement.query(params![collection, stretch.low, stretch.high, index])?,
    };
    while let Some(row) = rows.next()? {
        see(row)?;
    }
    Ok(())
}

fn uuid(row: &Row<'_>, column: usize) -> Result<Uuid, Error> {
    row.get::<_, [u8; 16]>(column).map(Uuid::from_bytes)
}

fn of_row(row: &Row<'_>) -> Result<Document, Error> {
    docs::document(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?).map_err(corrupt)
}
