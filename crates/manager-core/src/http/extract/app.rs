//! `{app}` in a path: an id, a slug, or a slug that the app used to have.

use axum::extract::{FromRef, FromRequestParts, RawPathParams};
use http::{Uri, request::Parts};
use picloud_shared::{
    access::AppRole,
    app::{App, AppRef},
    repository::{FoundApp, Repository, StoreError},
};

use crate::{
    Manager,
    http::access::Caller,
    http::problem::{Answer, Refusal, internal, not_found},
    http::verbs,
};

/// What stands before the app in every path that names one: `/api/v1/admin/apps/{app}`, `/api/v1/apps/{app}`.
const BEFORE_APP: &str = "apps";

/// The app that the path names, in which the caller may do what the operation does.
pub(crate) struct AppPath {
    pub(crate) app: App,
    /// What the caller may do there.
    pub(crate) role: AppRole,
}

impl<S: Send + Sync> FromRequestParts<S> for AppPath
where
    Manager: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let manager = Manager::from_ref(state);
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| not_found("app"))?;
        let (_, name) = params
            .iter()
            .find(|(name, _)| *name == "app")
            .ok_or_else(internal)?;
        let caller = Caller::from_request_parts(parts, state).await?;
        let (app, is_renamed) = match find(manager.repository(), name).await? {
            Some(FoundApp::Current(app)) => (app, false),
            Some(FoundApp::Renamed(app)) => (app, true),
            None => return Err(not_found("app")),
        };
        // Whoever may not see an app does not learn what it is called now.
        let role = caller.permit(&manager, app.id, "app").await?;
        if is_renamed {
            return Err(Refusal::Moved(renamed(&parts.uri, app.slug.as_str())));
        }
        Ok(Self { app, role })
    }
}

/// The app with this id or slug; an old slug does as well. For places where nothing can be redirected. Whether the
/// caller may see it is still to be asked.
pub(crate) async fn find_by_text(manager: &Manager, name: &str) -> Answer<App> {
    match find(manager.repository(), name).await? {
        Some(FoundApp::Current(app) | FoundApp::Renamed(app)) => Ok(app),
        None => Err(not_found("app")),
    }
}

async fn find(repository: &dyn Repository, name: &str) -> Result<Option<FoundApp>, StoreError> {
    match name.parse::<AppRef>() {
        Ok(app) => repository.find_app(&app).await,
        Err(_) => Ok(None),
    }
}

/// The same path and query under another slug.
fn renamed(uri: &Uri, slug: &str) -> String {
    let mut segments: Vec<&str> = uri.path().split('/').collect();
    let before = segments.iter().position(|segment| *segment == BEFORE_APP);
    if let Some(app) = before.and_then(|before| segments.get_mut(before + 1)) {
        *app = slug;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    verbs::outer(&segments.join("/")) + &query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_slug_changes() {
        let uri = Uri::from_static("/api/v1/admin/apps/old/scripts:check?x=old&y");
        assert_eq!(
            renamed(&uri, "new"),
            "/api/v1/admin/apps/new/scripts:check?x=old&y"
        );
        assert_eq!(
            renamed(
                &Uri::from_static("/api/v1/admin/apps/old/releases/1/!:restore"),
                "new"
            ),
            "/api/v1/admin/apps/new/releases/1:restore"
        );
        for (old, new) in [
            ("/api/v1/admin/apps/old", "/api/v1/admin/apps/new"),
            ("/api/v1/admin/apps/apps/apps", "/api/v1/admin/apps/new/apps"),
            ("/api/v1/apps/old/events", "/api/v1/apps/new/events"),
        ] {
            assert_eq!(renamed(&Uri::from_static(old), "new"), new);
        }
    }
}
