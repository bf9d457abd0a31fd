//! `POST /api/v1/admin/apps/{app}/users:import`.

mod batch;
mod lines;

use axum::{Json, extract::State};
use picloud_shared::{audit, id::AppId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, QueryParams, TextBody},
        file::{self, Format, Mode},
        import::Import,
        problem::{Answer, problems},
    },
};

problems!(
    ImportEndUsersProblems: NotFound, ValidationFailed, BodyTooLarge, UsernameTaken, Conflict, QuotaExceeded,
    CommitUnknown, TooManyRequests, LoopDetected
);

/// How the file is, and what becomes of who is there.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportEndUsersQuery {
    /// `json`, one object per line, or `csv`.
    #[serde(default)]
    #[param(inline, default = "json")]
    format: Format,
    /// `insert`: an id that is there already ends the import; `replace`: that user becomes as the file says, and keeps the
    /// password unless the file has another.
    #[serde(default)]
    #[param(inline, default = "insert")]
    mode: Mode,
}

/// What became of a file.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportedEndUsers)]
pub(crate) struct ImportedBody {
    /// How many users were written.
    written: usize,
}

/// Import an app's own users
///
/// From a file as `users:export` writes it, of at most 4 MiB. Only `name` has to be there. Who has no `password_hash` in it
/// cannot sign in until a password is set; one from elsewhere is taken if it is Argon2id in PHC form, with at most 64 MiB, 4
/// passes and 4 lanes. All of it is read before anything is written; then it is written in steps of 50 users, each of them
/// whole. The first user whose name, address or id is taken ends the import: the problem says the line, and how many users
/// were written before.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/users:import",
    tag = "users",
    params(ImportEndUsersQuery),
    request_body(content((String = "application/x-ndjson"), (String = "text/csv"))),
    responses((status = 200, description = "Imported", body = ImportedBody), ImportEndUsersProblems),
)]
pub(crate) async fn import_end_users(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<ImportEndUsersQuery>,
    TextBody(body): TextBody,
) -> Answer<Json<ImportedBody>> {
    let format = query.format;
    let rows = file::aside(move || lines::read(&body, format)).await?;
    let import = Import {
        manager: &manager,
        caller: &caller,
        app: app.id,
        action: "import_end_users",
        target: audit::Target {
            kind: "app".to_owned(),
            id: Some(app.id.to_string()),
            name: Some(app.slug.to_string()),
        },
    };
    let target = Target {
        manager: &manager,
        caller: &caller,
        app: app.id,
        mode: query.mode,
    };
    let written = import.run(&target, batch::batches(rows)).await?;
    Ok(Json(ImportedBody { written }))
}

/// Where users are imported.
struct Target<'t> {
    manager: &'t Manager,
    caller: &'t Caller,
    app: AppId,
    mode: Mode,
}
