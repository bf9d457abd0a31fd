//! Routes, and that no two of one app answer the same requests.

use async_trait::async_trait;
use picloud_shared::{
    change::Change,
    domain::HostPattern,
    id::{AppId, RouteId, ScriptId},
    page::{Page, PageRequest},
    repository::{AppScope, RouteRepository, RouteUpdate, StoreError, WriteRouteError},
    route::Route,
    time::Timestamp,
    webhook::Webhook,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Store,
    audit::Entry,
    change::ReleaseChange,
    convert::{from_json, parse, to_json},
    db::Transaction,
    domains::is_claimed,
    statements::statements,
    value::args,
};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, app_id, script_id, host, path, methods, webhook, created_at, updated_at FROM routes ",
            $rest
        )
    };
}

statements! {
    FIND_ROUTE = select!("WHERE id = $1");
    LIST_ROUTES = select!("WHERE id > $1 ORDER BY id LIMIT $2");
    LIST_ROUTES_OF_APP = select!("WHERE app_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    LIST_ROUTES_OF_SCRIPT = select!("WHERE script_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    LIST_ROUTES_OF_MEMBER = select!("WHERE app_id IN (SELECT app_id FROM app_members WHERE user_id = $1) \
        AND id > $2 ORDER BY id LIMIT $3");
    LIST_ROUTES_OF_MEMBER_AND_SCRIPT = select!("WHERE app_id IN (SELECT app_id FROM app_members WHERE user_id = $1) \
        AND script_id = $2 AND id > $3 ORDER BY id LIMIT $4");
    LIST_ROUTES_OF_APP_AND_SCRIPT = select!("WHERE app_id = $1 AND script_id = $2 AND id > $3 ORDER BY id LIMIT $4");
    SCRIPT_OF_APP = "SELECT id FROM scripts WHERE id = $1 AND app_id = $2";
    INSERT_ROUTE = "INSERT INTO routes (id, app_id, script_id, host, path, methods, webhook, created_at, \
        updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    UPDATE_ROUTE = "UPDATE routes SET script_id = $2, host = $3, path = $4, methods = $5, webhook = $6, \
        updated_at = $7 WHERE id = $1";
    DELETE_ROUTE = "DELETE FROM routes WHERE id = $1";
    INSERT_SHAPE = "INSERT INTO route_shapes (app_id, shape_key, method, route_id) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (app_id, shape_key, method) DO NOTHING";
    FIND_SHAPE = "SELECT route_id FROM route_shapes WHERE app_id = $1 AND shape_key = $2 AND method = $3";
    DELETE_SHAPES = "DELETE FROM route_shapes WHERE route_id = $1";
}

#[derive(sqlx::FromRow)]
pub(crate) struct RouteRow {
    pub(crate) id: Uuid,
    pub(crate) app_id: Uuid,
    pub(crate) script_id: Uuid,
    pub(crate) host: Option<String>,
    pub(crate) path: String,
    pub(crate) methods: String,
    pub(crate) webhook: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

#[async_trait]
impl RouteRepository for Store {
    async fn create_route(&self, route: Route, change: &Change) -> Result<Route, WriteRouteError> {
        let Some(mut release) = ReleaseChange::begin(&self.db, route.app_id, change).await? else {
            return Err(WriteRouteError::NoScript);
        };
        check(&mut release.transaction, &route).await?;
        insert_route(&mut release.transaction, &route).await?;
        insert_shapes(&mut release.transaction, &route).await?;
        let entry = about("create_route", &route).after(state(&route));
        release
            .commit(&format!("route {} created", short(&route)), entry)
            .await?;
        Ok(route)
    }

    async fn find_route(&self, route: RouteId) -> Result<Option<Route>, StoreError> {
        let row: Option<RouteRow> = self.db.fetch_optional(FIND_ROUTE, args![route]).await?;
        row.map(Route::try_from).transpose()
    }

    async fn list_routes(
        &self,
        scope: AppScope,
        script: Option<ScriptId>,
        page: PageRequest,
    ) -> Result<Page<Route>, StoreError> {
        let after = page.after.unwrap_or_default();
        let limit = u64::from(page.limit) + 1;
        let (sql, args) = match (scope, script) {
            (AppScope::None, _) => return Ok(Page::empty()),
            (AppScope::All, None) => (LIST_ROUTES, args![after, limit]),
            (AppScope::MemberOf(member), None) => (LIST_ROUTES_OF_MEMBER, args![member, after, limit]),
            (AppScope::One(app), None) => (LIST_ROUTES_OF_APP, args![app, after, limit]),
            (AppScope::All, Some(script)) => (LIST_ROUTES_OF_SCRIPT, args![script, after, limit]),
            (AppScope::MemberOf(member), Some(script)) => (
                LIST_ROUTES_OF_MEMBER_AND_SCRIPT,
                args![member, script, after, limit],
            ),
            (AppScope::One(app), Some(script)) => {
                (LIST_ROUTES_OF_APP_AND_SCRIPT, args![app, script, after, limit])
            }
        };
        let rows: Vec<RouteRow> = self.db.fetch_all(sql, args).await?;
        let routes = rows.into_iter().map(Route::try_from).collect::<Result<_, _>>()?;
        Ok(Page::from_overfull(routes, page.limit, |route: &Route| {
            route.id.0
        }))
    }

    async fn update_route(
        &self,
        id: RouteId,
        update: RouteUpdate,
        change: &Change,
    ) -> Result<Option<Route>, WriteRouteError> {
        let Some((mut release, before)) = self.begin_route_change(id, change).await? else {
            return Ok(None);
        };
        let mut after = before.clone();
        after.script_id = update.script_id.unwrap_or(after.script_id);
        after.host = update.host.unwrap_or(after.host);
        after.path = update.path.unwrap_or(after.path);
        after.methods = update.methods.unwrap_or(after.methods);
        after.webhook = update.webhook.unwrap_or(after.webhook);
        if after == before {
            return Ok(Some(before));
        }
        after.updated_at = change.at;
        check(&mut release.transaction, &after).await?;
        update_route(&mut release.transaction, &after).await?;
        delete_shapes(&mut release.transaction, id).await?;
        insert_shapes(&mut release.transaction, &after).await?;
        let summary = if short(&after) == short(&before) {
            format!("route {} changed", short(&before))
        } else {
            format!("route {} changed to {}", short(&before), short(&after))
        };
        let entry = about("update_route", &after)
            .before(state(&before))
            .after(state(&after));
        release.commit(&summary, entry).await?;
        Ok(Some(after))
    }

    async fn delete_route(&self, id: RouteId, change: &Change) -> Result<bool, StoreError> {
        let Some((mut release, route)) = self.begin_route_change(id, change).await? else {
            return Ok(false);
        };
        delete_route(&mut release.transaction, id).await?;
        let entry = about("delete_route", &route).before(state(&route));
        release
            .commit(&format!("route {} deleted", short(&route)), entry)
            .await?;
        Ok(true)
    }
}

impl Store {
    /// Begins a change of the route's app and reads the route as it is now; `None` if it is gone.
    async fn begin_route_change<'a>(
        &'a self,
        id: RouteId,
        change: &'a Change,
    ) -> Result<Option<(ReleaseChange<'a>, Route)>, StoreError> {
        // A route never moves to another app, so this may be read before the app is locked.
        let Some(route) = self.find_route(id).await? else {
            return Ok(None);
        };
        let Some(mut release) = ReleaseChange::begin(&self.db, route.app_id, change).await? else {
            return Ok(None);
        };
        let row: Option<RouteRow> = release.transaction.fetch_optional(FIND_ROUTE, args![id]).await?;
        let route = row.map(Route::try_from).transpose()?;
        Ok(route.map(|route| (release, route)))
    }
}

/// The script must be the app's own, and a claim of the app must cover the host. Both stay true until the
/// transaction ends, because the app is locked.
async fn check(transaction: &mut Transaction, route: &Route) -> Result<(), WriteRouteError> {
    let script: Option<(Uuid,)> = transaction
        .fetch_optional(SCRIPT_OF_APP, args![route.script_id, route.app_id])
        .await?;
    if script.is_none() {
        return Err(WriteRouteError::NoScript);
    }
    if let Some(host) = &route.host
        && !is_claimed(transaction, route.app_id, host).await?
    {
        return Err(WriteRouteError::HostNotClaimed);
    }
    Ok(())
}

/// Writes a new route, without its shapes.
pub(crate) async fn insert_route(transaction: &mut Transaction, route: &Route) -> Result<(), StoreError> {
    let methods = route.methods.to_string();
    let webhook = webhook_json(route.webhook.as_ref())?;
    let args = args![
        route.id,
        route.app_id,
        route.script_id,
        route.host.as_ref().map(HostPattern::as_str),
        route.path.as_str(),
        &methods,
        webhook,
        route.created_at,
        route.updated_at,
    ];
    transaction.execute(INSERT_ROUTE, args).await.map(|_| ())
}

/// Writes what a route is now, without its shapes.
pub(crate) async fn update_route(transaction: &mut Transaction, route: &Route) -> Result<(), StoreError> {
    let methods = route.methods.to_string();
    let webhook = webhook_json(route.webhook.as_ref())?;
    let args = args![
        route.id,
        route.script_id,
        route.host.as_ref().map(HostPattern::as_str),
        route.path.as_str(),
        &methods,
        webhook,
        route.updated_at,
    ];
    transaction.execute(UPDATE_ROUTE, args).await.map(|_| ())
}

/// Takes a route away, with its shapes.
pub(crate) async fn delete_route(transaction: &mut Transaction, route: RouteId) -> Result<(), StoreError> {
    transaction.execute(DELETE_ROUTE, args![route]).await.map(|_| ())
}

/// Gives up what a route takes, so that it can take something else.
pub(crate) async fn delete_shapes(transaction: &mut Transaction, route: RouteId) -> Result<(), StoreError> {
    transaction.execute(DELETE_SHAPES, args![route]).await.map(|_| ())
}

/// Takes the route's shape for each of its methods, or tells which route has it.
pub(crate) async fn insert_shapes(
    transaction: &mut Transaction,
    route: &Route,
) -> Result<(), WriteRouteError> {
    let shape = route.shape_key();
    for method in route.methods.known() {
        let new = args![route.app_id, &shape, method, route.id];
        if transaction.execute(INSERT_SHAPE, new).await? == 0 {
            let key = args![route.app_id, &shape, method];
            let holder: Option<(Uuid,)> = transaction.fetch_optional(FIND_SHAPE, key).await?;
            let holder = holder.map_or(route.id, |(holder,)| RouteId(holder));
            return Err(WriteRouteError::Conflict(holder));
        }
    }
    Ok(())
}

fn about(action: &'static str, route: &Route) -> Entry {
    Entry::new(action).about("route", route.id, short(route))
}

/// What the audit log says of a route.
fn state(route: &Route) -> serde_json::Value {
    json!({
        "script_id": route.script_id,
        "host": route.host.as_ref().map(HostPattern::as_str),
        "path": route.path.as_str(),
        "methods": route.methods.to_string(),
        "webhook": route.webhook,
    })
}

/// A webhook as its column has it.
fn webhook_json(webhook: Option<&Webhook>) -> Result<Option<String>, StoreError> {
    webhook.map(to_json).transpose()
}

/// A webhook that a column has.
pub(crate) fn webhook_from(json: Option<&str>) -> Result<Option<Webhook>, StoreError> {
    json.map(|json| from_json("webhook", json)).transpose()
}

/// A route in few words, such as `GET, POST example.com/hello`.
fn short(route: &Route) -> String {
    let host = route.host.as_ref().map_or("", HostPattern::as_str);
    format!("{} {host}{}", route.methods, route.path)
}

impl TryFrom<RouteRow> for Route {
    type Error = StoreError;

    fn try_from(row: RouteRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: RouteId(row.id),
            app_id: AppId(row.app_id),
            script_id: ScriptId(row.script_id),
            host: row.host.map(|host| parse("host", &host)).transpose()?,
            path: parse("path", &row.path)?,
            methods: parse("methods", &row.methods)?,
            webhook: webhook_from(row.webhook.as_deref())?,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}
