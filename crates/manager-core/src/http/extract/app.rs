//! `{app}` in a path: an id, a slug, or a slug that the app used to have.

use axum::extract::{FromRef, FromRequestParts, RawPathParams};
use http::{Uri, request::Parts};
use picloud_shared::{
    app::{App, AppRef},
    repository::{FoundApp, Repository, StoreError},
};

use crate::{
    Manager,
    http::problem::{Answer, Refusal, internal, not_found},
};

/// Where the app stands in every path that names one: `/api/v1/admin/apps/{app}`.
const APP_SEGMENT: usize = 5;

/// The app that the path names.
pub(crate) struct AppPath(pub(crate) App);

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
        match find(manager.repository(), name).await? {
            Some(FoundApp::Current(app)) => Ok(Self(app)),
            Some(FoundApp::Renamed(app)) => Err(Refusal::Moved(renamed(&parts.uri, app.slug.as_str()))),
            None => Err(not_found("app")),
        }
    }
}

/// The app with this id or slug; an old slug does as well. For places where nothing can be redirected.
pub(crate) async fn find_by_text(manager: &Manager, name: &str) -> Answer<App> {
    match find(manager.repository(), name).await? {
        Some(FoundApp::Current(app) | FoundApp::Renamed(app)) => Ok(app),
        None => Err(not_found("app")),
    }
}

/// The same for `?app=`, which may be absent.
pub(crate) async fn find_app(manager: &Manager, name: Option<&str>) -> Answer<Option<App>> {
    match name {
        Some(name) => find_by_text(manager, name).await.map(Some),
        None => Ok(None),
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
    let segments: Vec<&str> = uri
        .path()
        .split('/')
        .enumerate()
        .map(|(at, segment)| if at == APP_SEGMENT { slug } else { segment })
        .collect();
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    segments.join("/") + &query
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
            renamed(&Uri::from_static("/api/v1/admin/apps/old"), "new"),
            "/api/v1/admin/apps/new"
        );
    }
}
