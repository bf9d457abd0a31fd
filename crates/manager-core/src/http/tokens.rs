//! `/api/v1/admin/tokens`: the own API tokens, with which programs sign in.

use axum::{Json, extract::State, response::IntoResponse};
use http::{StatusCode, header};
use picloud_shared::{
    access::{AppRole, Ceiling},
    id::{AppId, TokenId},
    problem::Code,
    repository::{CreateTokenError, TOKENS_PER_PERSON_MAX},
    time::Timestamp,
    token::ApiToken,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    access::Caller,
    extract::{InPath, JsonBody, find_by_text},
    list::List,
    problem::{Answer, Refusal, not_found, problem, problems},
    validate::Violations,
};
use crate::{Manager, accounts::ApiTokenText};

/// An API token, without its text.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiToken)]
pub(crate) struct TokenBody {
    id: Uuid,
    #[schema(example = "deploy from CI")]
    name: String,
    /// The last characters of its text.
    #[schema(example = "x7Qd")]
    hint: String,
    /// The only app in which it is good for anything; null for all.
    #[schema(required)]
    app_id: Option<Uuid>,
    /// The highest role that it has in an app; null for that of its person.
    #[schema(required, value_type = Option<String>, example = "editor")]
    role: Option<AppRole>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it ends; null for never.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// To within a minute; null if it was never used.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

/// An API token that was made just now, with its text.
#[derive(Serialize, ToSchema)]
#[schema(as = NewApiToken)]
pub(crate) struct NewTokenBody {
    id: Uuid,
    /// For `Authorization: Bearer <token>`. It is shown only here.
    #[schema(example = "pct_0eZ7sVh2KqLr9PwXcBn4TyUa6MdGj8FoRi1EtYx3WvQ5QnH5Kx7Qd")]
    token: String,
    #[schema(example = "deploy from CI")]
    name: String,
    /// The last characters of its text.
    #[schema(example = "x7Qd")]
    hint: String,
    /// The only app in which it is good for anything; null for all.
    #[schema(required)]
    app_id: Option<Uuid>,
    /// The highest role that it has in an app; null for that of its person.
    #[schema(required, value_type = Option<String>, example = "editor")]
    role: Option<AppRole>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it ends; null for never.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Null, as it was never used yet.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

impl NewTokenBody {
    fn of(text: &ApiTokenText, token: ApiToken) -> Self {
        let listed = TokenBody::from(token);
        Self {
            id: listed.id,
            token: text.as_str().to_owned(),
            name: listed.name,
            hint: listed.hint,
            app_id: listed.app_id,
            role: listed.role,
            created_at: listed.created_at,
            expires_at: listed.expires_at,
            last_used_at: listed.last_used_at,
        }
    }
}

impl From<ApiToken> for TokenBody {
    fn from(token: ApiToken) -> Self {
        Self {
            id: token.id.0,
            name: token.name,
            hint: token.hint,
            app_id: token.ceiling.app.map(|app| app.0),
            role: token.ceiling.role,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// List the own API tokens
///
/// Newest first, all on one page, those that have ended too.
#[utoipa::path(
    get,
    path = "/api/v1/admin/tokens",
    tag = "accounts",
    responses((status = 200, description = "The tokens", body = List<TokenBody>)),
)]
pub(crate) async fn list_tokens(
    State(manager): State<Manager>,
    caller: Caller,
) -> Answer<Json<List<TokenBody>>> {
    let tokens = manager.repository().list_tokens(caller.user.id).await?;
    Ok(Json(List::whole(
        tokens.into_iter().map(TokenBody::from).collect(),
    )))
}

problems!(CreateTokenProblems: NotFound, TokenNameTaken, TooManyTokens);

/// A new API token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateToken {
    /// 1 to 100 characters, another than those of the own other tokens.
    #[schema(example = "deploy from CI")]
    name: String,
    /// When it is to end; never, if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Id or slug of the only app in which it is to be good for anything.
    #[serde(default)]
    #[schema(example = "shop")]
    app: Option<String>,
    /// The highest role that it is to have in an app: `viewer`, `editor` or `app_admin`.
    #[serde(default)]
    #[schema(example = "editor")]
    role: Option<String>,
}

/// Make an API token
///
/// For programs that act in the own name. It never does more than its person may do at that moment; with `app` or
/// `role` it does less, and nothing that concerns the instance. What concerns the account itself is closed to it. It
/// ends when it is deleted, at `expires_at`, and when its person is deactivated.
#[utoipa::path(
    post,
    path = "/api/v1/admin/tokens",
    tag = "accounts",
    request_body = CreateToken,
    responses((status = 201, description = "Made", body = NewTokenBody), CreateTokenProblems),
)]
pub(crate) async fn create_token(
    State(manager): State<Manager>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateToken>,
) -> Answer<impl IntoResponse> {
    let change = caller.change(&manager, None);
    let mut violations = Violations::default();
    violations.name("name", &body.name);
    let role = violations.parse_some("role", body.role.as_deref());
    let ends_later = body.expires_at.is_none_or(|end| end > change.at);
    violations.require(ends_later, "expires_at", "must be in the future");
    violations.finish()?;
    let app = match &body.app {
        Some(name) => Some(visible_app(&manager, &caller, name).await?),
        None => None,
    };

    let text = ApiTokenText::generate();
    let token = ApiToken {
        id: TokenId::new(change.at),
        user_id: caller.user.id,
        name: body.name,
        token_hash: text.hash(),
        hint: text.hint().to_owned(),
        ceiling: Ceiling { app, role },
        created_at: change.at,
        expires_at: body.expires_at,
        last_used_at: None,
    };
    let made = manager.repository().create_token(&token, &change).await;
    made.map_err(|error| refusal(error, &token.name))?;
    tracing::info!(user.id = %token.user_id, token.id = %token.id, "API token made");
    let location = format!("/api/v1/admin/tokens/{}", token.id);
    let body = NewTokenBody::of(&text, token);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(body)))
}

/// The app of that name, if the caller has any role there.
async fn visible_app(manager: &Manager, caller: &Caller, name: &str) -> Answer<AppId> {
    let app = find_by_text(manager, name).await?.id;
    let role = caller.find_role(manager, app).await?;
    role.map(|_| app).ok_or_else(|| caller.hide(app, "app"))
}

fn refusal(error: CreateTokenError, name: &str) -> Refusal {
    match error {
        CreateTokenError::NameTaken => problem(
            Code::TokenNameTaken,
            format!("Another of your tokens is called `{name}`; choose another name, or delete it first."),
        ),
        CreateTokenError::TooMany => problem(
            Code::TooManyTokens,
            format!("You have {TOKENS_PER_PERSON_MAX} API tokens. Delete one that you do not need any more."),
        ),
        CreateTokenError::NoPerson => problem(
            Code::Unauthenticated,
            "Your session has ended. Sign in again, then make the token.",
        ),
        CreateTokenError::NoApp => not_found("app"),
        CreateTokenError::Store(error) => error.into(),
    }
}

problems!(DeleteTokenProblems: NotFound);

/// Delete an own API token
///
/// It signs nobody in from now on.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/tokens/{token}",
    tag = "accounts",
    responses((status = 204, description = "Deleted"), DeleteTokenProblems),
)]
pub(crate) async fn delete_token(
    State(manager): State<Manager>,
    caller: Caller,
    InPath(token): InPath<TokenId>,
) -> Answer<StatusCode> {
    let change = caller.change(&manager, None);
    let deleted = manager
        .repository()
        .delete_token(caller.user.id, token, &change)
        .await?;
    if deleted {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(not_found("token"))
    }
}
