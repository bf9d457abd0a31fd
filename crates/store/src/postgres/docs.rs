//! Documents on PostgreSQL: what is found is of one moment, and each commit is one call for each collection.

use picloud_shared::{
    id::AppId,
    quota::{DATA_BYTES_DEFAULT, DATA_ROWS_DEFAULT},
    repository::StoreError,
    services::docs::{
        Claim, Collection, CollectionCommit, DocsAnswer, DocsAsk, DocsFound, DocsQuestion, Document, Entry,
        Find, Stretch, after_all,
    },
    time::Timestamp,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Postgres,
    ending::{Ending, ending, query},
    kv::count,
};
use crate::{
    convert::to_json,
    docs::{
        self, conflict_key, nothing,
        walk::{BATCH_BYTES_MAX, Candidate, Walk, Wanted},
    },
    error::store_error,
    kv::{new_version, text},
    statements::statements,
};

/// Bytes of entries in indexes beyond which a commit has the app to itself.
const ENTRY_BYTES_BESIDE_OTHERS_MAX: usize = 1_024 * 1_024;

/// Each statement of it sees what the first one saw.
const ONE_MOMENT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Documents between two positions, with no more bytes than are wanted, and one at least.
macro_rules! candidates {
    ($from:literal, $position:literal, $order:literal) => {
        concat!(
            "SELECT id, document, version, created_at, updated_at, position, total FROM ( \
             SELECT page.*, COUNT(*) OVER () AS total, SUM(octet_length(document)) OVER (ORDER BY position ",
            $order,
            ") - octet_length(document) AS bytes_before FROM ( \
             SELECT d.id, d.document, d.version, d.created_at, d.updated_at, ",
            $position,
            " AS position FROM ",
            $from,
            " AND ",
            $position,
            " >= $2 AND ",
            $position,
            " < $3 ORDER BY ",
            $position,
            " ",
            $order,
            " LIMIT $4) AS page) AS summed WHERE bytes_before <= $5 ORDER BY position ",
            $order
        )
    };
}

statements! {
    COLLECTION = "SELECT id, version, definition FROM collections WHERE app_id = $1 AND name = $2";
    DOCUMENTS = "SELECT id, document, version, created_at, updated_at FROM documents \
        WHERE collection_id = $1 AND id = ANY($2)";
    DOCUMENTS_BY_ID = candidates!("documents d WHERE d.collection_id = $1", "d.id", "ASC");
    DOCUMENTS_BY_ID_DOWN = candidates!("documents d WHERE d.collection_id = $1", "d.id", "DESC");
    DOCUMENTS_BY_INDEX = candidates!(
        "document_index i JOIN documents d ON d.collection_id = $1 AND d.id = i.document_id \
         WHERE i.collection_id = $1 AND i.index_id = $6", "i.position", "ASC");
    DOCUMENTS_BY_INDEX_DOWN = candidates!(
        "document_index i JOIN documents d ON d.collection_id = $1 AND d.id = i.document_id \
         WHERE i.collection_id = $1 AND i.index_id = $6", "i.position", "DESC");
    VERSIONS_BY_INDEX = "SELECT d.version, d.id \
        FROM document_index i JOIN documents d ON d.collection_id = $1 AND d.id = i.document_id \
        WHERE i.collection_id = $1 AND i.index_id = $4 AND i.position >= $2 AND i.position < $3";
    COMMIT_DOCUMENTS = "SELECT commit_documents($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, \
        $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29) AS stale";
    COMMIT_DOCUMENTS_ENDING = ending!("commit_documents($41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, \
        $53, $54, $55, $56, $57, $58, $59, $60, $61, $62, $63, $64, $65, $66, $67, $68, $69)");
}

#[derive(sqlx::FromRow)]
struct CollectionRow {
    id: Uuid,
    version: i64,
    definition: String,
}

#[derive(sqlx::FromRow)]
struct DocumentRow {
    id: Vec<u8>,
    document: String,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

#[derive(sqlx::FromRow)]
struct CandidateRow {
    #[sqlx(flatten)]
    row: DocumentRow,
    position: Vec<u8>,
    /// How many there would be without a bound on bytes.
    total: i64,
}

impl Postgres {
    /// Answers a question about one collection, as of one moment.
    pub(super) async fn answer_docs(
        &self,
        app: AppId,
        question: &DocsQuestion,
    ) -> Result<DocsAnswer, StoreError> {
        let mut moment = self.pool.begin_with(ONE_MOMENT).await.map_err(store_error)?;
        let connection: &mut PgConnection = &mut moment;
        let Some(collection) = collection(connection, app, &question.collection).await? else {
            return Ok(nothing());
        };
        let found = match &question.ask {
            DocsAsk::Get { ids } if ids.is_empty() => DocsFound::Documents {
                documents: Vec::new(),
            },
            DocsAsk::Get { ids } => DocsFound::Documents {
                documents: documents(connection, &collection, ids).await?,
            },
            DocsAsk::Claims { claims } => {
                let mut found = Vec::with_capacity(claims.len());
                for entry in claims {
                    found.push(claim(connection, &collection, entry).await?);
                }
                DocsFound::Claims { claims: found }
            }
            DocsAsk::Find(ask) => find(connection, &collection, ask).await?,
        };
        moment.commit().await.map_err(store_error)?;
        Ok(DocsAnswer {
            collection: Some(collection),
            found,
        })
    }
}

async fn collection(
    connection: &mut PgConnection,
    app: AppId,
    name: &str,
) -> Result<Option<Collection>, StoreError> {
    let row: Option<CollectionRow> = sqlx::query_as(COLLECTION)
        .bind(app.0)
        .bind(name)
        .fetch_optional(connection)
        .await
        .map_err(store_error)?;
    row.map(|row| docs::collection(row.id, row.version, &row.definition))
        .transpose()
}

async fn documents(
    connection: &mut PgConnection,
    collection: &Collection,
    ids: &[String],
) -> Result<Vec<Document>, StoreError> {
    let rows: Vec<DocumentRow> = sqlx::query_as(DOCUMENTS)
        .bind(collection.id)
        .bind(ids.iter().map(String::as_bytes).collect::<Vec<_>>())
        .fetch_all(connection)
        .await
        .map_err(store_error)?;
    rows.into_iter().map(Document::try_from).collect()
}

async fn claim(
    connection: &mut PgConnection,
    collection: &Collection,
    entry: &Entry,
) -> Result<Claim, StoreError> {
    let (low, high) = (entry.key.clone(), after_all(&entry.key));
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(VERSIONS_BY_INDEX)
        .bind(collection.id)
        .bind(&low)
        .bind(&high)
        .bind(entry.index)
        .fetch_all(connection)
        .await
        .map_err(store_error)?;
    let stretch = Stretch {
        index: Some(entry.index),
        low,
        high,
        count: rows.len() as u64,
        mark: rows.iter().fold(0, |mark, (version, _)| mark ^ version),
        is_claim: true,
    };
    let ids = rows.into_iter().map(|(_, id)| text("id of a document", id));
    Ok(Claim {
        ids: ids.collect::<Result<_, _>>()?,
        stretch,
    })
}

async fn find(
    connection: &mut PgConnection,
    collection: &Collection,
    ask: &Find,
) -> Result<DocsFound, StoreError> {
    let mut walk = match Walk::new(&collection.definition, ask) {
        Ok(walk) => walk,
        Err(error) => return docs::refused(&error),
    };
    while let Some(wanted) = walk.wanted() {
        let (found, is_cut) = candidates(&mut *connection, collection, &wanted).await?;
        if let Err(error) = walk.take(found, is_cut) {
            return docs::refused(&error);
        }
    }
    Ok(DocsFound::Page(walk.finish()))
}

/// The candidates that are wanted, and whether there are fewer because they are large.
async fn candidates(
    connection: &mut PgConnection,
    collection: &Collection,
    wanted: &Wanted<'_>,
) -> Result<(Vec<Candidate>, bool), StoreError> {
    let sql = match (wanted.index, wanted.is_descending) {
        (None, false) => DOCUMENTS_BY_ID,
        (None, true) => DOCUMENTS_BY_ID_DOWN,
        (Some(_), false) => DOCUMENTS_BY_INDEX,
        (Some(_), true) => DOCUMENTS_BY_INDEX_DOWN,
    };
    let mut query = sqlx::query_as(sql)
        .bind(collection.id)
        .bind(wanted.low)
        .bind(wanted.high)
        .bind(i64::from(wanted.limit))
        .bind(i64::try_from(BATCH_BYTES_MAX).unwrap_or(i64::MAX));
    if let Some(index) = wanted.index {
        query = query.bind(index);
    }
    let rows: Vec<CandidateRow> = query.fetch_all(connection).await.map_err(store_error)?;
    let total = rows.first().map_or(0, |row| row.total);
    let is_cut = total > i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let candidates = rows.into_iter().map(|row| {
        Ok(Candidate {
            position: row.position,
            document: row.row.try_into()?,
        })
    });
    Ok((candidates.collect::<Result<_, StoreError>>()?, is_cut))
}

/// Commits what a run read and writes in one collection, with what it does beside that if it is given;
/// gives what a conflict is over, if there is one.
pub(super) async fn commit(
    connection: &mut PgConnection,
    app: AppId,
    commit: &CollectionCommit,
    ending: Option<&Ending<'_>>,
    is_alone_in_app: bool,
    now: Timestamp,
) -> Result<Option<String>, sqlx::Error> {
    let CollectionCommit {
        documents,
        stretches,
        writes,
        indexed,
        ..
    } = commit;
    let definition = match &commit.created {
        Some(definition) => Some(to_json(definition).map_err(|error| sqlx::Error::Encode(error.into()))?),
        None => None,
    };
    let locks: Vec<(Vec<u8>, bool)> = locks(commit);
    let is_alone = !indexed.is_empty() || stretches.iter().any(|stretch| !stretch.is_claim);
    let puts = || {
        let puts = writes.iter();
        puts.filter_map(|write| write.document.as_ref().map(|document| (write, document)))
    };
    let deleted = writes.iter().filter(|write| write.document.is_none());
    let removed = || {
        writes
            .iter()
            .flat_map(|write| write.removed.iter().map(move |entry| (entry, &write.id)))
    };
    let added = || {
        let of_writes = writes
            .iter()
            .flat_map(|write| write.added.iter().map(move |entry| (entry, &write.id)));
        of_writes.chain(indexed.iter().map(|indexed| (&indexed.entry, &indexed.id)))
    };
    let stale = query(COMMIT_DOCUMENTS, COMMIT_DOCUMENTS_ENDING, ending)
        .bind(app.0)
        .bind(now.as_micros())
        .bind(&commit.name)
        .bind(commit.id)
        .bind(commit.version)
        .bind(definition)
        .bind(new_version())
        .bind(is_alone_in_app)
        .bind(is_alone)
        .bind(locks.iter().map(|(name, _)| name.as_slice()).collect::<Vec<_>>())
        .bind(
            locks
                .iter()
                .map(|(_, is_written)| *is_written)
                .collect::<Vec<_>>(),
        )
        .bind(
            documents
                .iter()
                .map(|read| read.id.as_bytes())
                .collect::<Vec<_>>(),
        )
        .bind(documents.iter().map(|read| read.version).collect::<Vec<_>>())
        .bind(stretches.iter().map(|stretch| stretch.index).collect::<Vec<_>>())
        .bind(
            stretches
                .iter()
                .map(|stretch| stretch.low.as_slice())
                .collect::<Vec<_>>(),
        )
        .bind(
            stretches
                .iter()
                .map(|stretch| stretch.high.as_slice())
                .collect::<Vec<_>>(),
        )
        .bind(
            stretches
                .iter()
                .map(|stretch| count(stretch.count))
                .collect::<Vec<_>>(),
        )
        .bind(stretches.iter().map(|stretch| stretch.mark).collect::<Vec<_>>())
        .bind(puts().map(|(write, _)| write.id.as_bytes()).collect::<Vec<_>>())
        .bind(puts().map(|(_, document)| document.as_str()).collect::<Vec<_>>())
        .bind(puts().map(|_| new_version()).collect::<Vec<_>>())
        .bind(deleted.map(|write| write.id.as_bytes()).collect::<Vec<_>>())
        .bind(removed().map(|(entry, _)| entry.index).collect::<Vec<_>>())
        .bind(
            removed()
                .map(|(entry, id)| entry.position(id))
                .collect::<Vec<_>>(),
        )
        .bind(added().map(|(entry, _)| entry.index).collect::<Vec<_>>())
        .bind(added().map(|(entry, id)| entry.position(id)).collect::<Vec<_>>())
        .bind(added().map(|(_, id)| id.as_bytes()).collect::<Vec<_>>())
        .bind(count(DATA_BYTES_DEFAULT))
        .bind(count(DATA_ROWS_DEFAULT))
        .fetch_one(connection)
        .await?;
    Ok(stale.map(|id| conflict_key(commit, &String::from_utf8_lossy(&id))))
}

/// Whether a commit is alone with the app: one that makes a collection, as these are counted, and one whose entries in
/// indexes may take so much that others beside it would lead beyond a quota.
pub(super) fn needs_app(collections: &[CollectionCommit]) -> bool {
    let entry_bytes = |collection: &CollectionCommit| -> usize {
        let of_writes = collection.writes.iter().flat_map(|write| {
            let bytes = |entry: &Entry| entry.key.len() + 2 * write.id.len();
            write.added.iter().map(bytes)
        });
        let of_documents = collection.indexed.iter();
        let of_documents = of_documents.map(|indexed| indexed.entry.key.len() + 2 * indexed.id.len());
        of_writes.chain(of_documents).sum()
    };
    collections.iter().any(|collection| collection.created.is_some())
        || collections.iter().map(entry_bytes).sum::<usize>() > ENTRY_BYTES_BESIDE_OTHERS_MAX
}

/// The documents and the values of unique indexes that a run touches, and whether it writes them.
fn locks(commit: &CollectionCommit) -> Vec<(Vec<u8>, bool)> {
    // A document and a value never have the same name.
    let document = |id: &str| [b"d", id.as_bytes()].concat();
    let value = |index: i32, key: &[u8]| [b"v", index.to_be_bytes().as_slice(), key].concat();
    let read = commit.documents.iter().map(|read| (document(&read.id), false));
    let claimed = commit.stretches.iter().filter(|stretch| stretch.is_claim);
    let claimed = claimed.filter_map(|stretch| Some((value(stretch.index?, &stretch.low), false)));
    let written = commit.writes.iter().flat_map(|write| {
        let claims = write
            .claims
            .iter()
            .map(|entry| (value(entry.index, &entry.key), true));
        claims.chain([(document(&write.id), true)])
    });
    read.chain(claimed).chain(written).collect()
}

impl TryFrom<DocumentRow> for Document {
    type Error = StoreError;

    fn try_from(row: DocumentRow) -> Result<Self, StoreError> {
        docs::document(row.id, row.document, row.version, row.created_at, row.updated_at)
    }
}
