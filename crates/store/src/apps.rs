//! Apps and the history of their slugs.

use async_trait::async_trait;
use picloud_shared::{
    app::{App, AppRef, Slug},
    change::Change,
    id::{AppId, UserId},
    page::{Page, PageRequest},
    repository::{
        AppRepository, AppScope, AppUpdate, CreateAppError, DeleteAppError, FoundApp, ListedApp, NewApp,
        SlugStatus, StoreError, UpdateAppError,
    },
    time::Timestamp,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Store,
    audit::{Entry, append},
    authority::confirm,
    convert::{number, parse},
    db::{Db, Transaction},
    events,
    executions::purge::delete_all,
    statements::statements,
    value::args,
};

/// What the audit log says of an app whose old slug another one took.
const LOST_SLUG: &str = "lose_old_slug";

macro_rules! columns {
    () => {
        "id, slug, name, description, release, created_at, updated_at"
    };
}

macro_rules! select_listed {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.slug, a.name, a.description, a.release, a.created_at, a.updated_at, m.role ",
            $rest
        )
    };
}

statements! {
    INSERT_APP = "INSERT INTO apps (id, slug, name, description, release, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, 0, $5, $5) ON CONFLICT (slug) DO NOTHING";
    FIND_APP = concat!("SELECT ", columns!(), " FROM apps WHERE id = $1");
    FIND_APP_BY_SLUG = concat!("SELECT ", columns!(), " FROM apps WHERE slug = $1");
    FIND_APP_BY_OLD_SLUG = concat!("SELECT ", columns!(), " FROM apps \
        WHERE id = (SELECT app_id FROM slug_history WHERE slug = $1)");
    LIST_APPS = select_listed!("FROM apps a LEFT JOIN app_members m ON m.app_id = a.id AND m.user_id = $1 \
        WHERE a.id > $2 ORDER BY a.id LIMIT $3");
    LIST_APPS_OF_MEMBER = select_listed!("FROM app_members m JOIN apps a ON a.id = m.app_id \
        WHERE m.user_id = $1 AND m.app_id > $2 ORDER BY m.app_id LIMIT $3");
    LIST_ONE_APP = select_listed!("FROM apps a LEFT JOIN app_members m ON m.app_id = a.id AND m.user_id = $1 \
        WHERE a.id = $4 AND a.id > $2 ORDER BY a.id LIMIT $3");
    /// Makes the writers of one app wait for each other; see `ReleaseChange`.
    LOCK_APP = concat!("UPDATE apps SET release = release WHERE id = $1 RETURNING ", columns!());
    UPDATE_APP = "UPDATE apps SET slug = $2, name = $3, description = $4, updated_at = $5 WHERE id = $1";
    HAS_CONTENT = "SELECT EXISTS (SELECT 1 FROM scripts WHERE app_id = $1) \
        OR EXISTS (SELECT 1 FROM domains WHERE app_id = $1) \
        OR EXISTS (SELECT 1 FROM kv WHERE app_id = $1) \
        OR EXISTS (SELECT 1 FROM collections WHERE app_id = $1) \
        OR EXISTS (SELECT 1 FROM config WHERE app_id = $1) \
        OR EXISTS (SELECT 1 FROM secrets WHERE app_id = $1) AS has_content";
    DELETE_APP = "DELETE FROM apps WHERE id = $1";
    FIND_OLD_SLUG = "SELECT app_id FROM slug_history WHERE slug = $1";
    INSERT_OLD_SLUG = "INSERT INTO slug_history (slug, app_id, created_at) VALUES ($1, $2, $3) \
        ON CONFLICT (slug) DO UPDATE SET app_id = excluded.app_id, created_at = excluded.created_at";
    DELETE_OLD_SLUG = "DELETE FROM slug_history WHERE slug = $1";
}

#[derive(sqlx::FromRow)]
struct AppRow {
    id: Uuid,
    slug: String,
    name: String,
    description: String,
    release: i64,
    created_at: i64,
    updated_at: i64,
}

#[derive(sqlx::FromRow)]
struct ListedRow {
    #[sqlx(flatten)]
    app: AppRow,
    role: Option<String>,
}

#[async_trait]
impl AppRepository for Store {
    async fn create_app(&self, app: NewApp, change: &Change) -> Result<App, CreateAppError> {
        let mut transaction = self.db.write_accounts().await?;
        confirm(&mut transaction, change, None).await?;
        let new = args![app.id, app.slug.as_str(), &app.name, &app.description, change.at];
        if transaction.execute(INSERT_APP, new).await? == 0 {
            return Err(CreateAppError::SlugTaken);
        }
        let taken = take_from_history(&mut transaction, &app.slug, app.id, app.force)
            .await?
            .ok_or(CreateAppError::SlugInHistory)?;
        let app = App {
            id: app.id,
            slug: app.slug,
            name: app.name,
            description: app.description,
            release: 0,
            created_at: change.at,
            updated_at: change.at,
        };
        let entry = about("create_app", &app).after(state(&app));
        taken.record(&mut transaction, change).await?;
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(app)
    }

    async fn find_app(&self, app: &AppRef) -> Result<Option<FoundApp>, StoreError> {
        let find = |sql, args| self.db.fetch_optional::<AppRow>(sql, args);
        let slug = match app {
            AppRef::Id(id) => {
                let found = find(FIND_APP, args![*id]).await?;
                return found
                    .map(App::try_from)
                    .transpose()
                    .map(|app| app.map(FoundApp::Current));
            }
            AppRef::Slug(slug) => slug.as_str(),
        };
        if let Some(found) = find(FIND_APP_BY_SLUG, args![slug]).await? {
            return App::try_from(found).map(|app| Some(FoundApp::Current(app)));
        }
        let renamed = find(FIND_APP_BY_OLD_SLUG, args![slug]).await?;
        renamed
            .map(App::try_from)
            .transpose()
            .map(|app| app.map(FoundApp::Renamed))
    }

    async fn list_apps(
        &self,
        scope: AppScope,
        person: UserId,
        page: PageRequest,
    ) -> Result<Page<ListedApp>, StoreError> {
        let after = page.after.unwrap_or_default();
        let limit = u64::from(page.limit) + 1;
        let (sql, args) = match scope {
            AppScope::All => (LIST_APPS, args![person, after, limit]),
            AppScope::MemberOf(member) => (LIST_APPS_OF_MEMBER, args![member, after, limit]),
            AppScope::One(app) => (LIST_ONE_APP, args![person, after, limit, app]),
            AppScope::None => return Ok(Page::empty()),
        };
        let rows: Vec<ListedRow> = self.db.fetch_all(sql, args).await?;
        let apps = rows
            .into_iter()
            .map(ListedApp::try_from)
            .collect::<Result<_, _>>()?;
        Ok(Page::from_overfull(apps, page.limit, |listed: &ListedApp| {
            listed.app.id.0
        }))
    }

    async fn update_app(
        &self,
        id: AppId,
        update: AppUpdate,
        change: &Change,
    ) -> Result<Option<App>, UpdateAppError> {
        let mut transaction = self.db.write_accounts().await?;
        let locked: Option<AppRow> = transaction.fetch_optional(LOCK_APP, args![id]).await?;
        let Some(before) = locked.map(App::try_from).transpose()? else {
            return Ok(None);
        };
        confirm(&mut transaction, change, Some(id)).await?;
        let mut after = before.clone();
        after.slug = update.slug.unwrap_or(after.slug);
        after.name = update.name.unwrap_or(after.name);
        after.description = update.description.unwrap_or(after.description);
        if after == before {
            return Ok(Some(before));
        }
        after.updated_at = change.at;

        let new = args![
            id,
            after.slug.as_str(),
            &after.name,
            &after.description,
            change.at
        ];
        if !transaction.execute_unless_taken(UPDATE_APP, new).await? {
            return Err(UpdateAppError::SlugTaken);
        }
        let mut taken = Taken(None);
        if after.slug != before.slug {
            taken = take_from_history(&mut transaction, &after.slug, id, update.force)
                .await?
                .ok_or(UpdateAppError::SlugInHistory)?;
            let old = args![before.slug.as_str(), id, change.at];
            transaction.execute(INSERT_OLD_SLUG, old).await?;
        }
        let entry = about("update_app", &after)
            .before(state(&before))
            .after(state(&after));
        taken.record(&mut transaction, change).await?;
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(Some(after))
    }

    async fn delete_app(&self, app: AppId, force: bool, change: &Change) -> Result<bool, DeleteAppError> {
        let mut transaction = self.db.write_accounts().await?;
        // Locked in a statement of its own: what the next one sees includes what was written while waiting.
        let locked: Option<AppRow> = transaction.fetch_optional(LOCK_APP, args![app]).await?;
        let Some(before) = locked.map(App::try_from).transpose()? else {
            return Ok(false);
        };
        confirm(&mut transaction, change, Some(app)).await?;
        if !force {
            let content: Option<(bool,)> = transaction.fetch_optional(HAS_CONTENT, args![app]).await?;
            if content.is_some_and(|(has_content,)| has_content) {
                return Err(DeleteAppError::NotEmpty);
            }
        }
        transaction.lock_data(app).await?;
        transaction.execute(DELETE_APP, args![app]).await?;
        let entry = about("delete_app", &before).before(state(&before));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        self.secrets.forget(app);
        if let Db::Sqlite(db) = &self.db {
            db.kv.forget(app);
        }
        // The app is gone now, whatever comes of this; what remains is found by the next purge.
        let deliveries = events::purge::delete_all(&self.db, app).await;
        if let Err(error) = deliveries.and(delete_all(&self.db, app).await) {
            tracing::warn!(app.id = %app, %error, "records and deliveries of a deleted app remain until the next purge");
        }
        Ok(true)
    }

    async fn slug_status(&self, slug: &Slug) -> Result<SlugStatus, StoreError> {
        let found: Option<AppRow> = self
            .db
            .fetch_optional(FIND_APP_BY_SLUG, args![slug.as_str()])
            .await?;
        if let Some(app) = found {
            return Ok(SlugStatus::Taken(AppId(app.id)));
        }
        let old: Option<(Uuid,)> = self
            .db
            .fetch_optional(FIND_OLD_SLUG, args![slug.as_str()])
            .await?;
        Ok(old.map_or(SlugStatus::Available, |(app,)| SlugStatus::Historical(AppId(app))))
    }
}

fn about(action: &'static str, app: &App) -> Entry {
    Entry::new(action).in_app(app.id).about("app", app.id, &app.slug)
}

/// What the audit log says of an app.
fn state(app: &App) -> serde_json::Value {
    json!({ "slug": app.slug.as_str(), "name": app.name, "description": app.description })
}

/// An old slug that another app lost, if it was one.
struct Taken(Option<(App, Slug)>);

impl Taken {
    /// Leaves a record in the app that lost it: those who look after that one may not see who has it now, but that its
    /// old address leads elsewhere.
    async fn record(self, transaction: &mut Transaction, change: &Change) -> Result<(), StoreError> {
        let Some((app, slug)) = self.0 else {
            return Ok(());
        };
        let entry = about(LOST_SLUG, &app)
            .before(json!({ "old_slug": slug.as_str() }))
            .after(json!({ "old_slug": null }));
        append(transaction, change, entry).await
    }
}

/// Removes `slug`, which `app` has just got, from the history, and tells who had it; `None` if it redirects to another
/// app that must keep it.
///
/// The history is read after the slug was written, never before: an app that gives a slug up at the same
/// moment makes the write wait, and this statement then sees the history that it left.
async fn take_from_history(
    transaction: &mut Transaction,
    slug: &Slug,
    app: AppId,
    force: bool,
) -> Result<Option<Taken>, StoreError> {
    let found: Option<AppRow> = transaction
        .fetch_optional(FIND_APP_BY_OLD_SLUG, args![slug.as_str()])
        .await?;
    let Some(had) = found.map(App::try_from).transpose()? else {
        return Ok(Some(Taken(None)));
    };
    if had.id != app && !force {
        return Ok(None);
    }
    transaction.execute(DELETE_OLD_SLUG, args![slug.as_str()]).await?;
    let lost = (had.id != app).then(|| (had, slug.clone()));
    Ok(Some(Taken(lost)))
}

impl TryFrom<ListedRow> for ListedApp {
    type Error = StoreError;

    fn try_from(row: ListedRow) -> Result<Self, StoreError> {
        Ok(Self {
            app: row.app.try_into()?,
            membership: row.role.map(|role| parse("app role", &role)).transpose()?,
        })
    }
}

impl TryFrom<AppRow> for App {
    type Error = StoreError;

    fn try_from(row: AppRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: AppId(row.id),
            slug: parse("slug", &row.slug)?,
            name: row.name,
            description: row.description,
            release: number("release", row.release)?,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}
