//! Changing a collection that has documents: a piece at a time, while scripts go on.
//!
//! The definition that is stored says what is still to be done. What was begun is gone on with by whoever asks for a change
//! next, and at the next start: nobody looks for it meanwhile. `turns` has one work at a collection at a time, `finish` does
//! what is to be done, `pass` goes through the documents.

mod finish;
mod pass;
mod turns;

pub(crate) use self::{finish::finish, turns::Turns};
use crate::Manager;
use picloud_shared::{repository::StoreError, services::docs::CollectionName};

impl Manager {
    /// Goes on with what was begun before this start, beside all else. To be called once.
    pub async fn finish_collections(&self) -> Result<(), StoreError> {
        let unfinished = self.repository().unfinished_collections().await?;
        if unfinished.is_empty() {
            return Ok(());
        }
        let manager = self.clone();
        tokio::spawn(async move {
            for (app, collection) in unfinished {
                let Ok(name) = CollectionName::new(&collection.name) else {
                    continue;
                };
                let _turn = manager.collections().wait(collection.id).await;
                match finish(&manager, app, &name, collection.id).await {
                    Ok(_) => {
                        tracing::info!(app.id = %app, collection = %name, "a change of a collection is done");
                    }
                    Err(refusal) => {
                        tracing::warn!(app.id = %app, collection = %name, ?refusal, "a change of a collection has ended");
                    }
                }
            }
        });
        Ok(())
    }
}
