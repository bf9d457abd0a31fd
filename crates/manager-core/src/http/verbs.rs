//! Verbs on one thing, such as `/releases/{release}:restore`.
//!
//! The router knows parameters as whole segments only. Inside, such a verb is therefore a segment of its own,
//! `/releases/{release}/!:restore`, and paths are rewritten on their way in. Nobody outside sees that form.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{Uri, uri::PathAndQuery};

/// What stands between the thing and the verb inside.
const MARK: &str = "/!:";

/// The paths of all operations that are a verb on one thing.
#[derive(Clone)]
pub(crate) struct Verbs(Arc<[String]>);

/// The path of an operation as the router knows it.
pub(crate) fn inner(template: &str) -> String {
    template.replace("}:", &format!("}}{MARK}"))
}

/// The opposite, for a path that was rewritten.
pub(crate) fn outer(path: &str) -> String {
    path.replace(MARK, ":")
}

impl Verbs {
    /// Those among `templates` that are verbs on one thing.
    pub(crate) fn among(templates: impl Iterator<Item = String>) -> Self {
        Self(templates.filter(|template| template.contains("}:")).collect())
    }

    /// The path that the router knows; `None` if it is `path` itself.
    fn rewritten(&self, path: &str) -> Option<String> {
        let (before, last) = path.rsplit_once('/')?;
        let (thing, verb) = last.rsplit_once(':')?;
        // The inner form is nobody's to ask for, so it is made into one that is not known.
        let is_inner = path.contains(MARK);
        let is_known = self.0.iter().any(|template| fits(template, path));
        (is_inner || is_known).then(|| format!("{before}/{thing}{MARK}{verb}"))
    }
}

/// Rewrites the path of a request that is for a verb on one thing.
pub(crate) async fn rewrite(State(verbs): State<Verbs>, mut request: Request, next: Next) -> Response {
    if let Some(path) = verbs.rewritten(request.uri().path())
        && let Some(uri) = with_path(request.uri(), &path)
    {
        *request.uri_mut() = uri;
    }
    next.run(request).await
}

fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (template.split('/'), path.split('/'));
    let segments_fit = wanted.by_ref().zip(found.by_ref()).all(|(wanted, found)| {
        match (wanted.split_once("}:"), wanted.starts_with('{')) {
            (Some((_, verb)), _) => found.rsplit_once(':').is_some_and(|(_, found)| found == verb),
            (None, true) => !found.is_empty(),
            (None, false) => wanted == found,
        }
    });
    let same_length = template.split('/').count() == path.split('/').count();
    segments_fit && same_length
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{path}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_verbs_on_one_thing_are_rewritten() {
        let templates = [
            "/apps/{app}/releases/{release}:restore",
            "/apps/{app}/releases:compare",
        ];
        let verbs = Verbs::among(templates.into_iter().map(str::to_owned));
        for (path, expected) in [
            ("/apps/a/releases/7:restore", Some("/apps/a/releases/7/!:restore")),
            (
                "/apps/a/releases/x:y:restore",
                Some("/apps/a/releases/x:y/!:restore"),
            ),
            ("/apps/a/releases/7:other", None),
            ("/apps/a/releases:compare", None),
            ("/apps/a/scripts/7:restore", None),
            ("/apps/a/releases/7:restore/more", None),
            ("/apps//releases/7:restore", None),
            ("/apps/a/releases/7", None),
            (
                "/apps/a/releases/7/!:restore",
                Some("/apps/a/releases/7/!/!:restore"),
            ),
        ] {
            assert_eq!(verbs.rewritten(path).as_deref(), expected, "{path}");
        }
        assert_eq!(inner(templates[0]), "/apps/{app}/releases/{release}/!:restore");
        assert_eq!(
            outer("/apps/a/releases/7/!:restore"),
            "/apps/a/releases/7:restore"
        );
    }
}
