//! Collections, as people declare them.

use async_trait::async_trait;
use picloud_shared::{
    change::Change,
    id::{AppId, CollectionId},
    page::{Page, PageRequest},
    quota::{Quota, QuotaExceeded},
    repository::{AppCollection, CollectionRepository, CreateCollectionError, StoreError},
    script::ContentHash,
    services::docs::{COLLECTIONS_MAX, CollectionName, Definition},
    time::Timestamp,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Store,
    audit::{Entry, append},
    authority::confirm,
    convert::{from_json, to_json},
    db::{Db, Transaction},
    kv::new_version,
    postgres,
    statements::statements,
    value::args,
};

statements! {
    HAS_APP = "SELECT id FROM apps WHERE id = $1";
    INSERT_COLLECTION = "INSERT INTO collections (id, app_id, name, definition, version, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (app_id, name) DO NOTHING";
    COUNT_COLLECTIONS = "SELECT count(*) AS count FROM collections WHERE app_id = $1";
    FIND_COLLECTION = "SELECT app_id, id, name, definition, version, created_at, updated_at FROM collections \
        WHERE app_id = $1 AND name = $2";
    LIST_COLLECTIONS = "SELECT app_id, id, name, definition, version, created_at, updated_at FROM collections \
        WHERE app_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    UNFINISHED_COLLECTIONS = "SELECT app_id, id, name, definition, version, created_at, updated_at \
        FROM collections WHERE is_unfinished ORDER BY id";
    CHANGE_COLLECTION = "UPDATE collections SET definition = $3, is_unfinished = $4, version = $5, updated_at = $6 \
        WHERE id = $1 AND version = $2";
    SWEEP_INDEX = "DELETE FROM document_index WHERE collection_id = $1 AND index_id = $2 AND position IN ( \
        SELECT position FROM document_index WHERE collection_id = $1 AND index_id = $2 ORDER BY position LIMIT $3)";
    DELETE_COLLECTION = "DELETE FROM collections WHERE id = $1";
}

/// Entries of an index that is no more which are removed at one time.
const SWEPT_MAX: u64 = 2_000;

#[derive(sqlx::FromRow)]
struct CollectionRow {
    app_id: Uuid,
    id: Uuid,
    name: String,
    definition: String,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

#[async_trait]
impl CollectionRepository for Store {
    async fn list_collections(
        &self,
        app: AppId,
        page: PageRequest,
    ) -> Result<Page<AppCollection>, StoreError> {
        let args = args![app, page.after.unwrap_or_default(), u64::from(page.limit) + 1];
        let rows: Vec<CollectionRow> = self.db.fetch_all(LIST_COLLECTIONS, args).await?;
        let collections = rows.into_iter().map(AppCollection::try_from);
        let collections = collections.collect::<Result<_, _>>()?;
        Ok(Page::from_overfull(
            collections,
            page.limit,
            |one: &AppCollection| one.id,
        ))
    }

    async fn find_collection(&self, app: AppId, name: &str) -> Result<Option<AppCollection>, StoreError> {
        let row: Option<CollectionRow> = self.db.fetch_optional(FIND_COLLECTION, args![app, name]).await?;
        row.map(AppCollection::try_from).transpose()
    }

    async fn create_collection(
        &self,
        app: AppId,
        name: &CollectionName,
        definition: Definition,
        change: &Change,
    ) -> Result<AppCollection, CreateCollectionError> {
        let mut transaction = self.db.write().await?;
        if let Db::Postgres(_) = &self.db {
            // Against others who make one: commits of scripts do so alone with the app, too.
            transaction
                .execute(postgres::lock::DATA_OF_APP, args![app])
                .await?;
        }
        lock(&self.db, &mut transaction, app, name.as_str()).await?;
        let found: Option<(Uuid,)> = transaction.fetch_optional(HAS_APP, args![app]).await?;
        if found.is_none() {
            return Err(CreateCollectionError::NoApp);
        }
        confirm(&mut transaction, change, Some(app)).await?;
        let taken: Option<CollectionRow> = transaction
            .fetch_optional(FIND_COLLECTION, args![app, name.as_str()])
            .await?;
        if taken.is_some() {
            return Err(CreateCollectionError::Taken);
        }
        let count: Option<(i64,)> = transaction.fetch_optional(COUNT_COLLECTIONS, args![app]).await?;
        check_room(count.map_or(0, |(count,)| count)).map_err(CreateCollectionError::TooMany)?;
        let made = AppCollection {
            id: CollectionId::new(change.at).0,
            name: name.as_str().to_owned(),
            version: new_version(),
            definition,
            created_at: change.at,
            updated_at: change.at,
        };
        let stored = to_json(&made.definition)?;
        let row = args![made.id, app, name.as_str(), stored, made.version, change.at];
        if transaction.execute(INSERT_COLLECTION, row).await? == 0 {
            return Err(CreateCollectionError::Taken);
        }
        let entry = about("create_collection", app, &made).after(state(&made));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(made)
    }

    async fn change_collection(
        &self,
        app: AppId,
        before: &AppCollection,
        definition: Definition,
        told: Option<&Change>,
        now: Timestamp,
    ) -> Result<Option<AppCollection>, StoreError> {
        let mut transaction = change_of(&self.db, app, &before.name).await?;
        if let Some(change) = told {
            confirm(&mut transaction, change, Some(app)).await?;
        }
        let after = AppCollection {
            definition,
            version: new_version(),
            updated_at: now,
            ..before.clone()
        };
        let stored = to_json(&after.definition)?;
        let is_unfinished = after.definition.unfinished.is_some();
        let row = args![
            before.id,
            before.version,
            stored,
            is_unfinished,
            after.version,
            now
        ];
        if transaction.execute(CHANGE_COLLECTION, row).await? == 0 {
            return Ok(None);
        }
        if let Some(change) = told {
            let entry = about("update_collection", app, &after)
                .before(state(before))
                .after(state(&after));
            append(&mut transaction, change, entry).await?;
        }
        transaction.commit().await?;
        Ok(Some(after))
    }

    async fn unfinished_collections(&self) -> Result<Vec<(AppId, AppCollection)>, StoreError> {
        let rows: Vec<CollectionRow> = self.db.fetch_all(UNFINISHED_COLLECTIONS, args![]).await?;
        let rows = rows.into_iter();
        rows.map(|row| Ok((AppId(row.app_id), row.try_into()?))).collect()
    }

    async fn sweep_index(&self, collection: Uuid, index: i32) -> Result<u64, StoreError> {
        let mut transaction = self.db.write().await?;
        let which = args![collection, i64::from(index), SWEPT_MAX];
        let swept = transaction.execute(SWEEP_INDEX, which).await?;
        transaction.commit().await?;
        Ok(swept)
    }

    async fn delete_collection(&self, app: AppId, name: &str, change: &Change) -> Result<bool, StoreError> {
        let mut transaction = change_of(&self.db, app, name).await?;
        let found: Option<CollectionRow> = transaction
            .fetch_optional(FIND_COLLECTION, args![app, name])
            .await?;
        let Some(row) = found else {
            return Ok(false);
        };
        let collection = AppCollection::try_from(row)?;
        confirm(&mut transaction, change, Some(app)).await?;
        transaction
            .execute(DELETE_COLLECTION, args![collection.id])
            .await?;
        let entry = about("delete_collection", app, &collection).before(state(&collection));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Begins a change of what a collection is. No run commits to it before this has ended.
async fn change_of(db: &Db, app: AppId, name: &str) -> Result<Transaction, StoreError> {
    let mut transaction = db.write().await?;
    lock(db, &mut transaction, app, name).await?;
    Ok(transaction)
}

async fn lock(db: &Db, transaction: &mut Transaction, app: AppId, name: &str) -> Result<(), StoreError> {
    if let Db::Postgres(_) = db {
        transaction
            .execute(postgres::lock::COLLECTION, args![app, name])
            .await?;
    }
    Ok(())
}

/// Whether an app that has so many collections may have one more.
pub(crate) fn check_room(count: i64) -> Result<(), QuotaExceeded> {
    let used = u64::try_from(count).unwrap_or(0);
    if used < COLLECTIONS_MAX {
        return Ok(());
    }
    Err(QuotaExceeded {
        quota: Quota::Collections,
        used,
        max: COLLECTIONS_MAX,
    })
}

fn about(action: &'static str, app: AppId, collection: &AppCollection) -> Entry {
    Entry::new(action)
        .in_app(app)
        .about("collection", collection.id, &collection.name)
}

fn state(collection: &AppCollection) -> Value {
    let indexes = collection.definition.declared().iter();
    let indexes: Vec<_> = indexes
        .map(|index| json!({ "path": index.path, "unique": index.is_unique }))
        .collect();
    let schema = collection.definition.schema.as_ref();
    // It may be large; that it is another one is seen by its hash.
    let hash = schema.map(|schema| to_json(schema).map(|text| ContentHash::of(&text)));
    json!({
        "name": collection.name,
        "indexes": indexes,
        "has_schema": schema.is_some(),
        "schema_sha256": hash.and_then(Result::ok),
    })
}

impl TryFrom<CollectionRow> for AppCollection {
    type Error = StoreError;

    fn try_from(row: CollectionRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            name: row.name,
            version: row.version,
            definition: from_json("definition of a collection", &row.definition)?,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}
