//! `GET /api/v1/admin/users:search`: what somebody may see of others to add them to an app.

use axum::{Json, extract::State};
use picloud_shared::member::Candidate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    Manager,
    http::{
        access::Caller,
        executions::list::SEARCH_CHARS_MAX,
        extract::{QueryParams, find_by_text},
        problem::{Answer, problems},
        validate::Violations,
    },
};

/// How many people an answer has at most. Who is looked for and not among them is found by more of their name.
const CANDIDATES_MAX: u32 = 20;

problems!(SearchUsersProblems: NotFound);

/// Who is looked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchUsersQuery {
    /// Id or slug of the app to which somebody is to be added.
    app: String,
    /// With this in their username, in any case; without it, the first in the order of the names.
    q: Option<String>,
}

/// People who could become members of an app.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserSearch {
    /// In the order of their names, 20 at most.
    items: Vec<CandidateBody>,
    /// Always null: there are no further pages.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Somebody who could become a member of an app.
#[derive(Serialize, ToSchema)]
#[schema(as = Candidate)]
pub(crate) struct CandidateBody {
    id: Uuid,
    username: String,
}

impl From<Candidate> for CandidateBody {
    fn from(candidate: Candidate) -> Self {
        Self {
            id: candidate.id.0,
            username: candidate.username.as_str().to_owned(),
        }
    }
}

/// Find people to add to an app
///
/// Active accounts with the role `member` that are not in the app yet.
#[utoipa::path(
    get,
    path = "/api/v1/admin/users:search",
    tag = "members",
    params(SearchUsersQuery),
    responses((status = 200, description = "Who was found", body = UserSearch), SearchUsersProblems),
)]
pub(crate) async fn search_users(
    State(manager): State<Manager>,
    caller: Caller,
    QueryParams(query): QueryParams<SearchUsersQuery>,
) -> Answer<Json<UserSearch>> {
    let app = find_by_text(&manager, &query.app).await?;
    caller.permit(&manager, app.id, "app").await?;
    let part = query.q.unwrap_or_default();
    let mut violations = Violations::default();
    violations.require(
        part.chars().count() <= SEARCH_CHARS_MAX,
        "q",
        format!("must have at most {SEARCH_CHARS_MAX} characters"),
    );
    violations.finish()?;
    let found = manager
        .repository()
        .find_candidates(app.id, &part, CANDIDATES_MAX)
        .await?;
    Ok(Json(UserSearch {
        items: found.into_iter().map(CandidateBody::from).collect(),
        next_cursor: None,
    }))
}
