//! Claims on hosts.

use async_trait::async_trait;
use picloud_shared::{
    change::Change,
    domain::{DomainClaim, HostPattern},
    id::{AppId, DomainId, RouteId},
    page::{Page, PageRequest},
    repository::{AddDomainError, DomainRepository, RemoveDomainError, StoreError},
    time::Timestamp,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Store, audit::Entry, change::ReleaseChange, convert::parse, db::Transaction, statements::statements,
    value::args,
};

statements! {
    INSERT_DOMAIN = "INSERT INTO domains (id, app_id, pattern, shape_key, created_at) \
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (shape_key) DO NOTHING";
    FIND_SHAPE = "SELECT app_id FROM domains WHERE shape_key = $1";
    LIST_DOMAINS = "SELECT id, app_id, pattern, created_at FROM domains \
        WHERE app_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    PATTERNS = "SELECT id, app_id, pattern, created_at FROM domains WHERE app_id = $1 ORDER BY id";
    ROUTE_HOSTS = "SELECT id, host FROM routes WHERE app_id = $1 AND host IS NOT NULL ORDER BY id";
    DELETE_DOMAIN = "DELETE FROM domains WHERE id = $1";
}

#[derive(sqlx::FromRow)]
pub(crate) struct DomainRow {
    pub(crate) id: Uuid,
    pub(crate) app_id: Uuid,
    pub(crate) pattern: String,
    pub(crate) created_at: i64,
}

#[async_trait]
impl DomainRepository for Store {
    async fn add_domain(&self, claim: DomainClaim, change: &Change) -> Result<DomainClaim, AddDomainError> {
        let Some(mut release) = ReleaseChange::begin(&self.db, claim.app_id, change).await? else {
            return Err(AddDomainError::NoApp);
        };
        let transaction = &mut release.transaction;
        if !insert_domain(transaction, &claim).await? {
            let shape = claim.pattern.shape_key();
            let holder: Option<(Uuid,)> = transaction.fetch_optional(FIND_SHAPE, args![&shape]).await?;
            return Err(AddDomainError::Taken {
                own: holder.is_some_and(|(app,)| app == claim.app_id.0),
            });
        }
        let entry = about("add_domain", &claim).after(state(&claim));
        release
            .commit(&format!("domain {} added", claim.pattern), entry)
            .await?;
        Ok(claim)
    }

    async fn list_domains(&self, app: AppId, page: PageRequest) -> Result<Page<DomainClaim>, StoreError> {
        let args = args![app, page.after.unwrap_or_default(), u64::from(page.limit) + 1];
        let rows: Vec<DomainRow> = self.db.fetch_all(LIST_DOMAINS, args).await?;
        let claims = rows
            .into_iter()
            .map(DomainClaim::try_from)
            .collect::<Result<_, _>>()?;
        Ok(Page::from_overfull(claims, page.limit, |claim: &DomainClaim| {
            claim.id.0
        }))
    }

    async fn remove_domain(
        &self,
        app: AppId,
        domain: DomainId,
        change: &Change,
    ) -> Result<bool, RemoveDomainError> {
        let Some(mut release) = ReleaseChange::begin(&self.db, app, change).await? else {
            return Ok(false);
        };
        let mut others = claims(&mut release.transaction, app).await?;
        let Some(position) = others.iter().position(|claim| claim.id == domain) else {
            return Ok(false);
        };
        let removed = others.swap_remove(position);
        let stranded = routes_not_under(&mut release.transaction, app, &others).await?;
        if !stranded.is_empty() {
            return Err(RemoveDomainError::InUse(stranded));
        }
        delete_domain(&mut release.transaction, domain).await?;
        let entry = about("remove_domain", &removed).before(state(&removed));
        release
            .commit(&format!("domain {} removed", removed.pattern), entry)
            .await?;
        Ok(true)
    }
}

fn about(action: &'static str, claim: &DomainClaim) -> Entry {
    Entry::new(action).about("domain", claim.id, &claim.pattern)
}

/// What the audit log says of a domain.
fn state(claim: &DomainClaim) -> serde_json::Value {
    json!({ "pattern": claim.pattern.as_str() })
}

/// Writes a claim; `false` if one of its shape is there.
pub(crate) async fn insert_domain(
    transaction: &mut Transaction,
    claim: &DomainClaim,
) -> Result<bool, StoreError> {
    let shape = claim.pattern.shape_key();
    let new = args![
        claim.id,
        claim.app_id,
        claim.pattern.as_str(),
        &shape,
        claim.created_at
    ];
    Ok(transaction.execute(INSERT_DOMAIN, new).await? > 0)
}

/// Takes a claim away.
pub(crate) async fn delete_domain(transaction: &mut Transaction, domain: DomainId) -> Result<(), StoreError> {
    transaction
        .execute(DELETE_DOMAIN, args![domain])
        .await
        .map(|_| ())
}

/// Whether a claim of the app covers `host`, at this moment of the transaction.
pub(crate) async fn is_claimed(
    transaction: &mut Transaction,
    app: AppId,
    host: &HostPattern,
) -> Result<bool, StoreError> {
    Ok(covers(&claims(transaction, app).await?, host))
}

async fn claims(transaction: &mut Transaction, app: AppId) -> Result<Vec<DomainClaim>, StoreError> {
    let rows: Vec<DomainRow> = transaction.fetch_all(PATTERNS, args![app]).await?;
    rows.into_iter().map(DomainClaim::try_from).collect()
}

/// The routes of the app that name a host which none of `claims` covers.
async fn routes_not_under(
    transaction: &mut Transaction,
    app: AppId,
    claims: &[DomainClaim],
) -> Result<Vec<RouteId>, StoreError> {
    let rows: Vec<(Uuid, String)> = transaction.fetch_all(ROUTE_HOSTS, args![app]).await?;
    let mut found = Vec::new();
    for (route, host) in rows {
        let host: HostPattern = parse("host", &host)?;
        if !covers(claims, &host) {
            found.push(RouteId(route));
        }
    }
    Ok(found)
}

fn covers(claims: &[DomainClaim], host: &HostPattern) -> bool {
    claims.iter().any(|claim| host.is_under(&claim.pattern))
}

impl TryFrom<DomainRow> for DomainClaim {
    type Error = StoreError;

    fn try_from(row: DomainRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: DomainId(row.id),
            app_id: AppId(row.app_id),
            pattern: parse("domain", &row.pattern)?,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}
