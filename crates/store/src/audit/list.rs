//! Reading records.

use picloud_shared::{
    audit::{Actor, AuditFilter, AuditOutcome, ListedRecord},
    page::{Page, PageRequest},
    repository::StoreError,
    time::Timestamp,
};
use uuid::Uuid;

use super::listed::ListedRow;
use crate::{db::Db, statements::statements, value::args};

/// All columns of a record.
macro_rules! select {
    ($rest:expr) => {
        concat!(
            "SELECT chain, sequence, id, happened_at, outcome, action, actor_id, actor_name, via, credential_id, \
             address, request_id, app_id, target_kind, target_id, target_name, before_state, after_state, note, \
             reason, attempts, hash FROM audit_log ",
            $rest
        )
    };
}
pub(super) use select;

/// Newest first, from before the id `$1`. One statement for each index that can lead.
macro_rules! page {
    ($lead:literal) => {
        select!(concat!(
            "WHERE id < $1 AND happened_at >= $2 AND happened_at < $3 ",
            "AND (CAST($4 AS TEXT) IS NULL OR action = $4) ",
            "AND (CAST($5 AS TEXT) IS NULL OR outcome = $5) ",
            "AND (CAST($6 AS TEXT) IS NULL OR target_id = $6 OR target_name = $6) ",
            "AND (CAST($7 AS TEXT) IS NULL OR actor_name = $7) ",
            $lead,
            " ORDER BY id DESC LIMIT $8"
        ))
    };
}

statements! {
    LIST_AUDIT = page!("");
    LIST_AUDIT_OF_APP = page!("AND app_id = $9");
    LIST_AUDIT_OF_ACTOR = page!("AND actor_id = $9");
    LIST_AUDIT_OF_APP_AND_ACTOR = page!("AND app_id = $9 AND actor_id = $10");
}

pub(super) async fn list(
    db: &Db,
    filter: &AuditFilter,
    page: PageRequest,
) -> Result<Page<ListedRecord>, StoreError> {
    let (actor, actor_name) = match &filter.actor {
        None => (None, None),
        Some(Actor::Id(id)) => (Some(*id), None),
        Some(Actor::Name(name)) => (None, Some(name.as_str())),
    };
    let mut args = args![
        page.after.unwrap_or(Uuid::max()),
        filter.since.map_or(i64::MIN, Timestamp::as_micros),
        filter.until.map_or(i64::MAX, Timestamp::as_micros),
        filter.action.as_deref(),
        filter.outcome.map(AuditOutcome::as_str),
        filter.target.as_deref(),
        actor_name,
        u64::from(page.limit) + 1,
    ];
    let sql = match (filter.app, actor) {
        (None, None) => LIST_AUDIT,
        (Some(app), None) => {
            args.extend(args![app]);
            LIST_AUDIT_OF_APP
        }
        (None, Some(actor)) => {
            args.extend(args![actor]);
            LIST_AUDIT_OF_ACTOR
        }
        (Some(app), Some(actor)) => {
            args.extend(args![app, actor]);
            LIST_AUDIT_OF_APP_AND_ACTOR
        }
    };
    let rows: Vec<ListedRow> = db.fetch_all(sql, args).await?;
    let records = rows.into_iter().map(ListedRecord::from).collect();
    Ok(Page::from_overfull(
        records,
        page.limit,
        |record: &ListedRecord| record.id().0,
    ))
}
