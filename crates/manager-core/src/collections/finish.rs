//! Doing all that is still to be done in a collection.

use picloud_shared::{
    change::Change,
    id::AppId,
    problem::Code,
    repository::AppCollection,
    services::docs::{CollectionName, Definition},
};
use uuid::Uuid;

use super::pass::Pass;
use crate::{
    Manager,
    http::problem::{Answer, Refusal, not_found, problem},
};

/// How often a definition that was changed by others meanwhile is looked at anew.
const TRIES_MAX: usize = 10;

/// Does what is still to be done in the collection `id`, and gives what it is then. A refusal is that of the change, which has
/// left nothing; or tells what failed, and all is as it was and still to be done.
pub(crate) async fn finish(
    manager: &Manager,
    app: AppId,
    name: &CollectionName,
    id: Uuid,
) -> Answer<AppCollection> {
    let mut refused: Option<Refusal> = None;
    for _ in 0..TRIES_MAX {
        let found = manager.repository().find_collection(app, name.as_str()).await?;
        let collection = found.filter(|found| found.id == id);
        let collection = collection.ok_or_else(|| not_found("collection"))?;
        let definition = &collection.definition;
        if definition.goal().is_some() {
            let pass = Pass::new(manager, app, name, &collection);
            let (next, refusal) = match pass.run().await? {
                None => (definition.succeed(), None),
                Some(refusal) => (definition.refuse(), Some(refusal)),
            };
            let is_refused = refusal.is_some();
            if change(manager, app, &collection, next, is_refused).await? {
                refused = refusal;
            }
        } else if definition.unfinished.is_some() {
            for index in definition.dropped() {
                while manager.repository().sweep_index(id, index).await? > 0 {}
            }
            change(manager, app, &collection, definition.swept(), false).await?;
        } else {
            return match refused {
                None => Ok(collection),
                Some(refusal) => Err(refusal),
            };
        }
    }
    Err(problem(
        Code::Conflict,
        "Others change the collection at the same time. Look what it is before you try again.",
    ))
}

/// Stores the next definition, unless others have stored one; tells whether it has.
async fn change(
    manager: &Manager,
    app: AppId,
    before: &AppCollection,
    next: Definition,
    is_refused: bool,
) -> Answer<bool> {
    let now = manager.now();
    // The log was told of the change when it began; that nothing came of it is another one.
    let told = is_refused.then(|| Change::by_server(now));
    let changed = manager
        .repository()
        .change_collection(app, before, next, told.as_ref(), now)
        .await?;
    Ok(changed.is_some())
}
