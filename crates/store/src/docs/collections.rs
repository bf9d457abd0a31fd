//! Collections, as people declare them.

use async_trait::async_trait;
use picloud_shared::{
    change::Change,
    id::{AppId, CollectionId},
    page::{Page, PageRequest},
    repository::{AppCollection, CollectionRepository, CreateCollectionError, StoreError},
    services::docs::{CollectionName, Definition},
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
    FIND_COLLECTION = "SELECT id, name, definition, created_at, updated_at FROM collections \
        WHERE app_id = $1 AND name = $2";
    LIST_COLLECTIONS = "SELECT id, name, definition, created_at, updated_at FROM collections \
        WHERE app_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    DELETE_COLLECTION = "DELETE FROM collections WHERE id = $1";
}

#[derive(sqlx::FromRow)]
struct CollectionRow {
    id: Uuid,
    name: String,
    definition: String,
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
        let mut transaction = change_of(&self.db, app, name.as_str()).await?;
        let found: Option<(Uuid,)> = transaction.fetch_optional(HAS_APP, args![app]).await?;
        if found.is_none() {
            return Err(CreateCollectionError::NoApp);
        }
        confirm(&mut transaction, change, Some(app)).await?;
        let made = AppCollection {
            id: CollectionId::new(change.at).0,
            name: name.as_str().to_owned(),
            definition,
            created_at: change.at,
            updated_at: change.at,
        };
        let stored = to_json(&made.definition)?;
        let row = args![made.id, app, name.as_str(), stored, new_version(), change.at];
        if transaction.execute(INSERT_COLLECTION, row).await? == 0 {
            return Err(CreateCollectionError::Taken);
        }
        let entry = about("create_collection", app, &made).after(state(&made));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(made)
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
    if let Db::Postgres(_) = db {
        transaction
            .execute(postgres::lock::COLLECTION, args![app, name])
            .await?;
    }
    Ok(transaction)
}

fn about(action: &'static str, app: AppId, collection: &AppCollection) -> Entry {
    Entry::new(action)
        .in_app(app)
        .about("collection", collection.id, &collection.name)
}

fn state(collection: &AppCollection) -> Value {
    let indexes = collection.definition.indexes.iter();
    let indexes: Vec<_> = indexes
        .map(|index| json!({ "path": index.path, "unique": index.is_unique }))
        .collect();
    json!({ "name": collection.name, "indexes": indexes, "has_schema": collection.definition.schema.is_some() })
}

impl TryFrom<CollectionRow> for AppCollection {
    type Error = StoreError;

    fn try_from(row: CollectionRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            name: row.name,
            definition: from_json("definition of a collection", &row.definition)?,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}
