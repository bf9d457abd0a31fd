//! Whole releases at once: a bundle, or a release that is restored.
//!
//! Both are made into the [`Manifest`](picloud_shared::release::Manifest) that the app is to have, and `write` brings
//! the app there. Reading order: `plan` (what a bundle means for an app), then `write`, then `record` (what the audit log
//! says of it).

mod plan;
mod record;
pub(crate) mod write;

use std::sync::Arc;

use async_trait::async_trait;
use picloud_shared::{
    change::Change,
    id::{AppId, ScriptId},
    release::{Bundle, Changes},
    repository::{
        DeployError, DeployTerms, Deployed, DeploymentRepository, ReleaseRepository as _, StoreError,
    },
};

use self::plan::Plan;
use crate::{Store, audit::Entry, change::ReleaseChange, releases::find_release, removed::find_source};

#[async_trait]
impl DeploymentRepository for Store {
    async fn restore_release(
        &self,
        app: AppId,
        number: u32,
        terms: DeployTerms,
        change: &Change,
    ) -> Result<Option<Deployed>, DeployError> {
        let Some(mut release) = self.begin_deployment(app, terms, change).await? else {
            return Ok(None);
        };
        let Some((_, target)) = find_release(&mut release.transaction, app, number).await? else {
            return Ok(None);
        };
        let before = release.manifest().await?;
        let changes = write::bring_to(&mut release, &before, &target, &[], terms, change).await?;
        let summary = format!("release {number} restored");
        self.finish_deployment(release, terms, ("restore_release", &summary), changes)
            .await
            .map(Some)
    }

    async fn deploy_bundle(
        &self,
        app: AppId,
        bundle: &Bundle,
        terms: DeployTerms,
        change: &Change,
    ) -> Result<Option<Deployed>, DeployError> {
        let Some(mut release) = self.begin_deployment(app, terms, change).await? else {
            return Ok(None);
        };
        let before = release.manifest().await?;
        let plan = Plan::make(&mut release, &before, bundle, change).await?;
        let changes = write::bring_to(
            &mut release,
            &before,
            &plan.manifest,
            &plan.sources,
            terms,
            change,
        )
        .await?;
        if changes.is_empty() {
            let nothing = DeployTerms {
                dry_run: true,
                ..terms
            };
            return self
                .finish_deployment(release, nothing, ("create_release", ""), changes)
                .await
                .map(Some);
        }
        let summary = format!("bundle: {}", changes.summary());
        self.finish_deployment(release, terms, ("create_release", &summary), changes)
            .await
            .map(Some)
    }

    async fn find_released_source(
        &self,
        app: AppId,
        script: ScriptId,
        version: u32,
    ) -> Result<Option<Arc<str>>, StoreError> {
        find_source(&self.db, app, script, version).await
    }
}

impl Store {
    /// Begins a change of the app if the release is live that is expected; `None` if the app is gone.
    async fn begin_deployment<'a>(
        &'a self,
        app: AppId,
        terms: DeployTerms,
        change: &'a Change,
    ) -> Result<Option<ReleaseChange<'a>>, DeployError> {
        let Some(release) = ReleaseChange::begin(&self.db, app, change).await? else {
            return Ok(None);
        };
        let live = release.number()? - 1;
        if terms.expected.is_some_and(|expected| expected != live) {
            return Err(DeployError::ReleaseMismatch { live });
        }
        Ok(Some(release))
    }

    /// Makes the release, unless it was only tried.
    async fn finish_deployment(
        &self,
        release: ReleaseChange<'_>,
        terms: DeployTerms,
        (action, summary): (&'static str, &str),
        changes: Changes,
    ) -> Result<Deployed, DeployError> {
        if !terms.dry_run {
            let number = release.number()?;
            let entry = Entry::new(action)
                .about("release", number, number)
                .before(record::before(&changes))
                .after(record::after(&changes, summary));
            return Ok(Deployed {
                release: Some(release.commit(summary, entry).await?),
                is_new: true,
                changes,
            });
        }
        let (app, live) = (release.app(), release.number()? - 1);
        drop(release);
        let live = self.find_release(app, live).await?;
        Ok(Deployed {
            release: live.map(|(release, _)| release),
            is_new: false,
            changes,
        })
    }
}
