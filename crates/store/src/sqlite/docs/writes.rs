//! What is written.

use picloud_shared::{
    id::AppId,
    quota::QuotaExceeded,
    repository::StoreError,
    services::docs::{CollectionCommit, DocumentWrite, Entry},
    time::Timestamp,
};
use rusqlite::{Connection, Error, params};
use uuid::Uuid;

use crate::{
    convert::to_json,
    docs::collections::check_room,
    kv::new_version,
    sqlite::kv::read::{corrupt, id},
    statements::statements,
};

statements! {
    COLLECTIONS_OF_APP = "SELECT count(*) FROM collections WHERE app_id = ?1";
    NEW_COLLECTION = "INSERT INTO collections (id, app_id, name, definition, version, created_at, updated_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)";
    PUT_DOCUMENT = "INSERT INTO documents (collection_id, id, app_id, document, version, created_at, updated_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT (collection_id, id) DO UPDATE SET \
        document = excluded.document, version = excluded.version, updated_at = excluded.updated_at";
    DELETE_DOCUMENT = "DELETE FROM documents WHERE collection_id = ?1 AND id = ?2";
    ADD_ENTRY = "INSERT INTO document_index (collection_id, index_id, position, document_id) \
        VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    REMOVE_ENTRY = "DELETE FROM document_index WHERE collection_id = ?1 AND index_id = ?2 AND position = ?3";
}

/// Why a collection that a run makes is one too many.
pub(crate) fn refused(
    connection: &Connection,
    app: AppId,
    commit: &CollectionCommit,
) -> Result<Option<QuotaExceeded>, Error> {
    if commit.created.is_none() {
        return Ok(None);
    }
    let count = connection
        .prepare_cached(COLLECTIONS_OF_APP)?
        .query_row(params![id(&app)], |row| row.get(0))?;
    Ok(check_room(count).err())
}

/// Writes what a run writes in one collection.
pub(crate) fn write(
    connection: &Connection,
    app: AppId,
    commit: &CollectionCommit,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(collection) = commit.id else {
        return Ok(());
    };
    if let Some(definition) = &commit.created {
        let definition = to_json(definition).map_err(|error: StoreError| corrupt(error))?;
        connection.prepare_cached(NEW_COLLECTION)?.execute(params![
            collection.as_bytes(),
            id(&app),
            commit.name,
            definition,
            new_version(),
            now.as_micros(),
        ])?;
    }
    for one in &commit.writes {
        write_document(connection, app, collection, one, now)?;
    }
    for indexed in &commit.indexed {
        add(connection, collection, &indexed.entry, &indexed.id)?;
    }
    Ok(())
}

fn write_document(
    connection: &Connection,
    app: AppId,
    collection: Uuid,
    write: &DocumentWrite,
    now: Timestamp,
) -> Result<(), Error> {
    let key = write.id.as_bytes();
    for entry in &write.removed {
        let position = entry.position(&write.id);
        connection.prepare_cached(REMOVE_ENTRY)?.execute(params![
            collection.as_bytes(),
            entry.index,
            position
        ])?;
    }
    match &write.document {
        Some(document) => connection.prepare_cached(PUT_DOCUMENT)?.execute(params![
            collection.as_bytes(),
            key,
            id(&app),
            document,
            new_version(),
            now.as_micros(),
        ])?,
        None => connection
            .prepare_cached(DELETE_DOCUMENT)?
            .execute(params![collection.as_bytes(), key])?,
    };
    for entry in &write.added {
        add(connection, collection, entry, &write.id)?;
    }
    Ok(())
}

fn add(connection: &Connection, collection: Uuid, entry: &Entry, document: &str) -> Result<(), Error> {
    connection.prepare_cached(ADD_ENTRY)?.execute(params![
        collection.as_bytes(),
        entry.index,
        entry.position(document),
        document.as_bytes(),
    ])?;
    Ok(())
}
